"""A hash of every message that reached the host, and a later run held against them."""

from __future__ import annotations

import csv
import threading
from collections import deque
from pathlib import Path
from typing import Any

from ..message import add_to_digest, kind_of, new_digest
from .recording import damaged, rows_of

HEAD = ("stream", "kind", "number", "hash")
# Their contents have the moments of the device's clock in them.
_TIMED = ("IMUData",)


def message_hash(message: Any, *, is_timed: bool) -> str:
    """32 hexadecimal digits of class, number, contents, and moment if ``is_timed``."""
    if not is_timed and kind_of(message) in _TIMED:
        return "-"
    digest = new_digest()
    add_to_digest(digest, "", message, is_timed=is_timed)
    return str(digest.hexdigest())


class MessageTable:
    """Writes the table as messages arrive."""

    def __init__(self, path: Path, *, is_timed: bool) -> None:
        self._file = path.open("w", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(HEAD)
        self._is_timed = is_timed
        self._lock = threading.Lock()

    def add(self, stream: str, message: Any) -> None:
        """A message reached the host."""
        found = message_hash(message, is_timed=self._is_timed)
        with self._lock:
            if not self._file.closed:
                row = stream, kind_of(message), message.getSequenceNum(), found
                self._rows.writerow(row)

    def close(self) -> None:
        """Complete the file."""
        with self._lock:
            self._file.close()


class MessageCheck:
    """Holds what arrives against a recording's table, message by message of each stream.

    With ``is_timed`` moments count, which are the same in deterministic runs only.
    """

    def __init__(self, path: Path, *, is_timed: bool) -> None:
        self._wanted: dict[str, deque[tuple[str, str, str]]] = {}
        for line, (stream, kind, number, digest) in rows_of(path, HEAD):
            if not number.lstrip("-").isdigit():
                raise damaged(path, f"line {line} is no message")
            self._wanted.setdefault(stream, deque()).append((kind, number, digest))
        self._is_timed = is_timed
        self._lock = threading.Lock()
        self._same = self._more = 0
        self._different: list[str] = []

    def see(self, stream: str, message: Any) -> None:
        """A message reached the host."""
        found = message_hash(message, is_timed=self._is_timed)
        with self._lock:
            waiting = self._wanted.get(stream)
            if not waiting:
                self._more += 1
            elif waiting.popleft() == (kind_of(message), str(message.getSequenceNum()), found):
                self._same += 1
            else:
                self._different.append(f"{stream} {message.getSequenceNum()}")

    def report(self) -> dict[str, Any]:
        """Counts: ``same``, ``different`` (``first``: stream and number), ``more``, ``missing``."""
        with self._lock:
            return {
                "same": self._same,
                "different": len(self._different),
                "first": self._different[0] if self._different else None,
                "more": self._more,
                "missing": sum(len(waiting) for waiting in self._wanted.values()),
            }
