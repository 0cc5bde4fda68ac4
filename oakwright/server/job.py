"""A job, and what every book of jobs does: SQLite's for one machine, Redis' for several.

The book is the truth and the queue only a bell: a job belongs to the worker that turned it from
``queued`` to ``running`` here, in one step. Ringing twice or not at all loses nothing.

queued -> running -> done | failed | cancelled, and back to queued when its worker died.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from oakwright.errors import OakwrightError, UsageError

STATES = ("queued", "running", "done", "failed", "cancelled")
OPEN = ("queued", "running")
PAGE = 400  # jobs that are read, or forgotten, in one go
# A worker may be killed by anyone; one that dies over the same job again and again is its doing.
MOST_ATTEMPTS = 3
# Upper ends of the classes that durations are counted in, seconds.
DURATIONS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)
DAY_S = 86400.0
_PAUSE_S = 0.2

T = TypeVar("T")


class QueueDown(OakwrightError):
    """The queue or its book cannot be reached or written just now; it may pass."""


class QueueFull(OakwrightError):
    """More jobs wait than the server takes, of all or of one client. Fields: ``retry_s``."""


@dataclass(frozen=True)
class Job:
    """One job. Times are seconds since 1970; ``steps``: ``[text, seconds it took]``.

    ``client``: whose it is, ``size``: bytes of its uploads. ``result``: file name -> SHA-256 in
    the store. ``error``: kind, message, remedy, layer ...
    """

    id: str
    key: str
    name: str
    state: str
    created: float
    started: float | None
    finished: float | None
    attempts: int
    worker: str | None
    request: dict[str, Any]
    steps: list[list[Any]]
    result: dict[str, str] | None
    error: dict[str, Any] | None
    from_cache: bool
    client: str = ""
    size: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in OPEN

    @property
    def blobs(self) -> dict[int, str]:
        """What it made: shaves -> SHA-256 in the store, the fewest shaves first."""
        made = self.result or {}
        return dict(sorted((int(n[:-5]), sha) for n, sha in made.items() if n.endswith(".blob")))

    def shaves(self, wanted: int | None = None) -> int:
        """Which of its blobs is meant: the one for the fewest shaves unless said.

        Raises UsageError where it has none, or none for that many.
        """
        known = self.blobs
        if not known:
            raise self.without_result()
        if wanted is not None and wanted not in known:
            raise UsageError(
                f"there is no blob for {wanted} shaves",
                remedy=f"use one of {', '.join(map(str, known))}",
                key="shaves",
            )
        return wanted if wanted is not None else next(iter(known))

    def blob_name(self, shaves: int | None = None) -> str:
        """What a blob is called when it is downloaded: of several, each has a name of its own."""
        own = f"_{self.shaves(shaves)}shave" if len(self.blobs) > 1 else ""
        return f"{self.name}{own}.blob"

    def without_result(self) -> UsageError:
        """The error of asking for what it did not make, or what is gone."""
        remedy = "wait until its state is done" if self.is_open else "convert the model again"
        return UsageError(f"job {self.id} is {self.state}: it has no result", remedy=remedy)

    @property
    def digests(self) -> set[str]:
        """All that the job needs of the store."""
        return {file["sha256"] for file in self.request["files"]} | {*(self.result or {}).values()}


@dataclass(frozen=True)
class Bounds:
    """What a book takes: jobs that wait, open jobs of a client, bytes of a client in a day."""

    waiting: int
    of_client: int
    bytes_a_day: int

    def check(self, waiting: int, of_client: int, today: int, size: int) -> None:
        """Raise QueueFull for one more job of ``size`` bytes, where it would be too much."""
        if waiting >= self.waiting:
            raise QueueFull(
                f"{waiting} conversions wait already", remedy="try again in a while", retry_s=10
            )
        if of_client >= self.of_client:
            raise QueueFull(
                f"{of_client} conversions of yours wait or run already",
                remedy="wait until one of them is over",
                retry_s=5,
            )
        if today + size > self.bytes_a_day:
            raise QueueFull(
                f"your uploads of today come to more than {self.bytes_a_day >> 20} MB",
                remedy="go on tomorrow, or have the limit raised (--client-mb-a-day)",
                retry_s=3600,
            )


class Book(Protocol):
    """What is written down of jobs; safe to use from many processes and threads."""

    def prepare(self) -> None:
        """Make what is not there yet."""

    def add(
        self,
        key: str,
        name: str,
        request: Mapping[str, Any],
        result: Mapping[str, str] | None,
        *,
        client: str = "",
        size: int = 0,
        bounds: Bounds | None = None,
    ) -> Job:
        """Write down a new job, done at once where its ``result`` is known. Raises QueueFull."""

    def get(self, job_id: str) -> Job:
        """A job. Raises KeyError."""

    def states(self, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
        """State and number of steps of jobs; unknown ones are left out."""

    def newest(self, state: str | None = None, limit: int = 50) -> list[Job]:
        """Jobs, the newest first; all of them with a limit below 0."""

    def in_state(self, state: str) -> list[Job]:
        """All jobs in a state, the oldest first."""

    def count(self, state: str) -> int:
        """How many jobs are in a state."""

    def done_before(self, key: str) -> dict[str, str] | None:
        """The result of a job of the same key, or None."""

    def claim(self, job_id: str, worker: str) -> Job | None:
        """Take a queued job for a worker; None where somebody else has it or it is over."""

    def is_mine(self, job_id: str, worker: str) -> bool:
        """Whether a job still runs for that worker; not where it was cancelled."""

    def note(self, job: Job, step: str, seconds: float) -> None:
        """Add a step to a running job."""

    def finish(self, job_id: str, worker: str, result: Mapping[str, str]) -> bool:
        """A job is done; False where it was cancelled or taken away meanwhile."""

    def fail(self, job_id: str, worker: str | None, error: Mapping[str, Any]) -> bool:
        """A job failed, with its reason."""

    def put_back(self, job: Job, *, counts: bool = True) -> bool:
        """A running job waits again: its worker died, or (not ``counts``) was told to stop."""

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or running job; False where it is over."""

    def pages(self) -> Iterator[list[Job]]:
        """All jobs, the newest first, some at a time: there may be very many."""

    def forget(self, ids: Sequence[str]) -> int:
        """Remove those of the jobs that are over; gives how many."""

    def tally(self) -> dict[str, float]:
        """What came of all jobs ever, forgotten ones too; see `counted`."""


def counted(state: str, seconds: float | None, *, cached: bool = False) -> dict[str, float]:
    """What is added to the tally when a job is over (or, ``died``, its worker)."""
    rows = {state: 1.0}
    if cached:
        rows["cached"] = 1.0
    elif state == "done" and seconds is not None:
        rows |= {"seconds": seconds, "timed": 1.0}
        rows |= {f"le:{end:g}": 1.0 for end in DURATIONS if seconds <= end}
    return rows


def died_over(job: Job) -> dict[str, str]:
    """The error of a job whose workers die again and again."""
    return {
        "kind": "WorkerDied",
        "message": f"the worker died {job.attempts} times over this job",
        "remedy": "tell whoever runs the server; its log says how they died",
    }


def steadily(
    call: Callable[[], T], passing: tuple[type[Exception], ...], patience_s: float, what: str
) -> T:
    """``call()``, again and again while it raises what may pass. Raises QueueDown at the end."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return call()
        except passing as error:
            if time.monotonic() >= deadline:
                raise QueueDown(
                    f"{what}: {' '.join(str(error).split())[:200]}",
                    remedy="try again in a while; whoever runs the server finds more in its log",
                    retry_s=5,
                ) from error
            time.sleep(_PAUSE_S)
