"""Which part of the world a picture in the pipeline shows: followed back to its camera.

A detection's box is in parts of the network's picture; to find it in a depth map one must know how
that picture was cut. This is read off the pipeline: cameras' crops and ImageManips' first configs.
Where a picture comes from a Script, the host, or an ImageManip that is configured while it runs,
nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import depthai as dai
import numpy as np

from ..blocks.manip import read_config
from ..blocks.sensor import Region
from ..blocks.stereo import Lens
from ..boards import COLOR_RESOLUTIONS, MONO_RESOLUTIONS
from ..schema import NodeRecord, Schema
from .color_camera import VIDEO_LIMIT, isp_size, video_size
from .node import Context

# Nodes with one picture that goes through unchanged: output to input.
_PASS = {
    ("NeuralNetwork", "passthrough"): "in",
    ("DetectionNetwork", "passthrough"): "in",
    ("SpatialDetectionNetwork", "passthrough"): "in",
    ("StereoDepth", "syncedLeft"): "left",
    ("StereoDepth", "syncedRight"): "right",
    ("StereoDepth", "rectifiedLeft"): "left",
    ("StereoDepth", "rectifiedRight"): "right",
}
_FULL_HD = 1920, 1080


@dataclass(frozen=True)
class Sight:
    """A picture of ``size`` pixels: what its edges look at, as slopes x/z and y/z from a socket."""

    socket: int
    left: float
    top: float
    right: float
    bottom: float
    size: tuple[int, int]

    def part(self, left: float, top: float, right: float, bottom: float) -> Sight:
        """The sight of a part, given in 0..1; ``size`` is left as it is."""
        width, height = self.right - self.left, self.bottom - self.top
        return replace(
            self,
            left=self.left + left * width,
            top=self.top + top * height,
            right=self.left + right * width,
            bottom=self.top + bottom * height,
        )

    def cut_to(self, aspect: float) -> Sight:
        """The largest middle part whose pixels' width/height is ``aspect``."""
        share = aspect * self.size[1] / self.size[0]
        across, down = min(share, 1.0), min(1 / share, 1.0)
        return self.part((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)


def sight_of(lens: Lens, socket: int) -> Sight:
    """What a whole camera picture shows."""
    (fx, _, cx), (_, fy, cy), _ = lens.matrix
    width, height = lens.size
    return Sight(socket, -cx / fx, -cy / fy, (width - cx) / fx, (height - cy) / fy, lens.size)


def find_sight(context: Context, record: NodeRecord, key: str) -> Sight | None:
    """What the picture at a node's input shows; None where the pipeline does not say."""
    schema = context.schema
    seen: set[tuple[int, str]] = set()
    return None if schema is None else _at_input(context, schema, record, key, seen)


def _at_input(
    context: Context, schema: Schema, record: NodeRecord, key: str, seen: set[tuple[int, str]]
) -> Sight | None:
    links = [c for c in schema.connections if (c.target, c.input) == (record.id, key)]
    if len(links) != 1 or (record.id, key) in seen:
        return None
    seen.add((record.id, key))
    source, output = schema.node(links[0].source), links[0].output
    if source.kind in ("ColorCamera", "Camera"):
        return _at_camera(context, source, output)
    if source.kind == "MonoCamera":
        socket = socket_of(context, source)
        size = MONO_RESOLUTIONS.get(source.properties["resolution"])
        return (
            None
            if socket is None or size is None
            else sight_of(_lens(context, socket, size), socket)
        )
    if source.kind == "ImageManip":
        before = _at_input(context, schema, source, "inputImage", seen)
        config = source.id, "inputConfig"
        is_fixed = all((c.target, c.input) != config for c in schema.connections)
        return _after_manip(before, source) if before is not None and is_fixed else None
    behind = _PASS.get((source.kind, output))
    return None if behind is None else _at_input(context, schema, source, behind, seen)


def socket_of(context: Context, record: NodeRecord) -> int | None:
    """The socket a camera node ends up with."""
    board, properties = context.board, record.properties
    if properties["cameraName"]:
        found = board.named(properties["cameraName"])
    elif properties["boardSocket"] >= 0:
        found = board.camera(properties["boardSocket"])
    else:
        wants = {"ColorCamera": True, "MonoCamera": False}.get(record.kind)
        fitting = [c for c in board.cameras if wants is None or c.sensor.is_color is wants]
        found = fitting[0] if fitting else None
    return None if found is None else found.socket


def isp_view(context: Context, socket: int) -> Lens:
    """The ISP picture of the camera node at a socket; Full HD where the pipeline has none."""
    for record in context.schema.nodes if context.schema is not None else ():
        if record.kind in ("ColorCamera", "Camera") and socket_of(context, record) == socket:
            return _isp(context, record, socket)
        if record.kind == "MonoCamera" and socket_of(context, record) == socket:
            return _lens(context, socket, MONO_RESOLUTIONS[record.properties["resolution"]])
    return _lens(context, socket, _FULL_HD)


def _lens(context: Context, socket: int, size: tuple[int, int]) -> Lens:
    camera = dai.CameraBoardSocket(socket)
    matrix = context.calibration().getCameraIntrinsics(camera, *size)
    return Lens(np.array(matrix, np.float64), size)


def _sensor_size(context: Context, record: NodeRecord, socket: int) -> tuple[int, int]:
    properties = record.properties
    if record.kind == "ColorCamera":
        return COLOR_RESOLUTIONS[properties["resolution"]]
    width, height = properties["resolutionWidth"], properties["resolutionHeight"]
    if width > 0 and height > 0:
        return width, height
    mounting = context.board.camera(socket)
    if mounting is None or mounting.sensor.is_color:
        return _FULL_HD
    return mounting.sensor.width, mounting.sensor.height


def _isp(context: Context, record: NodeRecord, socket: int) -> Lens:
    sensor = _sensor_size(context, record, socket)
    size = isp_size(sensor, record.properties)
    stretch = np.diag([size[0] / sensor[0], size[1] / sensor[1], 1.0])
    return Lens(stretch @ _lens(context, socket, sensor).matrix, size)


def _at_camera(context: Context, record: NodeRecord, output: str) -> Sight | None:
    socket = socket_of(context, record)
    if socket is None:
        return None
    properties = record.properties
    isp = _isp(context, record, socket)
    whole = sight_of(isp, socket)
    if output in ("isp", "still"):
        return whole
    sensor = _sensor_size(context, record, socket)
    if output == "video":
        size = video_size(sensor, properties)
        return replace(_region(whole, _placed(isp.size, size, properties)), size=size)
    if output == "preview":
        limit = min(sensor[0], VIDEO_LIMIT[0]), min(sensor[1], VIDEO_LIMIT[1])
        region = _placed(isp.size, isp_size(limit, properties), properties)
        size = properties["previewWidth"], properties["previewHeight"]
        if properties["previewKeepAspectRatio"]:
            region = region.shrunk_to(size[0] / size[1])
        return replace(_region(whole, region), size=size)
    return None


def _placed(whole: tuple[int, int], size: tuple[int, int], properties: Mapping[str, Any]) -> Region:
    """As ColorCamera places its crop in the ISP's picture."""
    start = []
    crop = properties["sensorCropX"], properties["sensorCropY"]
    for fraction, length, part in zip(crop, whole, size, strict=True):
        room = max(length - part, 0)
        start.append(room / 2 if fraction < 0 else min(fraction * length, room))
    return Region(start[0], start[1], min(size[0], whole[0]), min(size[1], whole[1]))


def _region(whole: Sight, region: Region) -> Sight:
    width, height = whole.size
    return whole.part(
        region.x / width,
        region.y / height,
        (region.x + region.width) / width,
        (region.y + region.height) / height,
    )


def _after_manip(before: Sight, record: NodeRecord) -> Sight | None:
    """What an ImageManip's first config leaves to be seen."""
    config = record.properties["initialConfig"]
    crop, resize = config["cropConfig"], config["resizeConfig"]
    turns = resize["enableRotation"], resize["enableWarp4pt"], resize["enableWarpMatrix"]
    if (config["enableCrop"] and crop["enableRotatedRect"]) or (
        config["enableResize"] and any(turns)
    ):
        return None
    form = config["formatConfig"]
    if record.properties["meshUri"] or form["flipHorizontal"] or form["flipVertical"]:
        return None
    done = read_config(config, before.size)
    if done.center_crop is not None:
        return None
    if done.crop is not None:
        left, top, right, bottom = done.crop
        size = (
            max(round((right - left) * before.size[0]), 1),
            max(round((bottom - top) * before.size[1]), 1),
        )
        before = replace(before.part(left, top, right, bottom), size=size)
    if done.size is None:
        return before
    if done.fit == "cut":
        before = before.cut_to(done.size[0] / done.size[1])
    elif done.fit == "bars":
        # The bars lie outside what the picture saw.
        share = done.size[0] / done.size[1] * before.size[1] / before.size[0]
        across, down = max(share, 1.0), max(1 / share, 1.0)
        before = before.part((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)
    return replace(before, size=done.size)
