"""The time of day, as this process saw it first: a clock that is set meanwhile changes nothing."""

from __future__ import annotations

import time


def _running() -> float:
    # Unlike the monotonic clock it goes on while the machine sleeps.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_AT_START = time.time() - _running()


def now() -> float:
    """Seconds since 1970."""
    return _AT_START + _running()
