"""Asking the process beside the server: bounded in time, memory, number and size of answers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from oakwright.errors import OakwrightError

from ..job import QueueFull
from ..service import RETRY_S
from ..settings import Settings
from .child import ANSWER

AT_A_TIME = 2
MOST_WAITING = 20
LONGEST_S = 120.0
LONGEST_ANSWER = 64 << 20  # bytes
KEPT = 64 << 20  # bytes of answers that are kept for the next who asks
_LOG_SHOWN = 300

Bring = Callable[[Path], None]


class Refused(OakwrightError):
    """The question has no answer; ``plain`` says why, as an API's error does."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        super().__init__(str(plain["message"]), remedy=str(plain.get("remedy", "")))
        self.plain = dict(plain)


class Asker:
    """Answers questions of `works`, each in a process of its own; equal questions once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seconds = min(settings.job_s, LONGEST_S)
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._waiting = 0
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False
        self._running: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self._kept: OrderedDict[str, tuple[dict[str, Any], int]] = OrderedDict()

    async def ask(
        self, work: str, asked: Mapping[str, Any], bring: Bring, *, key: str = ""
    ) -> dict[str, Any]:
        """The answer. ``bring`` lays the files into the folder it is given.

        With ``key`` (what, beside the question, decides the answer) an answer is kept.
        Raises Refused, QueueFull.
        """
        text = json.dumps({"work": work, **asked}, sort_keys=True)
        name = hashlib.sha256(f"{key} {text}".encode()).hexdigest() if key else ""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name][0]
        if name in self._running:
            return await asyncio.shield(self._running[name])
        task = asyncio.create_task(self._answer(name, text, bring))
        if name:
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))
        return await asyncio.shield(task)

    async def _answer(self, name: str, text: str, bring: Bring) -> dict[str, Any]:
        if self._waiting >= MOST_WAITING:
            raise QueueFull(
                f"{self._waiting} questions wait already", remedy=f"try again in {RETRY_S} s"
            )
        self._waiting += 1
        try:
            async with self._places:
                answer, size = await run_in_threadpool(self._run, text, bring)
        finally:
            self._waiting -= 1
        if name:
            self._keep(name, answer, size)
        return answer

    def close(self) -> None:
        """End what is still being answered: a server that stops waits for nobody."""
        self._is_closed = True
        for process in [*self._processes]:
            _end(process)

    def _keep(self, name: str, answer: dict[str, Any], size: int) -> None:
        self._kept[name] = (answer, size)
        while sum(size for _, size in self._kept.values()) > KEPT:
            self._kept.popitem(last=False)

    def _run(self, text: str, bring: Bring) -> tuple[dict[str, Any], int]:
        with tempfile.TemporaryDirectory(prefix="oakwright-preview-") as name:
            folder = Path(name)
            bring(folder)
            with (folder / "printed").open("w+b") as printed:
                process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "oakwright.server.preview.child"),
                        *(self.settings.as_text(), str(folder)),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=printed,
                    stderr=printed,
                    start_new_session=True,
                )
                self._processes.add(process)
                try:
                    if self._is_closed:
                        raise Refused(_problem("Stopped", "the server stops", "ask again later"))
                    process.communicate(text.encode(), timeout=self.seconds)
                except subprocess.TimeoutExpired:
                    raise Refused(_too_slow(self.seconds)) from None
                finally:
                    self._processes.discard(process)
                    _end(process)
                    assert process.stdin is not None
                    with contextlib.suppress(OSError):
                        process.stdin.close()
                printed.seek(0)
                said = printed.read()[-_LOG_SHOWN:].decode("utf-8", "replace")
            return self._read(folder / ANSWER, process.returncode, said)

    def _read(self, path: Path, status: int, said: str) -> tuple[dict[str, Any], int]:
        try:
            size = path.stat().st_size
            if size > LONGEST_ANSWER:
                raise Refused(_problem("TooLarge", "the answer is too long", "ask for less"))
            found = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            raise Refused(_died(status, said, self.settings)) from None
        if "error" in found:
            raise Refused(found["error"])
        return found["answer"], size


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def lay(folder: Path, files: Mapping[str, Path]) -> None:
    """Copy files into the ``in`` of a question's folder, each under its name."""
    place = folder / "in"
    place.mkdir()
    for name, path in files.items():
        shutil.copyfile(path, place / name)


def _problem(kind: str, message: str, remedy: str) -> dict[str, Any]:
    return {"kind": kind, "message": message, "remedy": remedy}


def _too_slow(seconds: float) -> dict[str, Any]:
    return _problem(
        "TimeOut",
        f"the answer took longer than {seconds:g} s",
        "convert it: a conversion may take longer",
    )


def _died(status: int, said: str, settings: Settings) -> dict[str, Any]:
    if any(word in said for word in ("MemoryError", "bad_alloc", "allocate memory")):
        return _problem(
            "OutOfMemory",
            f"it needs more memory than the {settings.memory_mb} MB it may have",
            "give a smaller model, or have the server's limit raised (--memory-mb)",
        )
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return _problem(
        "Crashed",
        f"the process that looked at it died ({how})",
        f"it may have needed too much memory (the limit is {settings.memory_mb} MB), or the model"
        " makes a library crash: check it with its own framework",
    )
