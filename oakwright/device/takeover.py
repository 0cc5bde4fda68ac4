"""In deterministic mode: everything a script can wait with is the scheduler's.

``time`` reads the virtual clock, ``dai.Clock`` too; threads the script starts run only with the
baton; its locks, conditions, events and queues give the baton away while they wait. Threads that
are none of the session's keep the real things.
"""

from __future__ import annotations

import datetime
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import depthai as dai

from .baton import BatonScheduler, real_waits
from .clock import TICK_S, VIRTUAL_EPOCH_S, VIRTUAL_START_S
from .clock import real_sleep as _real_sleep
from .scheduler import Waiting
from .select_wait import patch_selectors

# Readings of the clock without any wait between them, after which a script counts as spinning.
SPIN_READINGS = 256

_RealLock = threading.Lock


@contextmanager
def take_over(scheduler: BatonScheduler) -> Iterator[None]:
    """Replace ``time``, ``dai.Clock`` and ``threading``'s waits until the end of the block."""
    undo = [
        *_patch_interrupt(scheduler),
        *_patch_time(scheduler),
        *(
            _patch_stamp(scheduler, kind)
            for kind in (dai.ImgFrame, dai.EncodedFrame, dai.PointCloudData)
        ),
        *_patch_threads(scheduler),
        *patch_selectors(scheduler),
    ]
    try:
        yield
    finally:
        for put_back in reversed(undo):
            put_back()


def _replace(owner: Any, name: str, value: Any) -> Callable[[], None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    return lambda: setattr(owner, name, original)


# -- the interrupt


def _patch_interrupt(scheduler: BatonScheduler) -> list[Callable[[], None]]:
    """Ctrl-C ends the host's wait when its turn comes; a handler of the user's own is left be."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return []

    def interrupt(number: int, frame: Any) -> None:
        if not scheduler.interrupt():
            signal.default_int_handler(number, frame)

    def put_back() -> None:
        # A script may have put its own in its place meanwhile.
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, interrupt)
    return [put_back]


# -- time


def _patch_time(scheduler: BatonScheduler) -> list[Callable[[], None]]:
    readings = 0

    def read() -> float:
        nonlocal readings
        readings += 1
        if readings >= SPIN_READINGS:
            readings = 0
            scheduler.sleep(scheduler.poll_s)
        return scheduler.virtual.reading()

    def known(value: Callable[[], Any], original: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: value() if scheduler.knows() else original()

    def sleep(seconds: float) -> None:
        if scheduler.knows():
            # From what the script read last, and a little more: it may ask whether it slept.
            behind = scheduler.virtual.last_reading - scheduler.virtual.now()
            scheduler.sleep(float(seconds) + max(behind, 0.0) + TICK_S)
        else:
            _real_sleep(seconds)

    def epoch() -> float:
        return VIRTUAL_EPOCH_S + read() - VIRTUAL_START_S

    class Clock:
        """Stands for ``dai.Clock``."""

        @staticmethod
        def now() -> datetime.timedelta:
            return datetime.timedelta(seconds=read())

    values: dict[str, Callable[[], Any]] = {
        "time": epoch,
        "time_ns": lambda: int(epoch() * 1e9),
        "monotonic": read,
        "monotonic_ns": lambda: int(read() * 1e9),
        "perf_counter": read,
        "perf_counter_ns": lambda: int(read() * 1e9),
    }
    undo = [
        _replace(time, name, known(value, getattr(time, name))) for name, value in values.items()
    ]
    return [*undo, _replace(time, "sleep", sleep), _replace(dai, "Clock", Clock)]


def _patch_stamp(scheduler: BatonScheduler, kind: Any) -> Callable[[], None]:
    """New messages of a kind carry the time, which in depthai's own code is the real one."""
    make = kind.__init__

    def make_stamped(self: Any, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        if scheduler.knows():
            self.setTimestamp(datetime.timedelta(seconds=scheduler.virtual.now()))

    return _replace(kind, "__init__", make_stamped)


# -- threads


def _patch_threads(scheduler: BatonScheduler) -> list[Callable[[], None]]:
    start, join = threading.Thread.start, threading.Thread.join
    wait = threading.Condition.wait
    tasks: dict[threading.Thread, Any] = {}

    def start_with_baton(self: threading.Thread) -> None:
        if not scheduler.knows():
            start(self)
            return
        # In the order the script starts them, whatever the machine does with the threads.
        task = tasks[self] = scheduler.adopt_later(f"host thread {self.name}")
        run = self.run

        def run_with_baton() -> None:
            scheduler.enter(task)
            try:
                run()
            finally:
                scheduler.leave(task)

        self.run = run_with_baton  # type: ignore[method-assign]
        with real_waits():
            start(self)

    def join_with_baton(self: threading.Thread, timeout: float | None = None) -> None:
        task = tasks.get(self)
        if task is None or not scheduler.knows():
            join(self, timeout)
            return
        until = None if timeout is None else scheduler.clock.now() + timeout
        why = Waiting(f"waits for the end of {self.name}")
        if scheduler.wait(lambda: task.is_done, why, until=until, outside=True):
            with real_waits():
                join(self)

    def wait_with_baton(self: threading.Condition, timeout: float | None = None) -> bool:
        if not scheduler.knows():
            return wait(self, timeout)
        # As Condition.wait does it, but asking for the signal instead of blocking on it.
        signal = _RealLock()
        signal.acquire()
        self._waiters.append(signal)  # type: ignore[attr-defined]
        saved = self._release_save()  # type: ignore[attr-defined]
        until = None if timeout is None else scheduler.clock.now() + timeout
        try:
            came = scheduler.wait(
                lambda: signal.acquire(blocking=False),
                Waiting("waits for a signal of the script's own"),
                until=until,
                outside=True,
            )
        finally:
            self._acquire_restore(saved)  # type: ignore[attr-defined]
        if not came:
            with suppress(ValueError):
                self._waiters.remove(signal)  # type: ignore[attr-defined]
        return came

    return [
        _replace(threading.Thread, "start", start_with_baton),
        _replace(threading.Thread, "join", join_with_baton),
        _replace(threading.Condition, "wait", wait_with_baton),
        _replace(threading, "Lock", lambda: BatonLock(scheduler)),
    ]


class BatonLock:
    """A lock that gives the baton away while its task waits for it."""

    def __init__(self, scheduler: BatonScheduler) -> None:
        self._lock = _RealLock()
        self._scheduler = scheduler

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As ``threading.Lock``'s."""
        if self._lock.acquire(blocking=False):
            return True
        if not blocking:
            return False
        scheduler = self._scheduler
        if not scheduler.knows():
            return self._lock.acquire(blocking, timeout)
        until = None if timeout < 0 else scheduler.clock.now() + timeout
        return scheduler.wait(
            lambda: self._lock.acquire(blocking=False),
            Waiting("waits for a lock of the script's own"),
            until=until,
            outside=True,
        )

    def release(self) -> None:
        """As ``threading.Lock``'s."""
        self._lock.release()

    def locked(self) -> bool:
        """As ``threading.Lock``'s."""
        return self._lock.locked()

    def _at_fork_reinit(self) -> None:
        """As ``threading.Lock``'s: nobody holds it in the child."""
        self._lock = _RealLock()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exception: object) -> None:
        self.release()
