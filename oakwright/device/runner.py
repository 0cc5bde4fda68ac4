"""``oakwright device run``: a script in a process of its own, to its end, leaving nothing behind.

The script runs as written, by ``child.py``. Whatever it does - crash, exit, hang, fork, die by a
signal - ends with a ``RunResult`` and no process left: its descendants carry a mark in their
environment, by which they are found and ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oakwright.errors import UsageError

from .child import LAST_WORDS_S, MAIN_VARIABLE
from .scheduler import JOIN_S
from .settings import Settings

MARK = "OAKWRIGHT_RUN"
# How long after its limit and its last words the process may take to end itself: its nodes'
# threads, then its own children's.
_SPARE_S = JOIN_S + 10.0


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    ``outcome``: ``clean`` (to its end, or interrupted at the end of its budget), ``exit`` (its
    own exit code), ``crash`` (an exception), ``error`` (one of ours: pipeline, deadlock, source),
    ``hang``, ``killed``. ``report``: see VirtualOak.report.
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
        code, output = _supervise(
            command, environment, limit_s, capture, Path(own) / "output", folder
        )
        end_marked(mark)
        facts = json.loads(result.read_text()) if result.is_file() else {}
    report = facts.get("report", {})
    if capture:
        report["output"] = output
    ended = RunResult(
        str(path),
        facts.get("outcome") or "killed",
        facts.get("code", code),
        facts.get("message") or _cause(code),
        round(time.monotonic() - started, 3),
        report,
    )
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        shown = {"outcome": ended.outcome, "message": ended.message, "wall_s": ended.wall_s}
        (Path(out) / "report.json").write_text(json.dumps(shown | report, indent=2, default=str))
    return ended


def _supervise(
    command: list[str],
    environment: dict[str, str],
    limit_s: float | None,
    capture: bool,
    kept: Path,
    folder: str | os.PathLike[str] | None,
) -> tuple[int, str]:
    """Run to the end; Ctrl-C is the script's business, which gets it too."""
    with kept.open("wb") as file:
        target = file if capture else None
        process = subprocess.Popen(
            command,
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
            try:
                process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                if deadline is not None and time.monotonic() > deadline:
                    process.kill()
            except KeyboardInterrupt:
                continue
    return process.returncode, kept.read_text(errors="replace") if capture else ""


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
    return f"the process ended with {code} and no word of why"
