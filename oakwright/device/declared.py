"""What a pipeline says of its streams to the host before any message: the judge's side.

Read from the pipeline alone, not from the nodes that carry it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oakwright.blob import Blob
from oakwright.errors import BlobError

from .boards import COLOR_RESOLUTIONS, MONO_RESOLUTIONS
from .nodes import PERIPHERAL
from .schema import NodeRecord, Schema

_CAMERAS = ("Camera", "ColorCamera", "MonoCamera")
# Inputs that change how a node works, and bring no picture.
_CONTROLS = ("inputConfig", "inputControl", "inputCalibration")


def declared_streams(schema: Schema) -> dict[str, dict[str, Any]]:
    """Per linked stream: ``feeds``, ``sees``, ``steered``, ``sizes``.

    ``feeds``: (kind, port) of each output that feeds it; several may. ``sees``: a camera's pictures
    reach it. ``steered``: a node on the way is told, as it runs, how to work, so that pictures may
    change by themselves. ``sizes``: width and height in pixels of what each output sends, empty
    where the pipeline does not say of all of them. ``tensors``: name to bytes of a network's
    results, by its blob; empty for other streams. ``silent``: all that feeds it comes from nodes
    that are silent for want of hardware.
    """
    found: dict[str, dict[str, Any]] = {}
    for link in schema.connections:
        target = schema.node(link.target)
        if target.kind != "XLinkOut":
            continue
        source = schema.node(link.source)
        upstream = _upstream(schema, source.id)
        stream = found.setdefault(
            str(target.properties["streamName"]),
            {
                "feeds": [],
                "sees": False,
                "steered": False,
                "silent": True,
                "sizes": [],
                "tensors": {},
            },
        )
        stream["feeds"].append((source.kind, link.output))
        stream["sizes"].append(declared_size(schema, source, link.output))
        stream["tensors"] |= declared_tensors(source, link.output)
        stream["silent"] &= any(schema.node(id).kind in PERIPHERAL for id in upstream)
        stream["sees"] |= any(schema.node(id).kind in _CAMERAS for id in upstream)
        stream["steered"] |= any(_is_steered(schema, id) for id in upstream)
    for stream in found.values():
        if None in stream["sizes"]:
            stream["sizes"] = []
    return found


def declared_size(schema: Schema, record: NodeRecord, port: str) -> tuple[int, int] | None:
    """Width and height of an output's pictures, as the script set them."""
    said = record.properties
    if record.kind in ("ColorCamera", "Camera"):
        if port == "preview":
            return _both(said, "previewWidth", "previewHeight")
        if port == "video":
            return _both(said, "videoWidth", "videoHeight")
        if port == "still" and record.kind == "ColorCamera":
            return _both(said, "stillWidth", "stillHeight")
        scale = said["ispScale"]
        if port == "isp" and record.kind == "ColorCamera" and not any(scale.values()):
            return COLOR_RESOLUTIONS.get(said["resolution"])
    if record.kind == "StereoDepth":
        return _stereo_size(schema, record, port)
    if record.kind == "MonoCamera" and port == "out":
        return MONO_RESOLUTIONS.get(said["resolution"])
    if record.kind == "ImageManip" and port == "out" and not _is_linked(schema, record, "Config"):
        config = said["initialConfig"]
        if config["enableResize"] and not config["resizeConfig"]["lockAspectRatioFill"]:
            return _both(config["resizeConfig"], "width", "height")
    return None


def declared_tensors(record: NodeRecord, port: str) -> dict[str, int]:
    """Name and bytes of every tensor that a network's output sends, as its blob says."""
    named = {"NeuralNetwork": "out", "DetectionNetwork": "outNetwork"}
    if named.get(record.kind) != port:
        return {}
    data = record.asset(record.properties["blobUri"])
    try:
        outputs = Blob.from_bytes(bytes(data)).outputs if data is not None else ()
    except BlobError:
        return {}
    specs = [one.spec for one in outputs]
    return {
        spec.name: int(np.prod(spec.shape, dtype=np.int64)) * spec.precision.size_bytes
        for spec in specs
    }


def _stereo_size(schema: Schema, record: NodeRecord, port: str) -> tuple[int, int] | None:
    """Its cameras' size, unless the script set, aligned or thinned out what comes."""
    said = record.properties
    is_plain = port.startswith(("rectified", "synced")) or (
        port in ("depth", "disparity")
        and said["depthAlignCamera"] == -1
        and said["outWidth"] is None
        and said["initialConfig"]["postProcessing"]["decimationFilter"]["decimationFactor"] <= 1
        and not _is_linked(schema, record, "Config")
    )
    feeds = [c for c in schema.connections if (c.target, c.input) == (record.id, "left")]
    source = schema.node(feeds[0].source) if feeds else None
    return declared_size(schema, source, feeds[0].output) if is_plain and source else None


def _both(said: Mapping[str, Any], width: str, height: str) -> tuple[int, int] | None:
    pair = int(said.get(width, 0)), int(said.get(height, 0))
    return pair if min(pair) > 0 else None


def _is_linked(schema: Schema, record: NodeRecord, ending: str) -> bool:
    return any(c.target == record.id and c.input.endswith(ending) for c in schema.connections)


def _is_steered(schema: Schema, id: int) -> bool:
    """Whether a node that makes pictures of pictures gets configurations; cameras do not count."""
    if schema.node(id).kind in _CAMERAS:
        return False
    return any(c.target == id and c.input in _CONTROLS for c in schema.connections)


def _upstream(schema: Schema, start: int) -> set[int]:
    """A node and all that its pictures come from; what only steers them is left out."""
    waiting, known = [start], {start}
    while waiting:
        id = waiting.pop()
        for link in schema.connections:
            if link.target == id and link.source not in known and link.input not in _CONTROLS:
                known.add(link.source)
                waiting.append(link.source)
    return known
