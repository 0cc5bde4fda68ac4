"""docs/reference/applications.md, from the rows of bench/applications.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.application_run import Application, Ran

HEAD = """# Published applications

<!-- written by bench/applications.py -->

The applications of luxonis/depthai-experiments for DepthAI v2: every script under `gen2-*` that a
person would start, of commit 34a41e94 (June 2025), the last one of the branch `master`; the branch
`main` is of DepthAI v3. They run unmodified on the virtual OAK, deterministic, with no camera:
1.6 s of virtual time each if nothing else is said, on board OAK-D with the source `cuts`, and are
then ended by q or as by Ctrl-C.

*Clean* means what it means for [DepthAI's own examples](examples.md): no error in script or nodes;
every linked stream to the host brought messages of the declared type and size; pictures and
detections follow the scene. *Lacks* names an import or a file that cannot be had without the
services of others. Those that use depthai-sdk run with the version that their `requirements.txt`
names (1.10.2, which is not published any more, is 1.11.0 here; where none is named, or the one
named lacks the model that is asked for, it is one that fits). *Frames* are messages that reached
the host; *seconds* are real ones on a two-core machine with much else to do, no measure of speed.

"""
STAND_INS = """
## What stands in

The networks that the applications download cannot be had without their converter and zoo. Those
below have the same inputs, outputs and types, are compiled on this machine by
`blobconverter.from_zoo` of oakwright or before the run, and are not trained: detectors find the
coloured things of the made-up scene, other outputs follow the picture. So what an application
draws is not what it would with a camera; that it runs, reads and draws it is what is shown.
Blobs that the repository holds are used as they are.

"""


def as_page(rows: Sequence[Ran], said: Mapping[str, Any]) -> str:
    """The whole page."""
    lines = {row.script: Application.of(row.script, _line(said, row.script)) for row in rows}
    counts = Counter(row.result for row in rows)
    runnable = counts["clean"] + counts["failed"] + counts["left"]
    share = counts["clean"] / runnable if runnable else 0.0
    text = [
        HEAD,
        f"{len(rows) - counts['apart']} applications: {counts['lacks']} lack what cannot be had; "
        f"of the other {runnable}, {counts['clean']} are clean ({share:.0%}), "
        f"{counts['failed']} fail and {counts['left']} have not been run.\n",
        _table(rows, lines),
        _needs(lines),
        STAND_INS,
        _networks(said["networks"]),
        _files(lines),
        _apart(rows),
    ]
    return "".join(text)


def _line(said: Mapping[str, Any], script: str) -> Mapping[str, Any]:
    return said["applications"].get(script) or {}


def _table(rows: Sequence[Ran], lines: Mapping[str, Application]) -> str:
    text = [
        "",
        "| application | SDK | result | frames | seconds | reason |",
        "|---|---|---|--:|--:|---|",
    ]
    for row in rows:
        if row.result != "apart":
            line = lines[row.script]
            reason = "; ".join(filter(None, (row.reason, line.note)))
            text.append(
                f"| {row.script} | {line.sdk} | {row.result} | {row.frames or ''} | "
                f"{f'{row.seconds:.1f}' if row.seconds else ''} | {_cell(reason)} |"
            )
    return "\n".join(text) + "\n"


def _needs(lines: Mapping[str, Application]) -> str:
    plain = Application("")
    text = []
    for line in lines.values():
        parts = [f"`{' '.join(line.arguments)}`"] if line.arguments else []
        parts += [f"key `{keys}` at {time_s:g} s" for time_s, keys in line.keys]
        parts += [f"{line.seconds:g} s"] if line.seconds != plain.seconds else []
        parts += [f"source `{line.source}`"] if line.source != plain.source else []
        parts += [f"board {line.board}"] if line.board != plain.board else []
        parts += [f"{name}={value}" for name, value in line.environment.items()]
        if parts and not (line.lacks or line.apart):
            text.append(f"- {line.script}: {', '.join(parts)}")
    return "\n".join(["", "Run with:", "", *text]) + "\n" if text else ""


def _networks(networks: Mapping[str, Any]) -> str:
    text = ["From the zoos:", ""]
    return (
        "\n".join(text + [f"- `{name}`: {_network(one)}" for name, one in networks.items()]) + "\n"
    )


def _network(said: Mapping[str, Any]) -> str:
    if "ssd" in said:
        width, height = said["ssd"]
        grey = "grey pictures" if said.get("grey") else "pictures"
        return f"an SSD's boxes in {grey} of {width}x{height}"
    if "yolo" in said:
        width, height = said["yolo"]
        return f"YOLO's grids, boxes where pictures of {width}x{height} are bright"
    inputs = ", ".join(f"{_shape(shape)}" for shape in said["inputs"].values())
    parts = [f"means as {name} {_shape(shape)}" for name, shape in said.get("means", {}).items()]
    parts += [
        f"the picture as {name} {_shape(shape)}" for name, shape in said.get("maps", {}).items()
    ]
    return f"of {inputs}: {'; '.join(parts)}"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(one) for one in shape)


def _files(lines: Mapping[str, Application]) -> str:
    text = ["", "Files, where the checkout lacks them (its largest ones were not to be had):", ""]
    for line in lines.values():
        for name, said in line.files.items():
            text.append(f"- {line.script}, `{name}`: {_file(said)}")
    return "\n".join(text) + "\n"


def _file(said: Mapping[str, Any]) -> str:
    if "video" in said:
        return "a video of the made-up scene"
    if "calibration" in said:
        return f"the calibration of the virtual {said['calibration']}"
    if "extrinsics" in said:
        return f"a made-up calibration: the camera {said['extrinsics']:g} m over the board"
    if "repository" in said:
        return f"`{said['repository']}` of the same repository"
    if "text" in said:
        return "written for the run"
    return _network(said)


def _apart(rows: Sequence[Ran]) -> str:
    text = ["", "## Apart", "", "Not counted, as no application of their own:", ""]
    text += [f"- {row.script}: {row.reason}" for row in rows if row.result == "apart"]
    return "\n".join(text) + "\n"


def _cell(text: str, longest: int = 220) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= longest else text[: longest - 3] + "..."
