"""Who may run, and who waits for what.

Every node, callback and host thread is a ``Task``. All waiting goes through ``Scheduler.wait``:
``ready`` is asked until it says yes, and may do the awaited thing itself (take the message), so
that asking and doing are one step. Two schedulers share this face:

- ``RealScheduler`` (here): a thread per task, the machine's clock.
- ``BatonScheduler`` (baton.py): one task at a time, in a fixed order, virtual time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from oakwright.errors import Deadlock, EndOfRun

from .clock import Clock, RealClock, real_monotonic, real_perf_counter

# How long after the end of a run the host may go on taking what is there.
HARD_END_S = 1.0
# How long a failing poll (tryGet, has) gives way: scripts that spin would starve the nodes.
POLL_S = 0.0005
# How long (real seconds, together) the threads of a device have to end once they are told to; one
# that waits for nothing is broken into after the first of these.
JOIN_S = 10.0
BREAK_IN_S = 1.0


class Stopped(BaseException):
    """Ends a node's thread when the device closes; no ``except Exception`` may swallow it."""


class Resource(Protocol):
    """Something tasks wait for: whoever changes it tells the scheduler."""

    waiters: list[Task]

    def describe(self) -> str:
        """Its name and state, for people."""
        ...


# What a task says that waits for a full queue's reader.
FULL = "waits for room in"


@dataclass(frozen=True)
class Waiting:
    """Why a task waits: ``what`` reads on after its name ("waits for a message in")."""

    what: str
    on: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.what, *(r.describe() for r in self.on)])


@dataclass(eq=False)
class Task:
    """A thread the scheduler knows. ``group`` is the device it belongs to, None for the host."""

    name: str
    order: int
    group: object | None = None
    thread: threading.Thread | None = None
    why: Waiting | None = None
    since: float = 0.0
    until: float | None = None
    ready: Callable[[], bool] | None = None
    stop: BaseException | None = None
    # Real seconds spent waiting, and when (real clock) it began: for the report.
    waited_s: float = 0.0
    began_s: float = field(default_factory=real_perf_counter)
    # Since when (real clock) it has been in the wait it is in now.
    waits_from_s: float | None = None
    is_done: bool = False
    wake: Any = field(default=None, repr=False)

    @property
    def is_host(self) -> bool:
        """Whether the user's code runs in it."""
        return self.group is None

    @property
    def busy_s(self) -> float:
        """Real seconds not spent waiting; another task may have had the processor in them."""
        now, waits_from_s = real_perf_counter(), self.waits_from_s
        return max((waits_from_s or now) - self.began_s - self.waited_s, 0.0)

    def describe(self) -> str:
        """Its name and why it waits."""
        return f"{self.name} {self.why or 'is running'}"


class Scheduler:
    """What both schedulers share: tasks by thread, patience, the deadlock's words.

    ``patience_s``: how long the host may wait in one call for what never comes; None is forever.
    ``finish`` sets when the run is over: from then on a host that would have to wait gets what
    ``end`` makes; what is there already it may still take.
    """

    is_deterministic = False
    poll_s = POLL_S

    def __init__(self, clock: Clock, *, patience_s: float | None = None) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.tasks: list[Task] = []
        self.patience_s = patience_s
        self.end: Callable[[], BaseException] = _end_of_run
        self.end_at_s: float | None = None
        self._by_thread: dict[int, Task] = {}
        self._made = 0

    # -- tasks

    def adopt(self, name: str, group: object | None = None) -> Task:
        """Make the calling thread a task."""
        with self.lock:
            task = self._new(name, group)
            task.thread = threading.current_thread()
            self._by_thread[threading.get_ident()] = task
            return task

    def current(self) -> Task:
        """The calling thread's task; a thread never seen before is the host's."""
        task = self._by_thread.get(threading.get_ident())
        if task is None:
            task = self.adopt(f"host thread {threading.current_thread().name}")
        return task

    def spawn(self, name: str, run: Callable[[], None], group: object) -> Task:
        """Start a task of a device."""
        task = self._new(name, group)

        def body() -> None:
            self._by_thread[threading.get_ident()] = task
            try:
                self._begin(task)
                run()
            except Stopped:
                pass
            finally:
                self._by_thread.pop(threading.get_ident(), None)
                self._finish(task)

        task.thread = threading.Thread(target=body, name=name, daemon=True)
        self._start_thread(task.thread)
        return task

    def stop(self, group: object) -> list[Task]:
        """End all tasks of a device at their next wait, and wait until their threads have ended.

        Gives those that have not after JOIN_S: a process must not let its interpreter end beside
        them, because a thread that is inside OpenCV or OpenVINO then takes the process down.
        """
        raise NotImplementedError

    def wait(self, ready: Callable[[], bool], why: Waiting, *, until: float | None = None) -> bool:
        """Wait until ``ready()``; False where ``until`` (clock time, seconds) came first."""
        raise NotImplementedError

    def changed(self, resource: Resource) -> None:
        """Say that a resource changed; call with ``lock`` held."""

    def sleep(self, seconds: float) -> None:
        """Let time pass for the calling task."""
        self.wait(never, Waiting("sleeps"), until=self.clock.now() + seconds)

    def finish(self, at_s: float) -> None:
        """Let the run be over from ``at_s`` (clock time) on."""
        with self.lock:
            if self.end_at_s is None or at_s < self.end_at_s:
                self.end_at_s = at_s

    @property
    def is_over(self) -> bool:
        """Whether the run's time is up."""
        return self.end_at_s is not None and self.clock.now() >= self.end_at_s

    # -- for the subclasses

    def _raise_orders(self, task: Task) -> None:
        """Raise what the task has been told to end with, if anything."""
        if task.stop is not None:
            raise task.stop

    def _new(self, name: str, group: object | None) -> Task:
        with self.lock:
            self._made += 1
            task = Task(name, self._made, group)
            self.tasks.append(task)
            return task

    def _start_thread(self, thread: threading.Thread) -> None:
        thread.start()

    def _begin(self, task: Task) -> None:
        pass

    def _finish(self, task: Task) -> None:
        with self.lock:
            task.is_done = True
            self.tasks.remove(task)

    def _deadlock(self, first: str) -> Deadlock:
        lines = tuple(t.describe() for t in self.tasks if t.why is not None)
        return Deadlock(
            "\n".join([first, *(f"  - {line}" for line in lines)]),
            remedy="read a full queue, make it non-blocking, or send what is waited for",
            waiting=lines,
        )

    def _starved(self, task: Task) -> Deadlock:
        waited = self.clock.now() - task.since
        return self._deadlock(f"{task.name} waited {waited:.0f} s for what never came")


