"""What the host received, counted and, in deterministic runs, hashed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .message import add_to_digest, content_of, kind_of, new_digest, size_of, time_of
from .witness import Witness

# How many different contents of a stream are told apart; more says nothing more.
CONTENTS = 3


@dataclass
class StreamCount:
    """A stream's messages: arrived, taken by the script, and their age (s) when taken."""

    kind: str = ""
    size_bytes: int = 0
    arrived: int = 0
    taken: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    age_s: float = 0.0
    oldest_s: float = 0.0
    # Every class that came; the contents that were judged (see message.content_of).
    kinds: set[str] = field(default_factory=set)
    contents: set[int] = field(default_factory=set)
    witness: Witness | None = None


class Recorder:
    """Counts messages; ``digest`` is a hash over all that the script took, in order.

    ``judged``: streams get a ``Witness`` each.
    """

    def __init__(self, clock: Clock, *, digests: bool, judged: bool = False) -> None:
        self._judged = judged
        self._sent: dict[str, Witness] = {}
        self._clock = clock
        self._digest = new_digest() if digests else None
        self._streams: dict[str, StreamCount] = {}
        self._lock = threading.Lock()

    def arrived(self, stream: str, message: Any) -> int:
        """A message reached the host; gives how many have, on this stream."""
        now = self._clock.now()
        with self._lock:
            count = self._streams.setdefault(stream, StreamCount())
            if not count.arrived:
                count.first_s = now
                count.witness = Witness() if self._judged else None
            count.arrived += 1
            count.last_s = now
            count.kind, count.size_bytes = kind_of(message), size_of(message)
            count.kinds.add(count.kind)
            if len(count.contents) < CONTENTS:
                content = content_of(message)
                if content is not None:
                    count.contents.add(content)
            if count.witness is not None:
                count.witness.see(message)
            return count.arrived

    def sent(self, stream: str, message: Any) -> None:
        """The script sent a message to the device."""
        if self._judged:
            with self._lock:
                self._sent.setdefault(stream, Witness()).see(message)

    def count(self, stream: str) -> int:
        """How many messages have arrived on a stream."""
        with self._lock:
            found = self._streams.get(stream)
            return found.arrived if found is not None else 0

    def taken(self, stream: str, message: Any) -> None:
        """The script took a message."""
        moment = time_of(message)
        # Messages that nobody stamped have no age.
        age = self._clock.now() - moment if moment > 0 else 0.0
        with self._lock:
            count = self._streams.setdefault(stream, StreamCount())
            count.taken += 1
            count.age_s += age
            count.oldest_s = max(count.oldest_s, age)
            if self._digest is not None:
                add_to_digest(self._digest, stream, message)

    @property
    def digest(self) -> str | None:
        """The hash, hexadecimal; None where the run is not deterministic."""
        return self._digest.hexdigest() if self._digest is not None else None

    def report(self) -> dict[str, Any]:
        """Plain values: per stream class, bytes, counts, rate and age in ms."""
        return {
            "digest": self.digest,
            "streams": {name: _row(count) for name, count in sorted(self._streams.items())},
            "sent": {name: witness.report() for name, witness in sorted(self._sent.items())},
        }


def _row(count: StreamCount) -> dict[str, Any]:
    span = count.last_s - count.first_s
    judged = {"judged": count.witness.report()} if count.witness is not None else {}
    return {
        **judged,
        "kind": count.kind,
        "kinds": sorted(count.kinds),
        "contents": len(count.contents),
        "bytes": count.size_bytes,
        "arrived": count.arrived,
        "taken": count.taken,
        "fps": round((count.arrived - 1) / span, 2) if span > 0 else None,
        "mean_age_ms": round(count.age_s / count.taken * 1000, 3) if count.taken else None,
        "max_age_ms": round(count.oldest_s * 1000, 3) if count.taken else None,
    }
