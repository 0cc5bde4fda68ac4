"""The host's ends of XLink: what ``getOutputQueue`` and ``getInputQueue`` give.

Plain Python classes with the names of ``dai.DataOutputQueue`` and ``dai.DataInputQueue``, which
the host cannot make. After ``close`` every call raises the RuntimeError a device that went away
does, with X_LINK_ERROR in it, because scripts look for that word.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import depthai as dai
import numpy as np

from .message import copy_message, size_of
from .queue import Queue, QueueClosed
from .scheduler import Scheduler

DEFAULT_SIZE = 16


@contextmanager
def _xlink_errors(stream: str, what: str = "read data from") -> Iterator[None]:
    """A closed queue in depthai's own words, which people search and match."""
    try:
        yield
    except QueueClosed:
        raise RuntimeError(
            "Communication exception - possible device error/misconfiguration. Original message "
            f"'Couldn't {what} stream: '{stream}' (X_LINK_ERROR)'"
        ) from None


class HostOutput:
    """A stream from the device (``dai.DataOutputQueue``)."""

    def __init__(
        self,
        scheduler: Scheduler,
        name: str,
        *,
        may_arrive: Callable[[str], bool],
        on_arrival: Callable[[str, Any], None],
        on_taken: Callable[[str, Any], None],
        takes_time: Callable[[str], None] | None = None,
    ) -> None:
        self._name = name
        self._scheduler = scheduler
        self._may_arrive, self._on_taken = may_arrive, on_taken
        # A slow host's time over each message, where a fault makes it one.
        self._takes_time = takes_time
        self.queue = Queue(scheduler, f"host queue '{name}'", size=DEFAULT_SIZE, is_blocking=True)
        self.queue.on_arrival = lambda message: on_arrival(name, message)
        self._callbacks: dict[int, Callable[..., Any]] = {}
        self._made = 0

    # -- the device's side

    def deliver(self, message: Any) -> None:
        """A message arrives: into the queue, then to the callbacks, as on a real host."""
        if not self._may_arrive(self._name):
            return
        self.queue.put(message)
        for callback in list(self._callbacks.values()):
            self._take_time()
            self._on_taken(self._name, message)
            try:
                callback(self._name, message)
            except Exception:
                # The script's own mistake, on a thread it cannot see: say it and go on.
                traceback.print_exc()

    # -- the script's side

    def get(self) -> Any:
        """Wait for a message."""
        with _xlink_errors(self._name):
            return self._taken(self.queue.get())

    def tryGet(self) -> Any:
        """A message or None."""
        with _xlink_errors(self._name):
            return self._taken(self.queue.poll())

    def has(self) -> bool:
        """Whether a message is there."""
        with _xlink_errors(self._name):
            until = self._scheduler.clock.now() + self._scheduler.poll_s
            return self.queue.await_message(until=until)

    def getAll(self) -> list[Any]:
        """Wait for at least one message, then take all."""
        return self._get_all(None)

    def tryGetAll(self) -> list[Any]:
        """All messages that are there."""
        return self._get_all(self._scheduler.poll_s)

    def addCallback(self, callback: Callable[..., Any]) -> int:
        """Call for every message with nothing, the message, or name and message."""
        count = _parameter_count(callback)
        calls: dict[int, Callable[[str, Any], Any]] = {
            0: lambda name, message: callback(),
            1: lambda name, message: callback(message),
            2: callback,
        }
        self._made += 1
        self._callbacks[self._made] = calls[count]
        return self._made

    def removeCallback(self, callbackId: int) -> bool:
        """Whether there was one of that number."""
        return self._callbacks.pop(callbackId, None) is not None

    def getName(self) -> str:
        """The stream's name."""
        return self._name

    def getMaxSize(self) -> int:
        """How many messages it holds."""
        return self.queue.size

    def setMaxSize(self, maxSize: int) -> None:
        """How many messages it may hold; 0 keeps none."""
        self.queue.configure(size=int(maxSize))

    def getBlocking(self) -> bool:
        """Whether a full queue holds the device up."""
        return self.queue.is_blocking

    def setBlocking(self, blocking: bool) -> None:
        """Whether a full queue holds the device up, or loses its oldest message."""
        self.queue.configure(is_blocking=bool(blocking))

    def isClosed(self) -> bool:
        """Whether the device is gone."""
        return self.queue.is_closed

    def close(self) -> None:
        """End it: every later call raises."""
        self.queue.close()

    def _get_all(self, seconds: float | None) -> list[Any]:
        with _xlink_errors(self._name):
            until = None if seconds is None else self._scheduler.clock.now() + seconds
            self.queue.await_message(until=until)
            return [self._taken(message) for message in self.queue.take_all()]

    def _taken(self, message: Any) -> Any:
        if message is not None:
            self._take_time()
            self._on_taken(self._name, message)
        return message

    def _take_time(self) -> None:
        if self._takes_time is not None:
            self._takes_time(self._name)


