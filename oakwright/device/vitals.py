"""How the chip fares: made up and constant, since neither memory nor heat is simulated."""

from __future__ import annotations

from typing import Any

import depthai as dai

CHIP_CELSIUS = 45.0
# Bytes: all there is, and what is used.
DDR = (340 << 20, 120 << 20)
CMX = (2560 << 10, 2100 << 10)
CSS_HEAP = (78 << 20, 40 << 20)
MSS_HEAP = (41 << 20, 12 << 20)
# Shares of a processor's time.
CSS_LOAD, MSS_LOAD = 0.25, 0.15


def memory(total: int, used: int) -> Any:
    """A ``MemoryInfo``; bytes."""
    info = dai.MemoryInfo()
    info.total, info.used, info.remaining = total, used, total - used
    return info


def load(share: float) -> Any:
    """A ``CpuUsage`` over the last second."""
    usage = dai.CpuUsage()
    usage.average = share
    usage.msTime = 1000
    return usage


def temperature() -> Any:
    """A ``ChipTemperature``: the same everywhere on the chip."""
    chip = dai.ChipTemperature()
    chip.css = chip.mss = chip.upa = chip.dss = chip.average = CHIP_CELSIUS
    return chip


def system_information() -> Any:
    """All of it as the message that ``SystemLogger`` sends."""
    message = dai.SystemInformation()
    message.ddrMemoryUsage, message.cmxMemoryUsage = memory(*DDR), memory(*CMX)
    message.leonCssMemoryUsage, message.leonMssMemoryUsage = memory(*CSS_HEAP), memory(*MSS_HEAP)
    message.leonCssCpuUsage, message.leonMssCpuUsage = load(CSS_LOAD), load(MSS_LOAD)
    message.chipTemperature = temperature()
    return message
