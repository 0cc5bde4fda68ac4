"""``oakwright device bench``: which scripts of a folder run, and why the others do not.

Each script runs in a process of its own, deterministic, for some seconds of virtual time, and is
judged by ``verdict.judge``, which says what *clean* means.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import depthai as dai
import yaml

from oakwright.errors import UsageError
from oakwright.files import write_aside

from .runner import run_script
from .settings import Settings
from .sources import CutsSource, open_source
from .verdict import RESULTS, judge

# What a script of its own kind calls: it writes to a camera's memory, or is no DepthAI script.
_APART = re.compile(
    r"\bDeviceBootloader\(|\.flash[A-Z]\w*\(|\.startIMUFirmwareUpdate\(|\.\w*[fF]actoryReset\w*\("
)
_USES_DEPTHAI = re.compile(r"^\s*(import|from)\s+depthai\b", re.MULTILINE)
_NODES = re.compile(r"\bdai\.node\.([A-Z]\w+)|\.create([A-Z]\w+)\(")

__all__ = [
    "RESULTS",
    "Need",
    "Plan",
    "Row",
    "as_markdown",
    "bench_scripts",
    "read_needs",
    "write_bench_table",
]


@dataclass(frozen=True)
class Need:
    """What one script needs, other than the plan says; None where it is as the plan says.

    ``arguments``: on its command line. ``keys``: pressed in its windows, as (seconds, keys).
    """

    arguments: tuple[str, ...] = ()
    keys: tuple[tuple[float, str], ...] = ()
    seconds: float | None = None
    source: str | None = None
    board: str | None = None


@dataclass(frozen=True)
class Plan:
    """How every script is run.

    ``seconds``: of virtual time. ``limit_s``: real seconds. ``overlay``: a folder laid over a copy
    of the scripts' (networks, videos they look for). ``needs``: by script, as it is listed.
    """

    seconds: float = 1.6
    limit_s: float = 120.0
    source: str = "cuts"
    board: str = "OAK-D"
    overlay: Path | None = None
    needs: Mapping[str, Need] = field(default_factory=dict)
    aliases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """One script: ``result`` is one of RESULTS; ``seconds`` real.

    ``reason``: if not clean, or the nodes that were silent.
    """

    script: str
    nodes: tuple[str, ...]
    result: str
    frames: int
    seconds: float
    reason: str = ""
    output: str = ""


def read_needs(path: Path) -> dict[str, Need]:
    """A YAML file: script, then ``arguments``, ``keys``, ``seconds``, ``source``, ``board``.

    ``keys`` maps seconds to what is pressed then.
    """
    try:
        found = yaml.safe_load(path.read_text()) or {}
        return {str(script): _need(said) for script, said in found.items()}
    except (OSError, yaml.YAMLError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} is no list of what scripts need: {error}",
            remedy="write 'folder/script.py: {arguments: [...], keys: {1.0: c}, seconds: 4}'",
        ) from error


def _need(said: Mapping[str, Any]) -> Need:
    if unknown := set(said) - {"arguments", "keys", "seconds", "source", "board"}:
        raise ValueError(f"'{min(unknown)}' is none of arguments, keys, seconds, source, board")
    seconds = said.get("seconds")
    return Need(
        tuple(str(word) for word in said.get("arguments", ())),
        tuple((float(time_s), str(keys)) for time_s, keys in said.get("keys", {}).items()),
        None if seconds is None else float(seconds),
        said.get("source"),
        said.get("board"),
    )


def bench_scripts(
    folder: Path,
    plan: Plan | None = None,
    *,
    jobs: int = 1,
    only: Iterable[str] = (),
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Run every script under ``folder``; rows are sorted by name.

    The scripts run in a copy, so that what they write harms nobody. ``only``: parts of names.
    """
    plan = plan or Plan()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", remedy="check the path")
    if not (plan.seconds > 0 and plan.limit_s > 0):
        raise UsageError(
            f"seconds is {plan.seconds}, limit_s {plan.limit_s}", remedy="they must be above 0"
        )
    wanted = tuple(only)
    with tempfile.TemporaryDirectory(prefix="oakwright-bench-") as own:
        copy = Path(own) / "scripts"
        shutil.copytree(folder, copy)
        if plan.overlay is not None:
            shutil.copytree(plan.overlay, copy, dirs_exist_ok=True)
        names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.py"))
        names = [n for n in names if not wanted or any(w in n for w in wanted)]
        if not names:
            what = f" whose name has {' or '.join(wanted)}" if wanted else ""
            raise UsageError(f"there is no script (*.py) in {folder}{what}")

        def run(name: str) -> Row:
            row = _run(copy, name, plan, Path(own))
            if on_row is not None:
                on_row(row)
            return row

        with ThreadPoolExecutor(max(jobs, 1)) as pool:
            return list(pool.map(run, names))


