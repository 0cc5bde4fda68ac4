"""Queues: never more than their bound, nothing lost or out of order where they block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakwright.device.baton import BatonScheduler
from oakwright.device.queue import Queue, QueueClosed
from oakwright.device.scheduler import RealScheduler

ACTIONS = st.lists(st.sampled_from(["put", "get", "shrink", "grow"]), max_size=60)


@given(size=st.integers(1, 5), actions=ACTIONS)
def test_an_overwriting_queue_keeps_the_newest_within_its_bound(size, actions):
    queue = Queue(RealScheduler(), "q", size=size, is_blocking=False)
    sent, expected = 0, []
    for action in actions:
        if action == "put":
            queue.put(sent)
            expected.append(sent)
            sent += 1
            expected = expected[-queue.size :]
        elif action == "get":
            assert queue.try_get() == (expected.pop(0) if expected else None)
        else:
            queue.configure(size=max(1, queue.size + (1 if action == "grow" else -1)))
        assert len(queue) <= max(queue.size, len(expected))
    assert queue.take_all() == expected
    assert queue.received == sent


@given(size=st.integers(1, 4), count=st.integers(0, 30), pace=st.integers(1, 5))
def test_a_blocking_queue_loses_nothing_and_keeps_its_bound(size, count, pace):
    scheduler = BatonScheduler()
    scheduler.adopt("host")
    queue = Queue(scheduler, "q", size=size)
    fullest = []

    def send():
        for number in range(count):
            queue.put(number)
            fullest.append(len(queue))

    scheduler.spawn("sender", send, group="device")
    taken = []
    for _ in range(count):
        if len(taken) % pace == 0:
            scheduler.sleep(0.01)
        taken.append(queue.get())
    assert taken == list(range(count))
    assert queue.dropped == 0
    assert max(fullest, default=0) <= size
    scheduler.stop("device")


def test_a_full_blocking_queue_gives_up_at_its_time():
    scheduler = BatonScheduler()
    scheduler.adopt("host")
    queue = Queue(scheduler, "q", size=1)
    assert queue.put("a")
    assert not queue.put("b", until=scheduler.clock.now() + 0.5)
    assert scheduler.clock.now() == pytest.approx(1000.5)
    assert queue.take_all() == ["a"]


def test_size_zero_keeps_nothing_and_holds_nobody_up():
    queue = Queue(RealScheduler(), "q", size=0)
    for number in range(3):
        assert queue.put(number)
    assert len(queue) == 0
    assert queue.received == 3
    assert queue.try_get() is None


def test_a_closed_queue_raises_for_everyone():
    queue = Queue(RealScheduler(), "q")
    queue.put(1)
    queue.close()
    for use in (queue.try_get, queue.get, queue.take_all, queue.await_message):
        with pytest.raises(QueueClosed):
            use()
    with pytest.raises(QueueClosed):
        queue.put(2)


def test_a_failing_poll_costs_virtual_time_and_a_hit_does_not():
    scheduler = BatonScheduler()
    scheduler.adopt("host")
    queue = Queue(scheduler, "q")
    before = scheduler.clock.now()
    assert queue.poll() is None
    assert scheduler.clock.now() == pytest.approx(before + scheduler.poll_s)
    queue.put("x")
    before = scheduler.clock.now()
    assert queue.poll() == "x"
    assert scheduler.clock.now() == before


def test_a_queue_says_how_full_it_is():
    queue = Queue(RealScheduler(), "input 'in' of XLinkOut(3)", size=4, is_blocking=False)
    queue.put(1)
    assert queue.describe() == "input 'in' of XLinkOut(3) (1 of 4, overwriting)"