class HostInput:
    """A stream to the device (``dai.DataInputQueue``)."""

    # What a send costs in virtual time: a script that only sends must see time pass.
    SEND_S = 0.0001

    def __init__(
        self,
        scheduler: Scheduler,
        name: str,
        max_bytes: int,
        *,
        on_sent: Callable[[str, Any], None] = lambda name, message: None,
    ) -> None:
        self._name = name
        self._on_sent = on_sent
        self._scheduler = scheduler
        self._max_bytes = max_bytes
        self.queue = Queue(scheduler, f"input stream '{name}'", size=DEFAULT_SIZE)

    def send(self, message: Any) -> None:
        """Send a copy; waits where the device is slow and the queue blocks."""
        if isinstance(message, dai.RawBuffer):
            message = _message_of_raw(message)
        size = size_of(message)
        if size > self._max_bytes:
            raise RuntimeError(
                f"Trying to send larger ({size}B) message than XLinkIn maxDataSize "
                f"({self._max_bytes}B)"
            )
        self._on_sent(self._name, message)
        with _xlink_errors(self._name, "write data to"):
            self.queue.put(copy_message(message))
        if self._scheduler.is_deterministic:
            self._scheduler.sleep(self.SEND_S)

    def getName(self) -> str:
        """The stream's name."""
        return self._name

    def getMaxDataSize(self) -> int:
        """Largest message, in bytes."""
        return self._max_bytes

    def setMaxDataSize(self, maxSize: int) -> None:
        """Set the largest message, in bytes."""
        self._max_bytes = int(maxSize)

    def getMaxSize(self) -> int:
        """How many messages it holds."""
        return self.queue.size

    def setMaxSize(self, maxSize: int) -> None:
        """How many messages it may hold."""
        self.queue.configure(size=int(maxSize))

    def getBlocking(self) -> bool:
        """Whether a full queue holds the script up."""
        return self.queue.is_blocking

    def setBlocking(self, blocking: bool) -> None:
        """Whether a full queue holds the script up, or loses its oldest message."""
        self.queue.configure(is_blocking=bool(blocking))

    def isClosed(self) -> bool:
        """Whether the device is gone."""
        return self.queue.is_closed

    def close(self) -> None:
        """End it: every later call raises."""
        self.queue.close()


def _parameter_count(callback: Callable[..., Any]) -> int:
    """How many of (name, message) a callback wants: 0, 1 or 2."""
    try:
        parameters = list(inspect.signature(callback).parameters.values())
    except (TypeError, ValueError):
        return 1
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    plain = [p for p in parameters if p.kind in positional]
    required = [p for p in plain if p.default is p.empty]
    return min(max(len(required), min(len(plain), 1)), 2)


def _message_of_raw(raw: Any) -> Any:
    """``send`` also takes raw messages."""
    message = getattr(dai, type(raw).__name__.removeprefix("Raw"))()
    if hasattr(message, "set"):
        message.set(raw)
    else:
        message.setData(np.asarray(raw.data, np.uint8))
    return message
