"""A worker process: takes jobs, has each done by a child, keeps what came of it.

It may be killed at any time. Its mark is gone then, which is how the server knows, and the job it
had is taken again. A child that dies is the model's doing: its job fails at once.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
import uuid
from typing import Any

from oakwright.errors import OakwrightError

from .child import place
from .job import Job, QueueDown
from .logs import set_up
from .nursery import TICK_S, Child, Nursery
from .places import open_bell, open_book, open_marks, open_store
from .request import JobRequest
from .settings import Settings

log = logging.getLogger("oakwright.server")

LOOK_S = 0.5  # between looks whether the job was cancelled
PATIENCE_S = 300.0  # for a queue that is away while a result is here
# What Python, C++ and OpenBLAS say of it before they end.
_NO_MEMORY = ("MemoryError", "bad_alloc", "Memory allocation", "out of memory", "allocate memory")
TOLD_BY = "WORKER_SETTINGS"


class Worker:
    """Takes jobs one by one until it is told to stop or the server is gone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = uuid.uuid4().hex
        self.ledger = open_book(settings, PATIENCE_S)
        self.store = open_store(settings)
        self.bell = open_bell(settings)
        self.marks = open_marks(settings)
        self.parent = os.getppid()
        self.stopping = False

    def run(self) -> None:
        """Work."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        nursery = Nursery(self.settings)
        child = nursery.child()
        with self.marks.hold(self.name):
            while not self._must_stop():
                job = self._next()
                if job is None:
                    continue
                if not child.is_alive():  # killed while it waited
                    child.kill()
                    child.log_text()
                    child = nursery.child()
                self.do(job, child)
                child = nursery.child()
            nursery.close()

    def _next(self) -> Job | None:
        """A job that is this worker's now, or None after a while."""
        try:
            job_id = self.bell.listen()
            if job_id:
                return self.ledger.claim(job_id, self.name)
        except KeyError:
            return None  # forgotten
        except QueueDown as error:
            log.warning("%s", error.message, extra={"event": "queue down"})
            time.sleep(1.0)
        time.sleep(TICK_S)
        return None

    def do(self, job: Job, child: Child) -> None:
        """Have one job done; whatever comes of it is in the ledger then."""
        folder = self.settings.data / "work" / job.id
        began, outcome = time.monotonic(), "taken away"
        shutil.rmtree(folder, ignore_errors=True)
        error: dict[str, Any] | None
        try:
            place(JobRequest.from_json(job.request), folder, self.store.path)
            child.give({"request": job.request, "folder": str(folder)})
            error = self._follow(job, child)
            if error is None and self.ledger.is_mine(job.id, self.name):
                result = self.store.add_files(folder / "out")
                if self.ledger.finish(job.id, self.name, result):
                    outcome = "done"
        except KeyError:
            error = {"kind": "Lost", "message": "an upload is gone", "remedy": "send it again"}
        except QueueDown as problem:
            # Not the model's doing. Where even this cannot be written down, the worker ends, and
            # whoever sees that its mark is gone puts the job back.
            said = {"event": "job put back", "job": job.id}
            log.error("job %s waits again: %s", job.id, problem.message, extra=said)
            self.ledger.put_back(job, counts=False)
            return
        except OakwrightError as problem:
            error = {"kind": type(problem).__name__, "message": problem.message}
            error["remedy"] = problem.remedy
        except OSError as problem:
            error = {"kind": "Server", "message": f"the server's disk: {problem.strerror}"}
            error["remedy"] = "tell whoever runs it"
        finally:
            child.kill()
            printed = child.log_text()
            shutil.rmtree(folder, ignore_errors=True)
        if error is not None:
            if error["kind"] == "Crashed" and any(word in printed for word in _NO_MEMORY):
                error |= _out_of_memory(self.settings)
            error["log"] = printed
            self.ledger.fail(job.id, self.name, error)
            outcome = error["kind"]
        took = time.monotonic() - began
        facts: dict[str, Any] = {
            "event": "job",
            "job": job.id,
            "outcome": outcome,
            "seconds": round(took, 3),
        }
        facts |= {"client": job.client, "attempt": job.attempts}
        text = f"{outcome}: {error['message']}" if error else outcome
        log.info("job %s %s after %.1f s", job.id, text, took, extra=facts)

    def _follow(self, job: Job, child: Child) -> dict[str, Any] | None:
        """Until the child ends: None, or the error; None too where the job was taken away."""
        deadline, look_at = time.monotonic() + self.settings.job_s, 0.0
        while (messages := child.listen()) is not None:
            for message in messages:
                if "step" in message:
                    self.ledger.note(job, message["step"], message["seconds"])
                elif "error" in message:
                    return dict(message["error"])
                elif message.get("done"):
                    return None
            if time.monotonic() > deadline:
                return {
                    "kind": "TimeOut",
                    "message": f"the conversion took longer than {self.settings.job_s:g} s",
                    "remedy": "simplify the model, or have the server's limit raised",
                }
            if self._must_stop():
                if self.ledger.put_back(job, counts=False):
                    self.bell.ring(job.id)
                return None
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_S
                if not self.ledger.is_mine(job.id, self.name):
                    return None
        return _death(child.kill(), self.settings)

    def _must_stop(self) -> bool:
        return self.stopping or os.getppid() != self.parent

    def _stop(self, *_: Any) -> None:
        self.stopping = True


def _out_of_memory(settings: Settings) -> dict[str, Any]:
    return {
        "kind": "OutOfMemory",
        "message": f"the conversion needs more memory than the {settings.memory_mb} MB it may have",
        "remedy": "give a smaller shape, or have the server's limit raised (--memory-mb)",
    }


def _death(status: int, settings: Settings) -> dict[str, Any]:
    """The error of a conversion whose process died."""
    if status < 0:
        how = signal.Signals(-status).name
        remedy = (
            "the model makes a library crash: check it with its own framework, and report it"
            if how != "SIGKILL"
            else f"it may have needed too much memory (the limit is {settings.memory_mb} MB)"
        )
    else:
        how, remedy = f"exit status {status}", "see the log below"
    return {
        "kind": "Crashed",
        "message": f"the conversion process died ({how})",
        "remedy": remedy,
    }


def main() -> None:
    """Run one worker, told by the environment, where no other user reads a password."""
    settings = Settings.from_text(os.environ.pop(TOLD_BY))
    set_up(settings.log)
    Worker(settings).run()


if __name__ == "__main__":
    main()
