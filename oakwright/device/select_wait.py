"""A script's own server or asyncio loop in a deterministic run: it waits without the baton.

``selectors`` is what both wait with. A wait of theirs is asked for again and again, each time for
no time at all, and ends when a file is ready or its virtual time has passed: while it lasts, the
cameras go on. What comes over a real network comes when it comes: only that is not the same in
every run. Waits for processes are real, as they always were: no virtual time passes while a
process computes.
"""

from __future__ import annotations

import selectors
import sys
from collections.abc import Callable
from typing import Any

from .baton import BatonScheduler
from .scheduler import Waiting

# Those with a select of their own; DefaultSelector is one of them.
_KINDS = ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector")
# Packages that wait for processes: their own, and the engine that compiles.
_FOR_PROCESSES = ("subprocess", "multiprocessing", "oakwright")
_WHY = Waiting("waits for a file or connection of the script's own")


def patch_selectors(scheduler: BatonScheduler) -> list[Callable[[], None]]:
    """Every kind of selector gives the baton away while it waits; gives what undoes it."""
    undo = []
    for name in _KINDS:
        kind = getattr(selectors, name, None)
        if kind is not None:
            undo.append(_patch(scheduler, kind))
    return undo


def _patch(scheduler: BatonScheduler, kind: Any) -> Callable[[], None]:
    select, had_own = kind.select, "select" in vars(kind)

    def select_with_baton(self: Any, timeout: float | None = None) -> Any:
        if not scheduler.knows() or _is_for_process():
            return select(self, timeout)
        found = select(self, 0)
        if found or (timeout is not None and timeout <= 0):
            return found

        def is_ready() -> bool:
            nonlocal found
            found = select(self, 0)
            return bool(found)

        until = None if timeout is None else scheduler.clock.now() + timeout
        scheduler.wait(is_ready, _WHY, until=until, outside=True)
        return found

    kind.select = select_with_baton

    def put_back() -> None:
        if had_own:
            kind.select = select
        else:
            del kind.select

    return put_back


def _is_for_process() -> bool:
    """Whether the caller's caller is of a package that waits for processes."""
    name = str(sys._getframe(2).f_globals.get("__name__"))
    return name.partition(".")[0] in _FOR_PROCESSES
