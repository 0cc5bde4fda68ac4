"""``oakwright device run``: a script in a process of its own, to its end, leaving nothing behind.

The script runs as written, by ``child.py``. Whatever it does - crash, exit, hang, fork, die by a
signal - ends with a ``RunResult`` and no process left: ``guard.py`` ends what it leaves behind.
Its descendants also carry a mark in their environment, by which they are found should the guard
itself be killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oakwright.errors import UsageError

from .child import LAST_WORDS_S, MAIN_VARIABLE
from .recorded import is_recording, partial_of
from .scheduler import JOIN_S
from .settings import Settings

MARK = "OAKWRIGHT_RUN"
GUARD = Path(__file__).with_name("guard.py")
# So many interrupts end the run, whatever the script makes of them.
_INTERRUPTS = 3
# How long after its limit and its last words the process may take to end itself: its nodes'
# threads, then its own children's.
_SPARE_S = JOIN_S + 10.0


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    ``outcome``: ``clean`` (to its end, or interrupted at the end of its budget), ``exit`` (its
    own exit code), ``crash`` (an exception), ``error`` (one of ours: pipeline, deadlock, source),
    ``interrupted`` (by Ctrl-C), ``hang``, ``killed``. ``report``: see VirtualOak.report.
    """

    script: str
    outcome: str
    code: int
    message: str
    wall_s: float
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether the script did what it should."""
        return self.outcome == "clean"

    def full_report(self) -> dict[str, Any]:
        """How it ended and the report, as ``report.json`` and ``--json`` have it."""
        ended = {"outcome": self.outcome, "message": self.message, "wall_s": self.wall_s}
        return ended | self.report


def run_script(
    script: str | os.PathLike[str],
    arguments: list[str] | tuple[str, ...] = (),
    settings: Settings | None = None,
    *,
    limit_s: float | None = None,
    out: str | os.PathLike[str] = "",
    capture: bool = False,
    auto: bool = False,
    view: bool = False,
    folder: str | os.PathLike[str] | None = None,
) -> RunResult:
    """Run a DepthAI script with a virtual camera; returns when it and its children have ended.

    ``limit_s``: real seconds after which it is interrupted, and then ended. ``out``: a folder for
    the windows (videos, last pictures) and ``report.json``. ``capture``: keep what it prints in
    ``report["output"]`` instead of printing it. ``auto``: a real camera is used if there is one.
    ``view``: a live page of windows and pipeline; its address is printed to stderr. ``folder``:
    where the script runs, here if not given.
    """
    path = Path(script)
    if not path.is_file():
        raise UsageError(f"there is no script {path}", remedy="check the path")
    if limit_s is not None and not limit_s > 0:
        raise UsageError(f"limit_s is {limit_s}", remedy="it must be above 0", key="limit")
    settings = settings or Settings()
    mark = uuid.uuid4().hex
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="oakwright-") as own:
        result = Path(own) / "result.json"
        order = {
            "settings": settings.to_text(),
            "result": str(result),
            "limit_s": limit_s,
            "out": str(out),
            "auto": auto,
            "view": view,
        }
        environment = os.environ | {MAIN_VARIABLE: json.dumps(order), MARK: mark}
        command = [sys.executable, "-m", "oakwright.device.child", str(path), *arguments]
        if folder is not None:
            command[3] = str(path.resolve())
        code, output, ended_by = _supervise(
            command, environment, limit_s, capture, Path(own) / "output", folder
        )
        end_marked(mark)
        facts = json.loads(result.read_text()) if result.is_file() else {}
    if ended_by:
        facts |= {
            "outcome": "killed",
            "code": 128 + signal.Signals[ended_by],
            "message": f"the run was ended by {ended_by}",
        }
    report = facts.get("report", {})
    if capture:
        report["output"] = output
    ended = RunResult(
        str(path),
        facts.get("outcome") or ("killed" if code < 0 else "exit"),
        facts.get("code", code if code >= 0 else 128 - code),
        facts.get("message") or _cause(code),
        round(time.monotonic() - started, 3),
        report,
    )
    if settings.record:
        ended = _with_recording(ended, Path(settings.record))
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        text = json.dumps(ended.full_report(), indent=2, default=str)
        (Path(out) / "report.json").write_text(text)
    return ended


def _with_recording(ended: RunResult, folder: Path) -> RunResult:
    """The result with what became of the recording: none is no clean end; no part is left."""
    if partial_of(folder).is_dir() and ended.outcome in ("hang", "killed"):
        # The process had no time to complete it.
        shutil.rmtree(partial_of(folder), ignore_errors=True)
    if is_recording(folder) or not ended.is_clean:
        return ended
    return replace(
        ended,
        outcome="error",
        code=1,
        message="nothing was recorded: no camera of the script gave a frame",
    )


def _supervise(
    command: list[str],
    environment: dict[str, str],
    limit_s: float | None,
    capture: bool,
    kept: Path,
    folder: str | os.PathLike[str] | None,
) -> tuple[int, str, str]:
    """Run to the end: code, output, and the signal by which the user ended the run, if one did."""
    with kept.open("wb") as file, _Signals() as signals:
        target = file if capture else None
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), *command],
            env=environment,
            cwd=folder,
            stdout=target,
            stderr=subprocess.STDOUT if capture else None,
            stdin=subprocess.DEVNULL if capture else None,
        )
        deadline = None
        if limit_s is not None:
            deadline = time.monotonic() + limit_s + LAST_WORDS_S + _SPARE_S
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.2)
            if signals.act(process) or (deadline is not None and time.monotonic() > deadline):
                process.terminate()
                process.wait()
    output = kept.read_text(errors="replace") if capture else ""
    return process.returncode, output, signals.ended_by


class _Signals:
    """Ctrl-C and its like, while a script runs in its own process.

    An interrupt is the script's business: from a terminal it has got it itself, otherwise it is
    passed on; the third one ends the run. SIGTERM and SIGHUP interrupt it, and end the run if it
    has not ended soon after. In other threads than the main one Python hears of no signals.
    """

    def __init__(self) -> None:
        self.ended_by = ""
        self._interrupts: int = 0
        self._passed_on = 0
        self._ends_at_s: float | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: Any) -> None:
        if number == signal.SIGINT:
            self._interrupts += 1
        elif not self.ended_by:
            self.ended_by = signal.Signals(number).name
            self._ends_at_s = time.monotonic() + LAST_WORDS_S

    def act(self, process: subprocess.Popen[bytes]) -> bool:
        """Pass on what is to be passed on; whether the run is to be ended now."""
        wanted = max(self._interrupts if not _is_in_foreground() else 0, int(bool(self.ended_by)))
        if process.poll() is None and self._passed_on < wanted:
            self._passed_on = wanted
            process.send_signal(signal.SIGUSR1)
        if self._interrupts >= _INTERRUPTS:
            self.ended_by = self.ended_by or "SIGINT"
            return True
        return self._ends_at_s is not None and time.monotonic() > self._ends_at_s


def _is_in_foreground() -> bool:
    """Whether Ctrl-C at the terminal reaches this process and those it started."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def end_marked(mark: str) -> int:
    """End every process that carries the mark; gives how many there were."""
    count = 0
    for _ in range(20):
        found = _marked(mark)
        if not found:
            return count
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                count += 1
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    return count


def _marked(mark: str) -> list[int]:
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _cause(code: int) -> str:
    if code < 0:
        return f"the process was ended by {signal.Signals(-code).name}"
    return f"the process ended itself with {code}, as by os._exit"
