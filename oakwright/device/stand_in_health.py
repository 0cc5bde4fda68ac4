"""How a ``dai.Device`` fares: its log, heat, memory and load, and what a crash left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import depthai as dai

from . import vitals_messages
from .log import DeviceLog, Level, LogMessage
from .stand_in_base import OpenCamera
from .vitals import Vitals, vitals_at

if TYPE_CHECKING:
    from .graph import Graph


class Health(OpenCamera):
    """See the module."""

    _log: DeviceLog
    _graph: Graph | None
    _started_s: float
    _logging_rate: float
    _chunk: int

    def setLogLevel(self, level: Any) -> None:
        """What is said at all."""
        self._log.level = Level(int(level))

    def getLogLevel(self) -> Any:
        """See setLogLevel."""
        return dai.LogLevel(int(self._log.level))

    def setLogOutputLevel(self, level: Any) -> None:
        """What reaches stderr."""
        self._log.output_level = Level(int(level))

    def getLogOutputLevel(self) -> Any:
        """See setLogOutputLevel."""
        return dai.LogLevel(int(self._log.output_level))

    def addLogCallback(self, callback: Callable[[LogMessage], None]) -> int:
        """Call this with every line said."""
        return self._log.add_callback(callback)

    def removeLogCallback(self, callbackId: int) -> bool:
        """Whether there was one of that number."""
        return self._log.remove_callback(callbackId)

    def getChipTemperature(self) -> Any:
        """See ``vitals``."""
        return vitals_messages.chip_temperature(self._vitals())

    def getDdrMemoryUsage(self) -> Any:
        """See ``vitals``: made up, memory is not simulated."""
        return vitals_messages.memory_info(self._vitals().ddr)

    def getCmxMemoryUsage(self) -> Any:
        """See getDdrMemoryUsage."""
        return vitals_messages.memory_info(self._vitals().cmx)

    def getLeonCssHeapUsage(self) -> Any:
        """See getDdrMemoryUsage."""
        return vitals_messages.memory_info(self._vitals().css_heap)

    def getLeonMssHeapUsage(self) -> Any:
        """See getDdrMemoryUsage."""
        return vitals_messages.memory_info(self._vitals().mss_heap)

    def getLeonCssCpuUsage(self) -> Any:
        """See getDdrMemoryUsage."""
        return vitals_messages.cpu_usage(self._vitals().css_load)

    def getLeonMssCpuUsage(self) -> Any:
        """See getDdrMemoryUsage."""
        return vitals_messages.cpu_usage(self._vitals().mss_load)

    def _vitals(self) -> Vitals:
        self._check_open()
        age_s = self._session.scheduler.clock.now() - self._started_s
        faults, nodes = self._session.faults, len(self._graph.nodes) if self._graph else 0
        return vitals_at(age_s, nodes, faults.celsius(age_s) if faults is not None else None)

    def setSystemInformationLoggingRate(self, rateHz: float) -> None:
        """Remembered."""
        self._logging_rate = rateHz

    def getSystemInformationLoggingRate(self) -> float:
        """What was set."""
        return self._logging_rate

    def setXLinkChunkSize(self, sizeBytes: int) -> None:
        """Remembered."""
        self._chunk = sizeBytes

    def getXLinkChunkSize(self) -> int:
        """What was set."""
        return self._chunk

    def setTimesync(self, *arguments: Any, **named: Any) -> None:
        """Host and device share one clock here: nothing to do."""

    def hasCrashDump(self) -> bool:
        """Whether it crashed before this, on demand, and nobody has taken the dump."""
        self._check_open()
        faults = self._session.faults
        return faults is not None and self._id in faults.dumps

    def getCrashDump(self, clearCrashDump: bool = True) -> Any:
        """What a crash left there, an empty one otherwise."""
        self._check_open()
        faults = self._session.faults
        dumps = faults.dumps if faults is not None else {}
        dump = dumps.get(self._id) or dai.CrashDump()
        if clearCrashDump:
            dumps.pop(self._id, None)
        return dump
