"""What both faces of the server (blobconverter's and our own) do: take jobs, give results."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool

from oakwright import conversion, zoo
from oakwright.errors import OakwrightError, OutputError

from .fetch import Wanted, fetch
from .job import Bounds, Job, QueueDown, QueueFull
from .keeping import Keeper
from .places import open_bell, open_book, open_marks, open_store, publish_store
from .request import JobRequest, Upload
from .settings import Settings
from .supervise import Supervisor
from .watch import Watch
from .who import current

__all__ = ["RETRY_S", "QueueFull", "Service", "UnknownJob", "error_json", "plain_error", "standing"]

RETRY_S = 10  # what a client is told to wait where nothing else is known
LEAST_FREE = 64 << 20  # bytes of disk below which the server is not ready


class UnknownJob(OakwrightError):
    """No job has that number, or none any more."""


class Service:
    """One server's store, ledger, queue and workers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data.mkdir(parents=True, exist_ok=True)
        self.store = open_store(settings)
        self.store.prepare()
        publish_store(settings)
        self.ledger = open_book(settings)
        self.ledger.prepare()
        self.bell = open_bell(settings)
        self.keeper = Keeper(settings, self.ledger, self.store)
        self.supervisor = Supervisor(
            settings, self.ledger, self.bell, open_marks(settings), self.keeper.round
        )
        self.watch = Watch(self.ledger)
        self.isolation: list[str] = []  # what keeps conversions off the network, once it is known
        self.at_stop: list[Callable[[], None]] = [self.watch.stop]
        self._fetching = asyncio.Semaphore(2)  # a slow host must not take all threads

    def stop_waiting(self) -> None:
        """The server is about to stop: whoever waits for a job or an answer is told so."""
        for tell in self.at_stop:
            tell()

    def submit(self, request: JobRequest) -> Job:
        """Take a job; one whose result is known is done at once.

        Raises QueueFull, and OutputError where the store is full.
        """
        key = request.key
        known = self.ledger.done_before(key) if request.cache and not request.zoo else None
        known = known if known and self.store.has(known) else None
        size = sum(file.size for file in request.files)
        if not known:
            self.keeper.require_room(size)
        bounds = Bounds(
            self.settings.most_waiting,
            self.settings.per_client,
            self.settings.client_mb_a_day << 20,
        )
        job = self.ledger.add(
            key,
            request.name,
            request.as_json(),
            known,
            client=current.get(),
            size=size,
            bounds=bounds,
        )
        if job.is_open:
            try:
                self.bell.ring(job.id)
            except QueueDown:
                # It is written down: whoever looks after the queue rings for it later.
                self.supervisor.forgot_to_ring()
        return job

    def job(self, job_id: str) -> Job:
        """A job by its number. Raises UnknownJob where none has it, or none any more."""
        try:
            return self.ledger.get(job_id)
        except KeyError:
            raise UnknownJob(
                f"there is no job {job_id[:40]!a}",
                remedy="/api/v1/jobs lists those that are kept; old ones are forgotten"
                " (--keep-days)",
            ) from None

    def result(self, job: Job) -> conversion.Converted:
        """All that a done job made. Raises UsageError where it has no result (any more)."""
        return conversion.Converted.from_files(
            {name: self.part(job, name) for name in job.result or ("",)}
        )

    def manifest(self, job: Job) -> dict[str, Any]:
        """What was done in a job. Raises UsageError."""
        return dict(json.loads(self.part(job, "manifest.json")))

    def blob(self, job: Job, shaves: int | None = None) -> bytes:
        """A done job's blob; of several the one for the fewest shaves unless said.

        Raises UsageError where the job has none, or none for that many.
        """
        return self.part(job, f"{job.shaves(shaves)}.blob")

    def part(self, job: Job, name: str) -> bytes:
        """One file of what a done job made. Raises UsageError where it is not there (any more)."""
        try:
            return self.store.path((job.result or {})[name]).read_bytes()
        except (KeyError, FileNotFoundError):
            raise job.without_result() from None

    async def fetched(self, wanted: Wanted) -> Upload:
        """Keep a file that was named by its address; see `fetch`."""

        def get() -> Upload:
            most = self.settings.upload_mb << 20
            return fetch(wanted, self.settings.fetch_from, self.shelf(), self.store, most)

        async with self._fetching:
            return await run_in_threadpool(get)

    def shelf(self) -> zoo.Shelf:
        """The models of the zoo folders."""
        return zoo.Shelf.of(self.settings.zoo)

    def zoo_models(self, family: str) -> list[dict[str, Any]]:
        """Models as blobconverter lists them; damaged descriptions are left out.

        ``family``: ``intel`` stands for Open Model Zoo, whose own families are intel and public;
        folders without families are listed for every zoo.
        """
        rows = {}
        shelf = self.shelf()
        wanted = {"": ("", "intel", "public"), "intel": ("", "intel", "public")}
        for path in shelf.manifests():
            try:
                model = zoo.read_manifest(path)
            except OakwrightError:
                continue
            if model.family in wanted.get(family, ("",)):
                rows[model.name] = {"name": model.name, "data_types": model.precisions}
        return [rows[name] for name in sorted(rows)]

    def problems(self) -> list[str]:
        """Why no conversion can be done now; empty where all is ready."""
        found = []
        if not self.supervisor.living and not self.settings.queue:
            found.append("no worker runs")
        try:
            self.ledger.count("queued")
        except QueueDown as error:
            found.append(error.message)
        if shutil.disk_usage(self.settings.data).free < LEAST_FREE:
            found.append("the disk is full")
        if self.supervisor.is_dead:
            found.append("the supervisor died")
        return found


def standing(error: OakwrightError) -> tuple[int, dict[str, str]]:
    """The status and the headers of a refusal: whose fault it is, and when to come again."""
    again = {"Retry-After": str(error.where.get("retry_s", RETRY_S))}
    if isinstance(error, QueueFull):
        return 429, again
    if isinstance(error, QueueDown):
        return 503, again
    if isinstance(error, UnknownJob):
        return 404, {}
    return (507, {}) if isinstance(error, OutputError) else (400, {})


def error_json(error: OakwrightError) -> dict[str, Any]:
    """A refusal as plain values: kind, message, remedy."""
    return {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}


def plain_error(job: Job) -> Mapping[str, Any]:
    """Why a job gave nothing."""
    if job.error:
        return job.error
    return {"kind": "Cancelled", "message": f"the job was {job.state}", "remedy": "send it again"}
