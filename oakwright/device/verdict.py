"""Is a run clean? Judged from its report alone, with the declarations of the pipeline.

*Clean*: the script raised nothing and logged no error, and every linked stream brought messages of
the declared type and size. Pictures must not be of one value. Where the source holds its scene
still between cuts (``CutsSource``), pictures and detections must follow it: news at the cuts, and
less than half of that between them; less than all of it where the script moves a crop or turns the
picture as it runs. Streams that see no camera must change if the pictures do that the host sends.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from functools import cache
from typing import Any

import depthai as dai

from .runner import RunResult
from .schema import python_name
from .sources import still_at

RESULTS = ("clean", "refused", "failed", "apart")
# How find_problems and the cameras say that a pipeline cannot be run.
_REFUSED = re.compile(r"cannot run this pipeline|has no camera at")
# A cut must show in this share of a picture's points, or of the boxes.
LEAST_NEWS = 0.01
# So much of a stream's pictures may be of one value (the first disparities, a covered lens).
MOST_BLANK = 0.5


def judge(ended: RunResult, hold_s: float | None = None) -> tuple[str, str]:
    """``clean``, ``refused`` or ``failed``, and why. ``hold_s``: seconds from cut to cut."""
    if not ended.is_clean:
        message = " ".join(ended.message.split())
        return ("refused" if _REFUSED.search(message) else "failed"), message
    streams = ended.report.get("streams", {})
    sent = ended.report.get("sent", {}).values()
    moves = not sent or any(share > 0 for stream in sent for _, share in stream["news"][1:])
    for device in ended.report.get("devices", ()):
        if device.get("errors"):
            return "failed", device["errors"][0]
        for name, said in device.get("declared", {}).items():
            started_s = device.get("started_s", 0.0)
            about = said if said["sees"] or moves else {**said, "stands": True}
            if reason := stream_problem(streams.get(name), about, started_s, hold_s):
                return "failed", f"stream '{name}' {reason}"
    return "clean", ""


def stream_problem(
    stream: Mapping[str, Any] | None,
    said: Mapping[str, Any],
    started_s: float = 0.0,
    hold_s: float | None = None,
) -> str:
    """What is wrong with a stream, '' if nothing: type, size, contents, whether it follows.

    ``said``: see ``declared_streams``; ``stands`` if it is of a host that sends the same picture
    again and again. ``started_s``: when the cameras' first picture was taken.
    """
    if stream is None or not stream["arrived"]:
        return "" if said.get("silent") else "brought nothing"
    types = [declared_types(kind).get(port) for kind, port in said["feeds"]]
    declared = frozenset().union(*(one for one in types if one)) if all(types) else None
    if declared and (wrong := set(stream["kinds"]) - declared):
        return f"brought {', '.join(sorted(wrong))}, not {', '.join(sorted(declared))}"
    judged = stream.get("judged")
    if judged is not None and said["tensors"]:
        for held in judged["tensors"]:
            if held != said["tensors"]:
                return f"brought tensors of {_bytes_text(held)}, not {_bytes_text(said['tensors'])}"
    if judged is None or not judged["judged"]:
        return "" if stream["contents"] else f"brought only {stream['kind']} without contents"
    if judged["problem"]:
        return str(judged["problem"])
    sizes = {f"{width}x{height}" for width, height in said["sizes"]}
    others = {f"{width}x{height}" for width, height in judged["sizes"]} - sizes
    if sizes and others:
        return f"brought pictures of {min(others)}, not {' or '.join(sorted(sizes))}"
    if judged["blank"] > MOST_BLANK * judged["judged"]:
        return f"brought {judged['blank']} of {judged['judged']} without contents"
    return _follow_problem(judged["news"], said, started_s, hold_s)


def _bytes_text(tensors: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count} B)" for name, count in sorted(tensors.items())) or "nothing"


def _follow_problem(
    news: list[tuple[float, float]],
    said: Mapping[str, Any],
    started_s: float,
    hold_s: float | None,
) -> str:
    if said.get("stands"):
        return ""
    if len(news) < 2:
        return "brought one message: whether it follows cannot be told"
    if hold_s is None or not said["sees"]:
        return "" if max(share for _, share in news[1:]) > 0 else "never changed"
    stills = [still_at(time_s - started_s, hold_s) for time_s, _ in news]
    # By the still: what the first message after a cut brought, and all others.
    at_cuts: list[float] = []
    between: list[float] = []
    for number in range(1, len(news)):
        share = news[number][1]
        (at_cuts if stills[number] != stills[number - 1] else between).append(share)
    if not at_cuts:
        return "was seen during one scene only: run it for longer"
    at_a_cut = statistics.median(at_cuts)
    if at_a_cut < LEAST_NEWS:
        return f"does not follow the scene: {at_a_cut:.1%} of it changed at the cuts"
    by_itself = statistics.median(between) if between else 0.0
    if by_itself > at_a_cut * (1.0 if said["steered"] else 0.5):
        return (
            f"does not follow the scene: {by_itself:.1%} of it changed while the "
            f"scene stood still, {at_a_cut:.1%} at the cuts"
        )
    return ""


@cache
def declared_types(kind: str) -> Mapping[str, frozenset[str]]:
    """What each output of a node may send, by its schema name: classes of messages.

    Outputs that may send anything that is a Buffer are left out.
    """
    name = python_name(kind)
    if not hasattr(dai.node, name):
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
