"""What both faces of the server (blobconverter's and our own) do: take jobs, give results."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from typing import Any

from oakwright import conversion, zoo
from oakwright.errors import OakwrightError, UsageError

from .bell import Bell
from .fetch import Wanted, fetch
from .ledger import Job, Ledger
from .request import JobRequest, Upload
from .settings import Settings
from .store import Store
from .supervise import Supervisor

RETRY_S = 10  # what a client is told to wait when the queue is full
LEAST_FREE = 64 << 20  # bytes of disk below which the server is not ready


class QueueFull(OakwrightError):
    """More jobs wait than the server takes."""


class Service:
    """One server's store, ledger, queue and workers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data.mkdir(parents=True, exist_ok=True)
        self.store = Store(settings.data / "store")
        self.ledger = Ledger(settings.data / "jobs.sqlite")
        self.ledger.prepare()
        self.bell = Bell(settings.data / "queue.sqlite")
        self.supervisor = Supervisor(settings, self.ledger, self.bell)
        self._fetching = threading.Semaphore(2)  # a slow host must not take all threads

    def submit(self, request: JobRequest) -> Job:
        """Take a job; one whose result is known is done at once. Raises QueueFull."""
        known = self.ledger.done_before(request.key) if request.cache and not request.zoo else None
        if known and self.store.has(known):
            return self.ledger.add(request.key, request.name, request.as_json(), known)
        waiting = self.ledger.count("queued")
        if waiting >= self.settings.most_waiting:
            raise QueueFull(
                f"{waiting} conversions wait already", remedy=f"try again in {RETRY_S} s"
            )
        job = self.ledger.add(request.key, request.name, request.as_json(), None)
        self.bell.ring(job.id)
        return job

    def result(self, job: Job) -> conversion.Converted:
        """What a done job made. Raises UsageError where it has no result (any more)."""
        if job.result is None or not self.store.has(job.result):
            raise UsageError(
                f"job {job.id} is {job.state}: it has no result",
                remedy="wait until its state is done",
            )
        files = {name: self.store.path(digest).read_bytes() for name, digest in job.result.items()}
        return conversion.Converted.from_files(files)

    def fetch(self, wanted: Wanted) -> Upload:
        """Keep a file that was named by its address; see `fetch`."""
        with self._fetching:
            most = self.settings.upload_mb << 20
            return fetch(wanted, self.settings.fetch_from, self.shelf(), self.store, most)

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
        if not self.supervisor.living:
            found.append("no worker runs")
        try:
            self.ledger.count("queued")
        except Exception as error:
            found.append(f"the ledger cannot be read: {error}")
        if shutil.disk_usage(self.settings.data).free < LEAST_FREE:
            found.append("the disk is full")
        return found


def error_json(error: OakwrightError) -> dict[str, Any]:
    """A refusal as plain values: kind, message, remedy."""
    return {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}


def plain_error(job: Job) -> Mapping[str, Any]:
    """Why a job gave nothing."""
    if job.error:
        return job.error
    return {"kind": "Cancelled", "message": f"the job was {job.state}", "remedy": "send it again"}
