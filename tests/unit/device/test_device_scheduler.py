"""The baton: one order, virtual time, deadlocks with names."""

import signal
import threading
import time

import pytest

from oakwright.device.baton import BatonScheduler
from oakwright.device.clock import VIRTUAL_START_S, real_sleep
from oakwright.device.queue import Queue
from oakwright.device.scheduler import RealScheduler, Waiting, never
from oakwright.device.takeover import take_over
from oakwright.errors import Deadlock, EndOfRun


def baton(**options):
    scheduler = BatonScheduler(**options)
    scheduler.adopt("host")
    return scheduler


def test_tasks_take_turns_in_one_order_however_often_it_is_run():
    def run():
        scheduler, seen = baton(), []

        def work(name):
            for _ in range(5):
                seen.append(name)
                scheduler.sleep(0.001)

        for name in "abc":
            scheduler.spawn(name, lambda name=name: work(name), group="device")
        scheduler.sleep(1)
        return seen

    assert run() == run() == run() == list("abc" * 5)


def test_time_passes_only_when_nobody_can_run():
    scheduler = baton()
    started = time.monotonic()
    scheduler.sleep(3600)
    assert scheduler.clock.now() == 1000.0 + 3600
    assert time.monotonic() - started < 5


def test_a_deadlock_names_who_waits_for_whom():
    scheduler = baton()
    full, empty = Queue(scheduler, "queue 'full'", size=1), Queue(scheduler, "queue 'empty'")

    def send():
        full.put(1)
        full.put(2)

    scheduler.spawn("Sender(7)", send, group="device")
    with pytest.raises(Deadlock) as caught:
        empty.get()
    assert caught.value.waiting == (
        "host waits for a message in queue 'empty' (0 of 8, blocking)",
        "Sender(7) waits for room in queue 'full' (1 of 1, blocking)",
    )
    assert "nobody can go on" in str(caught.value)
    scheduler.stop("device")


def test_a_host_that_waits_too_long_is_told_although_cameras_tick():
    scheduler = baton(patience_s=5.0)

    def tick():
        while True:
            scheduler.sleep(0.1)

    scheduler.spawn("Camera(0)", tick, group="device")
    with pytest.raises(Deadlock, match="host waited 5 s for what never came"):
        Queue(scheduler, "queue 'q'").get()
    scheduler.stop("device")


def test_the_end_of_a_run_reaches_a_waiting_host():
    scheduler = baton()
    scheduler.finish(scheduler.clock.now() + 2)
    with pytest.raises(EndOfRun):
        scheduler.sleep(10)
    assert scheduler.clock.now() == 1002.0


def test_stopping_ends_tasks_wherever_they_wait():
    scheduler = baton()
    ended = []

    def wait_for(queue):
        try:
            queue.get()
        finally:
            ended.append(queue.name)

    for name in ("a", "b"):
        queue = Queue(scheduler, name)
        scheduler.spawn(name, lambda queue=queue: wait_for(queue), group="device")
    scheduler.sleep(0.1)
    scheduler.stop("device")
    assert ended == ["a", "b"]


def test_a_task_that_catches_everything_is_still_stopped():
    scheduler = baton()

    def stubborn():
        while True:
            try:
                scheduler.sleep(1)
            except Exception:
                continue

    scheduler.spawn("stubborn", stubborn, group="device")
    scheduler.sleep(0.1)
    scheduler.stop("device")
    assert [task.name for task in scheduler.tasks] == ["host"]


def test_the_scripts_clock_never_gives_the_same_reading_twice():
    scheduler = baton()
    with take_over(scheduler):
        readings = [time.monotonic() for _ in range(2000)] + [time.perf_counter()]
        before = time.time()
        time.sleep(5)
        assert time.time() - before == pytest.approx(5, abs=0.01)
    assert len(set(readings)) == len(readings)
    assert readings == sorted(readings)
    assert time.monotonic is not None
    assert abs(time.time() - 1_700_000_000) > 1e6


def test_an_interrupt_reaches_the_host_when_it_has_the_baton():
    scheduler, seen = baton(), []

    def node():
        scheduler.sleep(0.1)
        # As the signal's handler does; a second one is not to wait.
        seen.append((scheduler.interrupt(), scheduler.interrupt()))
        real_sleep(0.05)  # the host's thread would have time to run
        seen.append("node goes on")
        scheduler.sleep(1)

    scheduler.spawn("node", node, group="device")
    with pytest.raises(KeyboardInterrupt):
        scheduler.sleep(10)
    seen.append(f"host at {scheduler.clock.now() - VIRTUAL_START_S:.1f}")
    scheduler.sleep(1)
    scheduler.stop("device")
    assert seen == [(True, False), "node goes on", "host at 0.1"]


@pytest.fixture
def interruptible():
    """Processes in the background are started with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_outside_a_wait_comes_at_once():
    with take_over(baton()):
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_own_stays():
    def handler(number, frame):
        pass

    before = signal.signal(signal.SIGINT, handler)
    try:
        with take_over(baton()):
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_scripts_own_threads_locks_and_events_wait_without_the_baton():
    def run():
        scheduler, seen = baton(), []
        with take_over(scheduler):
            lock, event = threading.Lock(), threading.Event()

            def work(name):
                with lock:
                    seen.append(name)
                    time.sleep(0.1)
                if name == "c":
                    event.set()

            threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
            for thread in threads:
                thread.start()
            assert event.wait(10)
            for thread in threads:
                thread.join()
        return seen, scheduler.clock.now()

    assert run() == run() == run()
    assert run()[0] == ["a", "b", "c"]


def test_real_waits_end_by_their_time_and_by_patience():
    scheduler = RealScheduler(patience_s=0.3)
    queue = Queue(scheduler, "q")
    started = time.monotonic()
    assert queue.get(until=started + 0.05) is None
    with pytest.raises(Deadlock, match="never came"):
        queue.get()
    assert 0.3 < time.monotonic() - started < 3


def test_real_waiters_are_woken_by_what_they_wait_for():
    scheduler = RealScheduler()
    queue = Queue(scheduler, "q", size=1)
    scheduler.spawn("sender", lambda: [queue.put(i) for i in range(200)], group="device")
    started = time.monotonic()
    assert [queue.get() for _ in range(200)] == list(range(200))
    assert time.monotonic() - started < 2


def test_a_real_stop_interrupts_a_sleep():
    scheduler = RealScheduler()
    scheduler.spawn("sleeper", lambda: scheduler.sleep(60), group="device")
    started = time.monotonic()
    scheduler.stop("device")
    assert time.monotonic() - started < 2
    assert not scheduler.wait(never, Waiting("looks"), until=0)
