"""What can be asked of the process beside the server: plain values in, plain values out."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from oakwright import conversion
from oakwright.errors import UnreadableModel, UsageError

from ..request import JobRequest
from .families import family_of
from .layout import BOX_H, BOX_W, MOST_NODES, lay_out, parts_of

MOST_LAYERS = 40 * MOST_NODES
MOST_STAGES = 3000
MOST_COSTS = 200
MOST_VALUES = 2_000_000  # numbers of an output that are sent to whoever tries a blob
_LONGEST_NAME = 200  # characters of a layer's name

Work = Callable[[Mapping[str, Any], Path], dict[str, Any]]


def look(asked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What a model is, and its graph in parts. ``asked``: a request, as plain values."""
    found = conversion.look(_model(JobRequest.from_json(asked["request"]), folder))
    facts = {key: value for key, value in found.facts.items() if key != "layers"}
    shown = found.layers[:MOST_LAYERS]
    takes = [layer.takes for layer in shown]
    graph: list[dict[str, Any]] = []
    parts = parts_of(len(shown))
    for number in range(parts):
        part = lay_out(takes, number)
        boxes = [
            {
                **vars(box),
                "name": _short(shown[box.at].name),
                "operation": shown[box.at].operation,
                "family": family_of(shown[box.at].operation),
                "shapes": shown[box.at].shapes,
                "parameters": shown[box.at].parameters,
                "macs": shown[box.at].macs,
                "attributes": dict(shown[box.at].attributes),
            }
            for box in part.boxes
        ]
        plain = {**vars(part), "boxes": boxes, "lines": [vars(line) for line in part.lines]}
        size = {"box_width": BOX_W, "box_height": BOX_H}
        counts = {"part": number, "parts": parts, "layers": len(found.layers)}
        graph.append({**counts, **size, **plain})
    ports = ("Parameter", "Result")
    kinds = (layer.operation for layer in found.layers)
    facts["operations"] = Counter(kind for kind in kinds if not kind.startswith(ports))
    facts["macs"] = sum(layer.macs for layer in found.layers)
    notes = list(found.notes)
    if len(found.layers) > MOST_LAYERS:
        notes.append(f"the graph shows the first {MOST_LAYERS} of {len(found.layers)} layers")
    facts |= {"layers": len(found.layers), "parts": parts, "notes": notes, "name": found.name}
    return {"model": facts, "graph": graph}


def check(asked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Pre-flight: findings, and with ``costs`` what each layer will cost."""
    request = JobRequest.from_json(asked["request"])
    options = request.convert_options(**asked["limits"])
    found = conversion.check(_model(request, folder), options=options, costs=asked["costs"])
    costs = found.performance.as_json() if found.performance else None
    if costs:
        costs["layers"] = costs["layers"][:MOST_COSTS]
    return {
        "convertible": found.is_convertible,
        "findings": [asdict(finding) for finding in found.findings],
        "notes": list(found.notes),
        "rules": list(found.rules),
        "performance": costs,
    }


def inspect(asked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A blob: header, stages, memory over the program, and the script that uses it."""
    from oakwright.blob import memory_profile, stage_rows, summary_rows, to_json

    from .script import depthai_script, is_detection, picture_of

    blob = _blob(folder)
    ports = []
    plain = to_json(blob)
    for info, row in zip(blob.inputs, plain["inputs"], strict=True):
        picture = picture_of(info)
        names = ("channels", "height", "width", "layout")
        known = dict(zip(names, picture, strict=True)) if picture else None
        ports.append({**row, "picture": known})
    rows = stage_rows(blob)
    return {
        "shaves": blob.shaves,
        "summary": [list(row) for row in summary_rows(blob)],
        "inputs": ports,
        "outputs": plain["outputs"],
        "is_detection": is_detection(blob),
        "stages": [asdict(row) for row in rows[:MOST_STAGES]],
        "stages_in_all": len(rows),
        "memory": {
            "bss_bytes": blob.bss_bytes,
            "cmx_bytes": blob.cmx_bytes,
            "stages": [asdict(use) for use in memory_profile(blob).stages[:MOST_STAGES]],
        },
        "script": depthai_script(blob, asked["file_name"], asked["frames"]),
    }


def run(asked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Run a blob once on the CPU. ``inputs``: name -> base64 text, ``as_bytes``: U8 or its own."""
    import time

    import numpy as np

    from oakwright.decompiler import CompiledBlob

    blob = _blob(folder)
    given = dict(asked["inputs"])
    unknown = sorted(set(given) - {info.name for info in blob.inputs})
    if unknown:
        names = ", ".join(info.name for info in blob.inputs)
        raise UsageError(
            f"the blob has no input {unknown[0][:100]!r}", remedy=f"it has {names}", key="inputs"
        )
    arrays = {}
    for info in blob.inputs:
        shape = (info.desc.shape[0] * blob.batch_size, *info.desc.shape[1:])
        if info.name not in given:
            if not asked["zeros"]:
                raise UsageError(
                    f"nothing is given for input {info.name!r}",
                    remedy="give it, or say that what is missing is zeros",
                    key="inputs",
                )
            arrays[info.name] = np.zeros(shape, info.desc.dtype)
            continue
        one = given[info.name]
        kind = np.dtype("u1") if one["values"] == "U8" else info.desc.dtype
        try:
            data = base64.b64decode(one["data"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise UsageError(
                f"the data of input {info.name!r} is no base64: {error}", key="inputs"
            ) from None
        wanted = int(np.prod(shape)) * kind.itemsize
        if len(data) != wanted:
            raise UsageError(
                f"input {info.name!r} takes {wanted} bytes, {len(data)} were given",
                remedy=f"its shape is {list(shape)}",
                key="inputs",
            )
        arrays[info.name] = np.frombuffer(data, kind).reshape(shape).astype(info.desc.dtype)
    network = CompiledBlob(blob)
    started = time.perf_counter()
    results = network.infer(arrays)
    seconds = time.perf_counter() - started
    outputs = []
    for info in blob.outputs:
        values = results[info.name].astype("<f4")
        finite = values[np.isfinite(values)]
        known = finite.size > 0
        text = base64.b64encode(values.tobytes()).decode() if values.size <= MOST_VALUES else None
        outputs.append(
            {
                "name": info.name,
                "shape": list(values.shape),
                "precision": info.spec.precision.value,
                "layout": info.spec.layout,
                "min": float(finite.min()) if known else None,
                "max": float(finite.max()) if known else None,
                "mean": float(finite.mean(dtype=np.float64)) if known else None,
                "not_finite": int(values.size - finite.size),
                "values": text,
            }
        )
    return {"seconds": seconds, "outputs": outputs}


WORKS: dict[str, Work] = {"look": look, "check": check, "inspect": inspect, "run": run}


def _model(request: JobRequest, folder: Path) -> Any:
    paths = tuple(folder / name for name in request.model())
    return paths if len(paths) > 1 else paths[0]


def _blob(folder: Path) -> Any:
    from oakwright.blob import Blob

    try:
        return Blob.from_bytes((folder / "model.blob").read_bytes())
    except FileNotFoundError:
        raise UnreadableModel("the blob is gone", remedy="convert it again") from None


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
