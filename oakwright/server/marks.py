"""How one knows that a worker lives: a file lock on one machine, a pulse in Redis over several.

No clock that can be set and no process number that can be used again plays a part: the kernel
frees a lock, and a pulse is a number that must change while the watcher's own clock runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .job import QueueDown, steadily
from .redis_ledger import PREFIX, passing_errors

BEAT_S = 1.0
LEASE_S = 10.0  # without a beat a worker is dead


class Marks(Protocol):
    """Who lives."""

    def hold(self, worker: str) -> contextlib.AbstractContextManager[None]:
        """While in it, this process is the worker of that name."""

    def dead(self, workers: Sequence[str]) -> set[str]:
        """Which of the workers are certainly dead. Raises QueueDown."""


@dataclass(frozen=True)
class FileMarks:
    """A locked file a worker, in a folder of this machine."""

    folder: Path

    @contextmanager
    def hold(self, worker: str) -> Iterator[None]:
        """Hold the lock; the kernel frees it however the process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / worker
        with place.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
            place.unlink(missing_ok=True)

    def dead(self, workers: Sequence[str]) -> set[str]:
        """Workers whose lock is free; their files are removed."""
        found = {worker for worker in workers if not self._is_locked(worker)}
        for worker in found:
            (self.folder / worker).unlink(missing_ok=True)
        return found

    def _is_locked(self, worker: str) -> bool:
        try:
            with (self.folder / worker).open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


@dataclass
class RedisMarks:
    """A number a worker in Redis, which its worker counts up every second."""

    redis: Any
    lease_s: float = LEASE_S
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    @contextmanager
    def hold(self, worker: str) -> Iterator[None]:
        """Count up in a thread: a long upload must not look like death."""
        over = threading.Event()

        def beat() -> None:
            while True:
                with contextlib.suppress(*passing_errors()):
                    self.redis.hincrby(f"{PREFIX}beats", worker, 1)
                if over.wait(BEAT_S):
                    return

        thread = threading.Thread(target=beat, name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with contextlib.suppress(*passing_errors()):
                self.redis.hdel(f"{PREFIX}beats", worker)

    def dead(self, workers: Sequence[str]) -> set[str]:
        """Workers whose number stood still for the whole lease, as seen from here."""
        if not workers:
            self._seen.clear()
            return set()
        try:
            beats = steadily(
                lambda: self.redis.hmget(f"{PREFIX}beats", workers), passing_errors(), 0.0, "Redis"
            )
        except QueueDown:
            self._seen.clear()  # nobody could beat: all get a whole lease anew
            raise
        now, found = time.monotonic(), set()
        self._seen = {name: seen for name, seen in self._seen.items() if name in workers}
        for worker, beat in zip(workers, beats, strict=True):
            last, since = self._seen.get(worker, ("", now))
            if beat is not None and beat != last:
                self._seen[worker] = (beat, now)
            elif now - since > self.lease_s:
                found.add(worker)
            else:
                self._seen[worker] = (last, since)
        return found
