"""Retention and quota: what is old is forgotten, what nobody needs any more is removed."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from oakwright.errors import OutputError

from .clock import now
from .job import DAY_S, Book
from .settings import Settings
from .store import Kept, Store

log = logging.getLogger("oakwright.server")

ROUND_S = 300.0
# What no job names may be an upload whose job is not written down yet, or a model that is being
# looked at: for so long it stays, less where there is no room.
GRACE_S, PRESSED_S = 3600.0, 60.0


class _Outline(NamedTuple):
    """What of a job decides whether it stays."""

    id: str
    created: float
    is_open: bool
    digests: tuple[str, ...]


class Keeper:
    """Keeps a store within its bounds."""

    def __init__(self, settings: Settings, ledger: Book, store: Store) -> None:
        self.settings, self.ledger, self.store = settings, ledger, store
        self.used = 0  # bytes, as of the last round and what was promised since
        self._next = 0.0
        self._lock = threading.Lock()

    def round(self) -> None:
        """Tidy up where it is time to; called by the supervisor again and again."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + ROUND_S
            self.tidy()

    def require_room(self, size: int) -> None:
        """Promise room for ``size`` bytes. Raises OutputError where there is none."""
        limit = self.settings.store_mb << 20
        with self._lock:
            if self.used + size > limit:
                raise OutputError(
                    f"the server's store is full ({self.settings.store_mb} MB)",
                    remedy="try again in a few minutes, when what is oldest has been forgotten;"
                    " or have the limit raised (--store-mb)",
                    path="store",
                )
            self.used += size

    def _outline(self, kept: Mapping[str, Kept]) -> tuple[list[_Outline], Counter[str]]:
        """All jobs, the newest first, in as little memory as they take; how often each is used."""
        jobs, uses = [], Counter[str]()
        for page in self.ledger.pages():
            for job in page:
                # One text for all who use the same content.
                digests = [kept[one].digest if one in kept else one for one in job.digests]
                uses.update(digests)
                jobs.append(_Outline(job.id, job.created, job.is_open, tuple(digests)))
        return jobs, uses

    def tidy(self) -> None:
        """Forget jobs that are too old, and the oldest ones where they or their files are many."""
        kept = {one.digest: one for one in self.store.listed()}
        total = sum(one.size for one in kept.values())
        # Down to nine tenths, so that there is room for a while.
        enough = (self.settings.store_mb << 20) * 9 // 10
        over, is_pressed = total - enough, total > enough
        jobs, uses = self._outline(kept)
        oldest, removed = now() - self.settings.keep_days * DAY_S, 0
        many, old = len(jobs) - self.settings.keep_jobs, []
        for job in reversed(jobs):
            if job.is_open or not (job.created < oldest or over > 0 or many > 0):
                continue
            old.append(job.id)
            many -= 1
            for digest in job.digests:
                uses[digest] -= 1
                if not uses[digest] and digest in kept:
                    over -= kept[digest].size
        gone = self.ledger.forget(old)
        for digest, one in kept.items():
            if uses[digest] <= 0 and one.age_s > (PRESSED_S if is_pressed else GRACE_S):
                self.store.remove(digest)
                removed += one.size
        self.store.tidy()
        with self._lock:
            self.used = total - removed
        if gone or removed:
            facts = {"event": "tidied", "jobs": gone, "bytes": removed}
            log.info("forgot %d jobs, removed %d MB", gone, removed >> 20, extra=facts)
