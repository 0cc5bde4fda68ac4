"""What a pipeline says of its streams to the host before any message: the judge's side.

Read from the pipeline alone, not from the nodes that carry it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .boards import COLOR_RESOLUTIONS, MONO_RESOLUTIONS
from .schema import NodeRecord, Schema

_CAMERAS = ("Camera", "ColorCamera", "MonoCamera")
# Inputs that change how a node works, and bring no picture.
_CONTROLS = ("inputConfig", "inputControl", "inputCalibration")


def declared_streams(schema: Schema) -> dict[str, dict[str, Any]]:
    """Per linked stream: ``feeds``, ``sees``, ``steered``, ``sizes``.

    ``feeds``: (kind, port) of each output that feeds it; several may. ``sees``: a camera's pictures
    reach it. ``steered``: a node on the way is told, as it runs, how to work, so that pictures may
    change by themselves. ``sizes``: width and height in pixels of what each output sends, empty
    where the pipeline does not say of all of them.
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
            {"feeds": [], "sees": False, "steered": False, "sizes": []},
        )
        stream["feeds"].append((source.kind, link.output))
        stream["sizes"].append(declared_size(schema, source, link.output))
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
    if record.kind == "MonoCamera" and port == "out":
        return MONO_RESOLUTIONS.get(said["resolution"])
    if record.kind == "ImageManip" and port == "out" and not _is_linked(schema, record, "Config"):
        config = said["initialConfig"]
        if config["enableResize"] and not config["resizeConfig"]["lockAspectRatioFill"]:
            return _both(config["resizeConfig"], "width", "height")
    return None


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
