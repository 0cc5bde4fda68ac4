"""The chip's vitals as ``depthai``'s own records and message."""

from __future__ import annotations

from typing import Any

import depthai as dai

from .vitals import Memory, Vitals


def memory_info(memory: Memory) -> Any:
    """A ``MemoryInfo``; bytes."""
    info = dai.MemoryInfo()
    info.total, info.used = memory.total, memory.used
    info.remaining = memory.total - memory.used
    return info


def cpu_usage(share: float) -> Any:
    """A ``CpuUsage`` over the last second."""
    usage = dai.CpuUsage()
    usage.average, usage.msTime = share, 1000
    return usage


def chip_temperature(vitals: Vitals) -> Any:
    """A ``ChipTemperature``."""
    chip = dai.ChipTemperature()
    for part, celsius in vitals.celsius.items():
        setattr(chip, part, celsius)
    chip.average = vitals.average_c
    return chip


def system_information(vitals: Vitals) -> Any:
    """All of it as the message that ``SystemLogger`` sends."""
    message = dai.SystemInformation()
    message.ddrMemoryUsage = memory_info(vitals.ddr)
    message.cmxMemoryUsage = memory_info(vitals.cmx)
    message.leonCssMemoryUsage = memory_info(vitals.css_heap)
    message.leonMssMemoryUsage = memory_info(vitals.mss_heap)
    message.leonCssCpuUsage = cpu_usage(vitals.css_load)
    message.leonMssCpuUsage = cpu_usage(vitals.mss_load)
    message.chipTemperature = chip_temperature(vitals)
    return message
