"""The deterministic scheduler: one task runs at a time, and time passes only when none can.

Rules. (1) Whoever holds the baton runs; it is handed on in ``wait`` and at a task's end, nowhere
else. (2) The next holder is the first task, in the order of their creation and starting after the
last one, whose ``ready`` says yes. (3) Only when nobody is ready does the clock move, to the
nearest ``until``. (4) If there is none, nobody will ever be ready: that is a deadlock, and the
first waiting host task gets it as an error. So the same input gives the same order, always.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .clock import VirtualClock, real_perf_counter, real_sleep
from .scheduler import FULL, Scheduler, Stopped, Task, Waiting, always, join_all

# Set in a thread whose waits are real ones for the moment, whatever takeover.py has replaced.
_REAL_WAITS = threading.local()

# How long (real seconds) a wait for something outside the device may hold up a deadlock's verdict.
OUTSIDE_S = 0.5


@contextmanager
def real_waits() -> Iterator[None]:
    """In here this thread's waits are real ones: for starting and ending threads."""
    _REAL_WAITS.on = True
    try:
        yield
    finally:
        _REAL_WAITS.on = False


class BatonScheduler(Scheduler):
    """Same input, same order, every run; names a deadlock the moment it stands."""

    is_deterministic = True
    # A failing poll costs virtual time, so that loops that only poll see time pass.
    poll_s = 0.001

    def __init__(self, *, patience_s: float | None = 60.0) -> None:
        self.virtual = VirtualClock()
        super().__init__(self.virtual, patience_s=patience_s)
        self._holder: Task | None = None
        # How often the baton was taken: a watchdog sees by it whether anything goes on.
        self.turns = 0
        self._last = 0
        # Tasks whose wait may be ended from outside (a lock, a thread that is none of ours).
        self._outside: set[Task] = set()
        self._timed_out: set[Task] = set()
        self._faults: dict[Task, BaseException] = {}
        # How many tasks wait for a device's nodes to end.
        self._closing = 0
        # Tasks within ``wait``, and of these the ones that end it with a KeyboardInterrupt.
        self._within: set[Task] = set()
        self._interrupted: set[Task] = set()

    # -- the face

    def adopt(self, name: str, group: object | None = None) -> Task:
        """Make the calling thread a task; it goes on once it has the baton."""
        with self.lock:
            task = super().adopt(name, group)
            self._prepare(task)
            if self._holder is None:
                self._holder, task.ready = task, None
                return task
        task.wake.acquire()
        return task

    def adopt_later(self, name: str) -> Task:
        """Make a task for a thread the host is about to start; it calls ``enter`` first."""
        task = self._new(name, None)
        self._prepare(task)
        return task

    def enter(self, task: Task) -> None:
        """The thread of ``adopt_later`` begins: wait for the baton."""
        self._by_thread[threading.get_ident()] = task
        task.thread = threading.current_thread()
        self._begin(task)

    def leave(self, task: Task) -> None:
        """The thread of ``adopt_later`` ends."""
        self._by_thread.pop(threading.get_ident(), None)
        self._finish(task)

    def knows(self) -> bool:
        """Whether the calling thread is a task, and not in ``real_waits``."""
        return threading.get_ident() in self._by_thread and not getattr(_REAL_WAITS, "on", False)

    def wait(
        self,
        ready: Callable[[], bool],
        why: Waiting,
        *,
        until: float | None = None,
        outside: bool = False,
    ) -> bool:
        """See Scheduler.wait; ``outside``: what ends the wait is none of the device's business."""
        task = self.current()
        self._raise_orders(task)
        if ready():
            return True
        self._within.add(task)
        task.why, task.since, task.until, task.ready = why, self.clock.now(), until, ready
        if task in self._interrupted:
            task.ready = always
        if outside:
            self._outside.add(task)
        started = task.waits_from_s = real_perf_counter()
        self._pass_on(task)
        task.waited_s += real_perf_counter() - started
        task.why = task.waits_from_s = None
        self._outside.discard(task)
        timed_out = task in self._timed_out
        self._timed_out.discard(task)
        fault = self._faults.pop(task, None)
        self._within.discard(task)
        if task in self._interrupted:
            self._interrupted.discard(task)
            task.ready = None
            raise KeyboardInterrupt
        if fault is not None:
            raise fault
        self._raise_orders(task)
        return not timed_out

    def interrupt(self) -> bool:
        """For a signal's handler: let the main thread's wait end with a KeyboardInterrupt.

        It does so once that thread has the baton: raised at once it would run beside whoever has
        it. False where there is nothing to wait for, or somebody has lost patience: raise then.
        """
        task = self._by_thread.get(threading.main_thread().ident or 0)
        if task is None or task not in self._within or task in self._interrupted:
            return False
        self._interrupted.add(task)
        task.ready = always
        return True

    def stop(self, group: object) -> list[Task]:
        """See Scheduler.stop."""
        tasks = [t for t in self.tasks if t.group is group and t is not self._holder]
        for task in tasks:
            task.stop = Stopped()
            task.ready = always
        self._close(tasks)
        with real_waits():
            return join_all(tasks)

    def _close(self, tasks: list[Task]) -> None:
        # The run may be over already, and that must not cut the closing short.
        self._closing += 1
        try:
            self.wait(lambda: all(t.is_done for t in tasks), Waiting("waits for its nodes' end"))
        finally:
            self._closing -= 1

    def retire(self) -> None:
        """The calling task goes on without the baton: for the end of a session."""
        if self.knows():
            self.leave(self.current())

    # -- the baton

    def _new(self, name: str, group: object | None) -> Task:
        task = super()._new(name, group)
        if group is not None:
            self._prepare(task)
        return task

    def _start_thread(self, thread: threading.Thread) -> None:
        with real_waits():
            thread.start()

    def _prepare(self, task: Task) -> None:
        task.wake = _thread.allocate_lock()
        task.wake.acquire()
        task.ready = always

    def _begin(self, task: Task) -> None:
        task.wake.acquire()
        task.began_s = real_perf_counter()
        self._raise_orders(task)

    def _finish(self, task: Task) -> None:
        super()._finish(task)
        chosen = self._choose()
        self._holder = chosen
        if chosen is not None:
            chosen.wake.release()

    def _pass_on(self, task: Task) -> None:
        chosen = self._choose()
        assert chosen is not None, "a waiting task is there to be chosen"
        if chosen is task:
            return
        self._holder = chosen
        chosen.wake.release()
        task.wake.acquire()

    def _choose(self) -> Task | None:
        """The next holder, moving the clock if need be; None where no task is left to wait."""
        waited_s = 0.0
        while True:
            ready = self._first_ready()
            if ready is not None:
                return self._take(ready)
            waiting = [t for t in self._in_order() if t.ready is not None]
            if not waiting:
                return None
            due = min((t.until for t in waiting if t.until is not None), default=None)
            ended = self._ended(due)
            if ended is not None:
                return ended
            if due is not None:
                self.virtual.advance(due)
                late = next(t for t in waiting if t.until is not None and t.until <= due)
                self._timed_out.add(late)
                return self._take(late)
            if self._outside and waited_s < OUTSIDE_S:
                real_sleep(0.001)
                waited_s += 0.001
                continue
            return self._fault(self._blamed(waiting), self._deadlock("nobody can go on"))

    def _first_ready(self) -> Task | None:
        for task in self._in_order():
            try:
                # One told to stop is, even if it began to wait only afterwards: an interrupt
                # reaches the host while a node has the baton.
                if task.ready is not None and (task.stop is not None or task.ready()):
                    return task
            except Exception as error:
                # It is that task's business (its queue was closed), not that of who asks here.
                self._faults[task] = error
                return task
        return None

    def _in_order(self) -> list[Task]:
        tasks = list(self.tasks)
        after = next((i for i, t in enumerate(tasks) if t.order > self._last), 0)
        return tasks[after:] + tasks[:after]

    def _take(self, task: Task) -> Task:
        task.ready = None
        self._last = task.order
        self.turns += 1
        return task

    def _ended(self, due: float | None) -> Task | None:
        """A host task whose time, or whose patience, is up before the next event."""
        hosts = [t for t in self.tasks if t.is_host and t.ready is not None]
        end_at_s = None if self._closing else self.end_at_s
        if end_at_s is not None and hosts and (due is None or due >= end_at_s):
            self.virtual.advance(end_at_s)
            return self._fault(hosts[0], self.end())
        if self.patience_s is None or due is None:
            return None
        blocked = self._blocked(self.patience_s)
        if blocked is not None and hosts:
            # The script polls one queue while another, that it never reads, holds the device up.
            waited = self.clock.now() - blocked.since
            text = f"{blocked.name} has waited {waited:.0f} s for room, and everything with it"
            return self._fault(hosts[0], self._deadlock(text))
        for task in hosts:
            waits_for_device = task.until is None and task not in self._outside
            if waits_for_device and due - task.since > self.patience_s:
                self.virtual.advance(due)
                return self._fault(task, self._starved(task))
        return None

    def _blocked(self, patience_s: float) -> Task | None:
        """A node that has found a queue full for so long, where no other node has a next event."""
        nodes = [t for t in self.tasks if t.group is not None and t.ready is not None]
        if any(t.until is not None for t in nodes):
            return None
        for task in nodes:
            full = task.why is not None and task.why.what == FULL
            if full and self.clock.now() - task.since > patience_s:
                return task
        return None

    def _blamed(self, waiting: list[Task]) -> Task:
        hosts = [t for t in waiting if t.is_host]
        return min(hosts or waiting, key=lambda t: t.order)

    def _fault(self, task: Task, error: BaseException) -> Task:
        self._faults[task] = error
        return self._take(task)


def baton_holder(scheduler: Any) -> tuple[int, Task] | None:
    """The turn, and who has it; None where nobody has, or nobody needs to: for a watchdog."""
    holder = getattr(scheduler, "_holder", None)
    return (scheduler.turns, holder) if holder is not None else None
