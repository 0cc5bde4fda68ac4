"""Keeps workers alive and jobs moving: what died is started, what it had is rung for again."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from oakwright.errors import UsageError

from .bell import Bell
from .job import Book, QueueDown
from .marks import Marks
from .settings import Settings
from .worker import TOLD_BY

log = logging.getLogger("oakwright.server")

ROUND_S = 0.5
STOP_S = 5.0
RING_AGAIN_S = 5.0
# A worker that dies at once, again and again, must not take the machine with it.
LONGEST_PAUSE_S = 30.0
STEADY_S = 20.0


class Supervisor:
    """The worker processes of one server, and the ledger's housekeeping, in a thread."""

    def __init__(
        self,
        settings: Settings,
        ledger: Book,
        bell: Bell,
        marks: Marks,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings, self.ledger, self.bell, self.marks = settings, ledger, bell, marks
        self.workers: list[subprocess.Popen[bytes]] = []
        self.tidy = tidy
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._ring_at = 0.0
        self._start_at, self._started_at, self._pause_s = 0.0, 0.0, 0.0
        self._is_down = False

    def start(self) -> None:
        """Take up what an earlier server left, start workers."""
        shutil.rmtree(self.settings.data / "work", ignore_errors=True)
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
        """How many worker processes run here."""
        return sum(worker.poll() is None for worker in self.workers)

    @property
    def is_dead(self) -> bool:
        """Whether the thread ended although nobody stopped it."""
        was_started = self._thread.ident is not None
        return was_started and not self._thread.is_alive() and not self._stopping.is_set()

    def wait(self) -> None:
        """Until it is stopped."""
        self._stopping.wait()

    def tell_to_stop(self) -> None:
        """Let `wait` return."""
        self._stopping.set()

    def forgot_to_ring(self) -> None:
        """A job was written down whose bell could not be rung: ring soon."""
        self._ring_at = 0.0

    def requeue_orphans(self) -> int:
        """Jobs whose worker is dead wait again; gives how many."""
        count = 0
        running = self.ledger.in_state("running")
        dead = self.marks.dead(sorted({job.worker for job in running if job.worker}))
        for job in running:
            if job.worker in dead and self.ledger.put_back(job):
                facts = {"event": "requeued", "job": job.id}
                log.warning("job %s is taken again: its worker died", job.id, extra=facts)
                self.bell.ring(job.id)
                count += 1
        return count

    def ring_again(self) -> int:
        """Ring for jobs that wait though nobody was told: gives how many.

        A process may die between book and bell, or between bell and book.
        """
        if self.bell.waiting():
            return 0
        waiting = self.ledger.in_state("queued")
        for job in waiting:
            self.bell.ring(job.id)
        return len(waiting)

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_S if self.workers or self._is_down else 0.0):
            try:
                self._round()
                self._is_down = False
            except QueueDown as error:
                if not self._is_down:
                    log.warning("%s", error.message, extra={"event": "queue down"})
                self._is_down = True
            except Exception:
                # A full disk or a locked database passes; a dead supervisor would not.
                log.exception("supervisor", extra={"event": "supervisor"})
                self._is_down = True
            if not self.settings.workers:
                self._stopping.wait(ROUND_S)

    def _round(self) -> None:
        self._start_workers()
        self.requeue_orphans()
        if time.monotonic() >= self._ring_at:
            self._ring_at = time.monotonic() + RING_AGAIN_S
            self.ring_again()
        self.tidy()

    def _start_workers(self) -> None:
        dead = [worker for worker in self.workers if worker.poll() is not None]
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        now = time.monotonic()
        for worker in dead:
            facts = {"event": "worker died", "status": worker.returncode}
            log.warning("a worker ended with status %d", worker.returncode, extra=facts)
        if dead:
            was_steady = now - self._started_at > STEADY_S
            self._pause_s = 0.0 if was_steady else min(2 * self._pause_s + 0.5, LONGEST_PAUSE_S)
            self._start_at = now + self._pause_s
        if now < self._start_at:
            return
        while len(self.workers) < self.settings.workers:
            command = [sys.executable, "-m", "oakwright.server.worker"]
            told = {**os.environ, TOLD_BY: self.settings.as_text(secrets=True)}
            self.workers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, env=told))
            self._started_at = now


def own(data: Path) -> IO[str]:
    """Take the data folder for this server; the lock goes with the file. Raises UsageError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "server.lock").open("w")
    except OSError as error:
        raise UsageError(
            f"the folder {data} cannot be written: {error.strerror}",
            remedy="give --data a folder that this user may write",
            key="data",
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(
            f"another server works in {data}", remedy="stop it, or give --data another folder"
        ) from None
    return file
