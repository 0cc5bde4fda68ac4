"""What the device says: to stderr and to whoever asked to be called."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """As ``dai.LogLevel``, by the same numbers."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERR = 4
    CRITICAL = 5
    OFF = 6


_NAMES = {Level.WARN: "warning", Level.ERR: "error"}


@dataclass(frozen=True)
class LogMessage:
    """Stands for ``dai.LogMessage``, which the host cannot make; attributes and types are its."""

    level: Any
    payload: str
    nodeIdName: str
    time: Any
    colorRangeStart: int = 0
    colorRangeEnd: int = 0


@dataclass(frozen=True)
class LogLine:
    """A line; ``time`` in seconds of the device's clock."""

    level: Level
    payload: str
    nodeIdName: str
    time: float

    def for_the_host(self) -> LogMessage:
        """As a script's callback gets it: ``dai.LogLevel`` and ``dai.Timestamp``."""
        import depthai as dai

        moment = dai.Timestamp()
        moment.sec, fraction = divmod(round(self.time * 1e9), 10**9)
        moment.nsec = fraction
        level = dai.LogLevel(int(self.level))
        return LogMessage(level, self.payload, self.nodeIdName, moment)


@dataclass
class DeviceLog:
    """A device's log. ``output_level`` is what reaches stderr, ``level`` what is said at all."""

    device_id: str
    now: Callable[[], float]
    level: Level = Level.WARN
    output_level: Level = Level.WARN
    lines: list[LogLine] = field(default_factory=list)
    _callbacks: dict[int, Callable[[LogMessage], None]] = field(default_factory=dict)
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, level: Level, node: str, text: str) -> None:
        """Log a line in a node's name; empty for the device itself."""
        line = LogLine(level, text, node, self.now())
        with self._lock:
            # The report keeps warnings and errors; a chatty script must not fill the memory.
            if level >= Level.WARN and len(self.lines) < 1000:
                self.lines.append(line)
            callbacks = list(self._callbacks.values()) if level >= self.level else []
        if level >= max(self.level, self.output_level):
            where = f" [{node}]" if node else ""
            name = _NAMES.get(level, level.name.lower())
            print(f"[{self.device_id}] [{line.time:.3f}]{where} [{name}] {text}", file=sys.stderr)
        for callback in callbacks:
            try:
                callback(line.for_the_host())
            except Exception:
                # The script's own mistake, on a thread of the device: shown, as for queues.
                traceback.print_exc()

    def add_callback(self, callback: Callable[[LogMessage], None]) -> int:
        """Call this with every line; gives the number to remove it by."""
        with self._lock:
            self._made += 1
            self._callbacks[self._made] = callback
            return self._made

    def remove_callback(self, number: int) -> bool:
        """Whether there was one of that number."""
        with self._lock:
            return self._callbacks.pop(number, None) is not None