class RealScheduler(Scheduler):
    """Real time: every task is a free thread; a condition per task wakes just that one."""

    def __init__(self, *, patience_s: float | None = None) -> None:
        super().__init__(RealClock(), patience_s=patience_s)

    def wait(self, ready: Callable[[], bool], why: Waiting, *, until: float | None = None) -> bool:
        """See Scheduler.wait."""
        with self.lock:
            task = self.current()
            end_at_s = self.end_at_s if task.is_host else None
            # A host that always finds something to take must end too.
            if end_at_s is not None and self.clock.now() >= end_at_s + HARD_END_S:
                raise self.end()
            if ready():
                return True
            if task.wake is None:
                task.wake = threading.Condition(self.lock)
            task.why, task.since = why, self.clock.now()
            for resource in why.on:
                resource.waiters.append(task)
            started = task.waits_from_s = real_perf_counter()
            try:
                return self._wait_awake(task, ready, until)
            finally:
                task.why = task.waits_from_s = None
                task.waited_s += real_perf_counter() - started
                for resource in why.on:
                    resource.waiters.remove(task)

    def _wait_awake(self, task: Task, ready: Callable[[], bool], until: float | None) -> bool:
        while True:
            self._raise_orders(task)
            if ready():
                return True
            now = self.clock.now()
            if task.is_host and self.is_over:
                raise self.end()
            if until is not None and now >= until:
                return False
            # A host task looks up now and then: for its patience and for the end of the run.
            pause = 0.25 if task.is_host else None
            patience_s = self.patience_s if task.is_host and until is None else None
            if patience_s is not None and now - task.since > patience_s:
                raise self._starved(task)
            if until is not None:
                pause = min(pause or until - now, until - now)
            task.wake.wait(pause)

    def changed(self, resource: Resource) -> None:
        """See Scheduler.changed."""
        for task in resource.waiters:
            task.wake.notify()

    def stop(self, group: object) -> list[Task]:
        """See Scheduler.stop."""
        with self.lock:
            tasks = [t for t in self.tasks if t.group is group]
            for task in tasks:
                task.stop = Stopped()
                if task.wake is not None:
                    task.wake.notify()
        return join_all(tasks)


def join_all(tasks: list[Task]) -> list[Task]:
    """Wait for the threads of tasks that have been told to stop; gives those that still run."""
    deadline = real_monotonic() + JOIN_S
    own = threading.current_thread()
    threads = [(t, t.thread) for t in tasks if t.thread is not None and t.thread is not own]
    for _, thread in threads:
        thread.join(timeout=BREAK_IN_S)
    for task, thread in threads:
        if thread.is_alive() and not task.is_done:
            _break_into(thread)
    for _, thread in threads:
        thread.join(timeout=max(deadline - real_monotonic(), 0.0))
    return [task for task, thread in threads if thread.is_alive()]


def _break_into(thread: threading.Thread) -> None:
    """Raise Stopped in a thread that asks for nothing: ``while True: pass`` in a Script node."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stopped)
    )


def never() -> bool:
    """Ready at no time: for a sleep."""
    return False


def always() -> bool:
    """Ready at once."""
    return True


def _end_of_run() -> BaseException:
    return EndOfRun("the frames or seconds that were asked for are over")
