"""Messages that belong to one picture, brought together by sequence number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .pipeline import ANSWER, FRAME, PLAN, SEEN


@dataclass(frozen=True)
class Complete:
    """All of one picture. ``answers``: by the position of the thing among those seen."""

    number: int
    frame: Any
    seen: Any
    answers: Mapping[int, Any]


class _Stream:
    """A stream of messages in order, of which the next can be looked at."""

    def __init__(self, get: Callable[[], Any]) -> None:
        self._get, self._next = get, None

    def of(self, number: int) -> Any:
        """The message of picture ``number``; None if it was lost. Earlier ones are dropped."""
        while self._next is None or self._next.getSequenceNum() < number:
            self._next = self._get()
        if self._next.getSequenceNum() > number:
            return None
        message, self._next = self._next, None
        return message


def in_step(queues: Mapping[str, Any]) -> Iterator[Complete]:
    """Pictures of which everything came, in order, for ever.

    The plan says which answers there will be. Whatever lacks a part is dropped whole: a thing is
    never shown with another picture's answer. Waits only in the queues' ``get``.
    """
    streams = {name: _Stream(queue.get) for name, queue in queues.items() if name != PLAN}
    while True:
        number, *due = (int(n) for n in bytes(queues[PLAN].get().getData()).split())
        frame, seen = streams[FRAME].of(number), streams[SEEN].of(number)
        answers = {i: streams[ANSWER].of(number) for i in due}
        if None not in (frame, seen, *answers.values()):
            yield Complete(number, frame, seen, answers)