def _run(copy: Path, name: str, plan: Plan, own: Path) -> Row:
    text = (copy / name).read_text(errors="replace")
    nodes = tuple(sorted({a or b for a, b in _NODES.findall(text)} & _node_names()))
    if reason := _why_apart(text):
        return Row(name, nodes, "apart", 0, 0.0, reason)
    need = plan.needs.get(name, Need())
    # Where the overlay lies is not known before.
    models = str(copy / "models")
    place = Path(tempfile.mkdtemp(dir=own))
    settings = Settings(
        source=(need.source or plan.source).replace("{models}", models),
        board=need.board or plan.board,
        deterministic=True,
        seconds=need.seconds or plan.seconds,
        patience_s=30.0,
        aliases=plan.aliases,
        keys=need.keys,
        judged=True,
    )
    ended = run_script(
        copy / name,
        [word.replace("{models}", models) for word in need.arguments],
        settings,
        limit_s=plan.limit_s,
        capture=True,
        folder=place,
    )
    shutil.rmtree(place, ignore_errors=True)
    result, reason = judge(ended, _hold_s(settings.source))
    silent = [t for device in ended.report.get("devices", ()) for t in device.get("silent", ())]
    if silent and result == "clean":
        # Counted apart from what was shown to work.
        reason = f"silent for want of hardware: {', '.join(silent)}"
    # Where this machine keeps things says nothing to others.
    reason = reason.replace(f"{copy}/", "").replace(sys.executable, "python")
    frames = sum(s["arrived"] for s in ended.report.get("streams", {}).values())
    output = str(ended.report.get("output", ""))
    return Row(name, nodes, result, frames, ended.wall_s, reason, output)


@cache
def _hold_s(words: str) -> float | None:
    """How long a source of stills holds each; None for others, whose changes prove less."""
    source = open_source(words) if words.partition(":")[0] == "cuts" else None
    return source.hold_s if isinstance(source, CutsSource) else None


def _why_apart(text: str) -> str:
    if not _USES_DEPTHAI.search(text):
        return "no DepthAI script"
    found = _APART.search(text)
    return f"writes to a camera's memory: {found[0].strip('.(')}" if found else ""


@cache
def _node_names() -> frozenset[str]:
    return frozenset(name for name in dir(dai.node) if not name.startswith("_"))


# -- the table


def as_markdown(rows: list[Row], plan: Plan) -> str:
    """Counts, the table, and the scripts that were set apart."""
    counts = Counter(row.result for row in rows)
    tried = len(rows) - counts["apart"]
    silent = sum(row.result == "clean" and bool(row.reason) for row in rows)
    text = f"In {silent} of the clean ones nodes are silent, for want of hardware. "
    without = text if silent else ""
    lines = [
        f"{counts['clean']} of {tried} scripts clean, {counts['refused']} refused, "
        f"{counts['failed']} failed; {counts['apart']} apart. "
        f"{without}Each ran for {plan.seconds:g} s of virtual time on board {plan.board}, "
        f"source `{Path(plan.source).name}`, if nothing else is said.",
        "",
        "| script | nodes | result | frames | seconds | reason |",
        "|---|---|---|--:|--:|---|",
    ]
    lines += [
        f"| {row.script} | {', '.join(row.nodes)} | {row.result} | {row.frames} "
        f"| {row.seconds:.1f} | {_cell(row.reason)} |"
        for row in rows
        if row.result != "apart"
    ]
    needs = {row.script: plan.needs[row.script] for row in rows if row.script in plan.needs}
    if needs:
        lines += ["", "Run with:", ""]
        lines += [f"- {script}: {_said(need)}" for script, need in needs.items()]
    apart = [row for row in rows if row.result == "apart"]
    if apart:
        lines += ["", "Apart, not run:", ""]
        lines += [f"- {row.script}: {row.reason}" for row in apart]
    return "\n".join(lines) + "\n"


def _said(need: Need) -> str:
    parts = [f"`{' '.join(need.arguments)}`"] if need.arguments else []
    parts += [f"key `{keys}` at {time_s:g} s" for time_s, keys in need.keys]
    parts += [f"{need.seconds:g} s"] if need.seconds else []
    parts += [f"source `{need.source}`"] if need.source else []
    parts += [f"board {need.board}"] if need.board else []
    return ", ".join(parts)


def _cell(text: str, longest: int = 200) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= longest else text[: longest - 3] + "..."


def write_bench_table(rows: list[Row], plan: Plan, path: Path) -> None:
    """Write ``as_markdown``, whole or not at all."""
    write_aside(path, as_markdown(rows, plan))
