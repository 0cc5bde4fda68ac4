"""ImageManip: crop, resize, warp, flip, change of format; by its first config or by messages.

Waiting: with ``inputConfig.setWaitForMessage(True)`` each config makes one picture, of the last
frame if it says so and there is one, of a new one otherwise; that new one it may also have skipped.
Without, frames set the pace: each takes at most one new config, which holds until the next; to
reuse or skip has no meaning. These are DepthAI v3's rules, with which the tests compare.
A result above ``maxOutputFrameSize`` is dropped with a log line: the commonest user error here.
A mesh, where one is set, is applied before everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import depthai as dai
import numpy as np

from ..blocks import colormap
from ..blocks.formats import Frame, decode, encode, frame_bytes, is_grey, is_known
from ..blocks.manip import apply, read_config
from ..blocks.warp import read_mesh, warp_by_mesh
from ..message import frame_of, image_like
from ..schema import NodeRecord, read_pipeline
from .node import Context, Node

# What the format setting says where the script left it.
_AS_IT_IS = 32  # dai.ImgFrame.Type.NONE
# What a colormap makes where no type is set.
_COLOR_TYPE = "BGR888p"
_REUSE_NEEDS_WAITING = (
    "reusePreviousImage only has an effect after inputConfig.setWaitForMessage(True)"
)


class ImageManip(Node):
    """See the module."""

    honoured = (
        "initialConfig.enable*",
        "initialConfig.cropConfig.*",
        "initialConfig.resizeConfig.*",
        "initialConfig.formatConfig.*",
        "initialConfig.interpolation",
        "initialConfig.reusePreviousImage",
        "initialConfig.skipCurrentImage",
        "outputFrameSize",
        "mesh*",
    )
    harmless = ("numFramesPool",)
    sends = ("out",)

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self.config: Mapping[str, Any] = self.properties["initialConfig"]
        self._image: Any = None
        self._mesh = _mesh_of(record)
        # Reads the fields of config messages; only this node's thread uses it.
        self._scratch = _Scratch()

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        for text in unsupported(record.properties["initialConfig"]):
            yield f"initialConfig: {text}"
        try:
            _mesh_of(record)
        except ValueError as error:
            yield f"setWarpMesh: {error}"

    def step(self) -> None:
        """See Node."""
        config = self.inputs["inputConfig"]
        if config.is_linked and config.waits_for_message:
            self.config = self._read(config.get())
            if not self.config["reusePreviousImage"] or self._image is None:
                self._image = self._next_image()
                if self.config["skipCurrentImage"]:
                    return
        else:
            self._image = self._next_image()
            if config.is_linked and (message := config.queue.try_get()) is not None:
                self.config = self._read(message)
                if self.config["reusePreviousImage"]:
                    self.warn(_REUSE_NEEDS_WAITING, once=True)
        for text in unsupported(self.config):
            self.error(f"{text}; the picture is dropped", once=True)
            return
        frame = self._compute(frame_of(self._image))
        if frame is not None:
            self.send("out", image_like(frame, self._image))

    def _next_image(self) -> Any:
        return self.inputs["inputImage"].get()

    def _read(self, message: Any) -> Mapping[str, Any]:
        return self._scratch.read(message)

    def _compute(self, frame: Frame) -> Frame | None:
        if not is_known(frame.type):
            self.error(f"pictures of type {frame.type} cannot be read: dropped", once=True)
            return None
        try:
            kind, pixels = self._result_type(frame.type), self._pixels(frame)
        except ValueError as error:
            self.error(f"{error}; the picture is dropped", once=True)
            return None
        result = encode(self._even(pixels, kind), kind)
        limit = self.properties["outputFrameSize"]
        if len(result.data) > limit:
            self.error(
                f"the result ({result.width}x{result.height} {kind}) has {len(result.data)} bytes, "
                f"more than the {limit} allowed: dropped; call setMaxOutputFrameSize",
                once=True,
            )
            return None
        return result

    def _pixels(self, frame: Frame) -> np.ndarray:
        """What the config makes of a frame; grey or BGR."""
        manip = read_config(self.config, (frame.width, frame.height))
        pixels = decode(frame)
        if self._mesh is not None:
            pixels = warp_by_mesh(pixels, self._mesh, manip.border, manip.interpolation)
        pixels = apply(pixels, manip)
        form = self.config["formatConfig"]
        if self._has_colormap():
            if pixels.ndim == 3:
                raise ValueError(f"a colormap takes grey pictures, not {frame.type}")
            name = dai.Colormap(form["colormap"]).name
            pixels = colormap.colorize(pixels, name, form["colormapMin"], form["colormapMax"])
        if pixels.dtype == np.uint16 and not self._result_type(frame.type).startswith("RAW1"):
            # Eight bits are the lower ones, all that is above is white.
            pixels = np.minimum(pixels, 255).astype(np.uint8)
        return pixels

    def _has_colormap(self) -> bool:
        return bool(self.config["enableFormat"] and self.config["formatConfig"]["colormap"])

    def _result_type(self, source: str) -> str:
        wanted = self.config["formatConfig"]["type"]
        if self.config["enableFormat"] and wanted != _AS_IT_IS:
            return str(dai.ImgFrame.Type(wanted).name)
        return _COLOR_TYPE if self._has_colormap() and is_grey(source) else source

    def _even(self, pixels: np.ndarray, kind: str) -> np.ndarray:
        """YUV halves the colour planes: both lengths are even."""
        if frame_bytes(kind, 2, 2) != 6:
            return pixels
        rows, columns = pixels.shape[:2]
        return np.ascontiguousarray(pixels[: rows - rows % 2, : columns - columns % 2])


def _mesh_of(record: NodeRecord) -> np.ndarray | None:
    """The mesh's points, rows x columns x 2; ValueError where it is none."""
    width, height = record.properties["meshWidth"], record.properties["meshHeight"]
    data = record.asset(record.properties["meshUri"])
    return None if data is None else read_mesh(data, width, height)


def unsupported(config: Mapping[str, Any]) -> list[str]:
    """What of a config cannot be done."""
    found = []
    resize, form = config["resizeConfig"], config["formatConfig"]
    if config["enableResize"]:
        for field, points, count in (
            ("enableWarp4pt", "warpFourPoints", 4),
            ("enableWarpMatrix", "warpMatrix3x3", 9),
        ):
            if resize[field] and len(resize[points]) != count:
                found.append(f"{points} holds {len(resize[points])} values, not {count}")
    if config["enableFormat"]:
        name = dai.ImgFrame.Type(form["type"]).name
        if form["type"] != _AS_IT_IS and not is_known(name):
            found.append(f"frame type {name} is not supported")
        known = {value.value: value.name for value in dai.Colormap.__members__.values()}
        name = known.get(form["colormap"], f"{form['colormap']}")
        if form["colormap"] and not colormap.is_known(name):
            found.append(f"colormap {name} is not supported")
    return found


class _Scratch:
    """Reads a config message completely, by way of a node that is serialised (0.3 ms)."""

    def __init__(self) -> None:
        self._pipeline = dai.Pipeline()
        self._node = self._pipeline.create(dai.node.ImageManip)

    def read(self, message: Any) -> Mapping[str, Any]:
        self._node.initialConfig.set(message.get())
        config: Mapping[str, Any] = (
            read_pipeline(self._pipeline).nodes[0].properties["initialConfig"]
        )
        return config
