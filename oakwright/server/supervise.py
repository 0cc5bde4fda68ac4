"""Keeps workers alive and jobs moving: what died is started, what it had is rung for again."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from oakwright.errors import UsageError

from .bell import Bell
from .ledger import Ledger
from .settings import Settings
from .worker import is_alive

log = logging.getLogger("oakwright.server")

ROUND_S = 0.5
STOP_S = 5.0


class Supervisor:
    """The worker processes of one server, and the ledger's housekeeping, in a thread."""

    def __init__(self, settings: Settings, ledger: Ledger, bell: Bell) -> None:
        self.settings, self.ledger, self.bell = settings, ledger, bell
        self.workers: list[subprocess.Popen[bytes]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Take up what an earlier server left, start workers."""
        (self.settings.data / "workers").mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.settings.data / "work", ignore_errors=True)
        self.requeue_orphans()
        for job in self.ledger.in_state("queued"):
            self.bell.ring(job.id)  # it may have died between the ledger and the bell
        self._thread.start()

    def stop(self) -> None:
        """Stop workers; jobs they had wait for the next server."""
        self._stopping.set()
        self._thread.join()
        for worker in self.workers:
            worker.terminate()
        deadline = time.monotonic() + STOP_S
        for worker in self.workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(max(deadline - time.monotonic(), 0.0))
            if worker.poll() is None:
                worker.kill()
                worker.wait()

    @property
    def living(self) -> int:
        """How many worker processes run."""
        return sum(worker.poll() is None for worker in self.workers)

    def requeue_orphans(self) -> int:
        """Jobs whose worker is dead wait again; gives how many."""
        count = 0
        for job in self.ledger.in_state("running"):
            if job.worker and not is_alive(self.settings.data, job.worker):
                (self.settings.data / "workers" / job.worker).unlink(missing_ok=True)
                if self.ledger.put_back(job):
                    log.warning("job %s is taken again: its worker died", job.id)
                    self.bell.ring(job.id)
                    count += 1
        return count

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_S if self.workers else 0.0):
            try:
                self._round()
            except Exception:
                # A full disk or a locked database passes; a dead supervisor would not.
                log.exception("supervisor")

    def _round(self) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < self.settings.workers:
            command = [sys.executable, "-m", "oakwright.server.worker", self.settings.as_text()]
            self.workers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        self.requeue_orphans()


def own(data: Path) -> IO[str]:
    """Take the data folder for this server; the lock goes with the file. Raises UsageError."""
    data.mkdir(parents=True, exist_ok=True)
    file = (data / "server.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(
            f"another server works in {data}", remedy="stop it, or give --data another folder"
        ) from None
    return file
