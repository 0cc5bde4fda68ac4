"""Two clocks: the machine's own, and one that moves only when it is told to.

The modules below read the machine's clock through the names bound here at import, because in
deterministic mode ``time.sleep``, ``time.time`` and their kin are replaced for the script.
"""

from __future__ import annotations

from time import monotonic as real_monotonic
from time import perf_counter as real_perf_counter
from time import sleep as real_sleep
from time import time as real_time
from typing import Protocol

__all__ = [
    "Clock",
    "RealClock",
    "VirtualClock",
    "real_monotonic",
    "real_perf_counter",
    "real_sleep",
    "real_time",
]

# Where virtual time starts, in seconds. Not 0: scripts take 0 for "never".
VIRTUAL_START_S = 1000.0
# What time.time() says at that moment: any date will do that is the same in every run.
VIRTUAL_EPOCH_S = 1_700_000_000.0
# A script divides by differences of readings, so no two may be equal.
TICK_S = 1e-6


class Clock(Protocol):
    """Seconds since some start; never goes back."""

    def now(self) -> float:
        """The time in seconds."""
        ...


class RealClock:
    """The machine's steady clock: the one ``dai.Clock`` reads too."""

    def now(self) -> float:
        """The steady clock's time in seconds."""
        return real_monotonic()


class VirtualClock:
    """Time as the deterministic scheduler lets it pass."""

    def __init__(self, start_s: float = VIRTUAL_START_S) -> None:
        self._now = start_s
        self._last_reading = start_s

    def now(self) -> float:
        """The virtual time in seconds."""
        return self._now

    def reading(self) -> float:
        """The time as a script sees it: later, if only by a microsecond, at every call."""
        self._last_reading = max(self._last_reading + TICK_S, self._now)
        return self._last_reading

    @property
    def last_reading(self) -> float:
        """What a script was told last."""
        return self._last_reading

    def advance(self, to_s: float) -> None:
        """Let time pass until ``to_s``; a moment already gone changes nothing."""
        self._now = max(self._now, to_s)
