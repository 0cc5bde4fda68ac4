"""``oakwright device bench``: which scripts of a folder run, and why the others do not.

Each script runs in a process of its own, deterministic, for some seconds of virtual time. *Clean*
is one that raised nothing, logged no error, and whose every linked stream brought messages of the
type its output declares, with contents: pictures of more than one value, lists that are not empty.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import depthai as dai

from oakwright.errors import UsageError
from oakwright.files import write_aside

from .runner import RunResult, run_script
from .settings import Settings

# What a script of its own kind calls: it writes to a camera's memory, or is no DepthAI script.
_APART = re.compile(
    r"\bDeviceBootloader\(|\.flash[A-Z]\w*\(|\.startIMUFirmwareUpdate\(|\.\w*[fF]actoryReset\w*\("
)
_USES_DEPTHAI = re.compile(r"^\s*(import|from)\s+depthai\b", re.MULTILINE)
_NODES = re.compile(r"\bdai\.node\.([A-Z]\w+)|\.create([A-Z]\w+)\(")
# How find_problems and the cameras say that a pipeline cannot be run.
_REFUSED = re.compile(r"cannot run this pipeline|has no camera at")
RESULTS = ("clean", "refused", "failed", "apart")


@dataclass(frozen=True)
class Plan:
    """How every script is run.

    ``seconds``: of virtual time. ``limit_s``: real seconds. ``overlay``: a folder laid over a copy
    of the scripts' (networks, videos they look for). ``arguments``: by script, as it is listed.
    """

    seconds: float = 4.0
    limit_s: float = 120.0
    source: str = "scene"
    board: str = "OAK-D"
    overlay: Path | None = None
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """One script: ``result`` is one of RESULTS; ``seconds`` real; ``reason`` if not clean."""

    script: str
    nodes: tuple[str, ...]
    result: str
    frames: int
    seconds: float
    reason: str = ""
    output: str = ""


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
    wanted = tuple(only)
    with tempfile.TemporaryDirectory(prefix="oakwright-bench-") as own:
        copy = Path(own) / "scripts"
        shutil.copytree(folder, copy)
        if plan.overlay is not None:
            shutil.copytree(plan.overlay, copy, dirs_exist_ok=True)
        names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.py"))
        names = [n for n in names if not wanted or any(w in n for w in wanted)]

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
    place = Path(tempfile.mkdtemp(dir=own))
    settings = Settings(
        source=plan.source,
        board=plan.board,
        deterministic=True,
        seconds=plan.seconds,
        patience_s=30.0,
        aliases=plan.aliases,
    )
    ended = run_script(
        copy / name,
        plan.arguments.get(name, ()),
        settings,
        limit_s=plan.limit_s,
        capture=True,
        folder=place,
    )
    shutil.rmtree(place, ignore_errors=True)
    result, reason = judge(ended)
    frames = sum(s["arrived"] for s in ended.report.get("streams", {}).values())
    output = str(ended.report.get("output", ""))
    return Row(name, nodes, result, frames, ended.wall_s, reason, output)


def _why_apart(text: str) -> str:
    if not _USES_DEPTHAI.search(text):
        return "no DepthAI script"
    found = _APART.search(text)
    return f"writes to a camera's memory: {found[0].strip('.(')}" if found else ""


# -- the verdict


def judge(ended: RunResult) -> tuple[str, str]:
    """``clean``, ``refused`` or ``failed``, and why."""
    if not ended.is_clean:
        message = " ".join(ended.message.split())
        return ("refused" if _REFUSED.search(message) else "failed"), message
    report = ended.report
    streams = report.get("streams", {})
    for device in report.get("devices", ()):
        if device.get("errors"):
            return "failed", device["errors"][0]
        for stream, (kind, port) in device.get("links", {}).items():
            if reason := _stream_problem(streams.get(stream), kind, port):
                return "failed", f"stream '{stream}' {reason}"
    return "clean", ""


def _stream_problem(stream: Mapping[str, Any] | None, kind: str, port: str) -> str:
    if stream is None or not stream["arrived"]:
        return "brought nothing"
    declared = declared_types(kind).get(port)
    if declared and (wrong := set(stream["kinds"]) - declared):
        return f"brought {', '.join(sorted(wrong))}, not {', '.join(sorted(declared))}"
    return "" if stream["contents"] else f"brought only {stream['kind']} without contents"


@cache
def _node_names() -> frozenset[str]:
    return frozenset(name for name in dir(dai.node) if not name.startswith("_"))


@cache
def declared_types(kind: str) -> Mapping[str, frozenset[str]]:
    """What each output of a node may send, by its schema name: classes of messages.

    Outputs that may send anything that is a Buffer are left out.
    """
    name = {
        "DetectionNetwork": "MobileNetDetectionNetwork",
        "SpatialDetectionNetwork": "MobileNetSpatialDetectionNetwork",
    }.get(kind, kind)
    if name not in _node_names():
        return {}
    node = dai.Pipeline().create(getattr(dai.node, name))
    found = {}
    for output in node.getOutputs():
        # The binding has no name for groups of messages.
        types = {
            str(t.datatype.name).replace("???", "MessageGroup") for t in output.possibleDatatypes
        }
        if "Buffer" not in types:
            found[output.name] = frozenset(types)
    return found


# -- the table


def as_markdown(rows: list[Row], plan: Plan) -> str:
    """Counts, the table, and the scripts that were set apart."""
    counts = Counter(row.result for row in rows)
    tried = len(rows) - counts["apart"]
    lines = [
        f"{counts['clean']} of {tried} scripts clean, {counts['refused']} refused, "
        f"{counts['failed']} failed; {counts['apart']} apart. "
        f"Each ran for {plan.seconds:g} s of virtual time on board {plan.board}, "
        f"source `{Path(plan.source).name}`.",
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
    apart = [row for row in rows if row.result == "apart"]
    if apart:
        lines += ["", "Apart, not run:", ""]
        lines += [f"- {row.script}: {row.reason}" for row in apart]
    return "\n".join(lines) + "\n"


def _cell(text: str, longest: int = 200) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= longest else text[: longest - 3] + "..."


def write_bench_table(rows: list[Row], plan: Plan, path: Path) -> None:
    """Write ``as_markdown``, whole or not at all."""
    write_aside(path, as_markdown(rows, plan))
