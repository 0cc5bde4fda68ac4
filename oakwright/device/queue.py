"""A bounded line of messages at an input or on the host's side.

The device's rules: at most ``size`` messages; a full blocking queue holds its sender, a full
overwriting one drops its oldest message; size 0 keeps nothing; closing lets nobody wait any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .scheduler import FULL, Scheduler, Task, Waiting


class QueueClosed(Exception):
    """The queue was closed; its owner decides what its user is told."""


class Queue:
    """See the module. ``name`` reads as "input 'in' of XLinkOut(3)" in messages."""

    def __init__(
        self, scheduler: Scheduler, name: str, *, size: int = 8, is_blocking: bool = True
    ) -> None:
        self.scheduler = scheduler
        self.name = name
        self.size = size
        self.is_blocking = is_blocking
        self.is_closed = False
        self.waiters: list[Task] = []
        self._items: deque[Any] = deque()
        # Counted for the report.
        self.received = 0
        self.dropped = 0
        self.fullest = 0
        # Asked of every message before it is taken; raises where the receiver cannot have it.
        self.check: Callable[[Any], None] | None = None
        # Told of every message, on the sender's thread, before anyone can take it.
        self.on_arrival: Callable[[Any], None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def describe(self) -> str:
        """Name, how full, and what it does when it is."""
        kind = "blocking" if self.is_blocking else "overwriting"
        return f"{self.name} ({len(self._items)} of {self.size}, {kind})"

    def counts(self) -> dict[str, Any]:
        """Messages received, dropped and there now, its size and kind: plain values."""
        return {
            "received": self.received,
            "dropped": self.dropped,
            "holds": len(self._items),
            "size": self.size,
            "blocks": self.is_blocking,
        }

    # -- the sender's side

    def put(self, message: Any, *, until: float | None = None) -> bool:
        """Send; waits for room where the queue blocks. False where ``until`` came first."""
        self._raise_closed()
        return self.scheduler.wait(
            lambda: self._try_put(message), Waiting(FULL, (self,)), until=until
        )

    def _try_put(self, message: Any) -> bool:
        with self.scheduler.lock:
            if self.is_closed:
                raise QueueClosed(self.name)
            if self.size > 0 and self.is_blocking and len(self._items) >= self.size:
                return False
            while self._items and len(self._items) >= self.size:
                self._items.popleft()
                self.dropped += 1
            self.received += 1
            if self.on_arrival is not None:
                self.on_arrival(message)
            if self.size > 0:
                self._items.append(message)
                self.fullest = max(self.fullest, len(self._items))
            self.scheduler.changed(self)
            return True

    # -- the receiver's side

    def get(self, *, until: float | None = None) -> Any:
        """The oldest message, waiting for it; None where ``until`` (clock time) came first."""
        # Before the scheduler is asked: after a fork it may be another process's.
        self._raise_closed()
        taken: list[Any] = []
        self.scheduler.wait(
            lambda: self._try_take(taken), Waiting("waits for a message in", (self,)), until=until
        )
        return taken[0] if taken else None

    def try_get(self) -> Any:
        """The oldest message or None, at once."""
        taken: list[Any] = []
        self._try_take(taken)
        return taken[0] if taken else None

    def poll(self) -> Any:
        """As ``try_get``, but a miss gives way for a moment: for code that may be spinning."""
        return self.get(until=self.scheduler.clock.now() + self.scheduler.poll_s)

    def take_all(self) -> list[Any]:
        """All messages that are there."""
        with self.scheduler.lock:
            if self.is_closed:
                raise QueueClosed(self.name)
            items = list(self._items)
            self._items.clear()
            if items:
                self.scheduler.changed(self)
            return items

    def peek(self) -> Any:
        """The oldest message, left where it is; None where there is none."""
        with self.scheduler.lock:
            return self._items[0] if self._items else None

    def await_message(self, *, until: float | None = None) -> bool:
        """Wait until a message is there, and leave it there."""
        self._raise_closed()
        return self.scheduler.wait(
            lambda: bool(self._items) or self._raise_closed(),
            Waiting("waits for a message in", (self,)),
            until=until,
        )

    def _try_take(self, taken: list[Any]) -> bool:
        with self.scheduler.lock:
            if self.is_closed:
                raise QueueClosed(self.name)
            if not self._items:
                return False
            if self.check is not None:
                self.check(self._items[0])
            taken.append(self._items.popleft())
            self.scheduler.changed(self)
            return True

    def _raise_closed(self) -> bool:
        if self.is_closed:
            raise QueueClosed(self.name)
        return False

    # -- its owner's side

    def configure(self, *, size: int | None = None, is_blocking: bool | None = None) -> None:
        """Change size or kind while it is in use."""
        with self.scheduler.lock:
            if size is not None:
                self.size = size
            if is_blocking is not None:
                self.is_blocking = is_blocking
            self.scheduler.changed(self)

    def close(self) -> None:
        """Let everyone who waits, or comes later, know that it is over."""
        with self.scheduler.lock:
            self.is_closed = True
            self._items.clear()
            self.scheduler.changed(self)
