"""ImageManip: crop, resize, flip, change of format; by its first config or by config messages.

Waiting: with ``inputConfig.setWaitForMessage(True)`` each config makes one picture, of a new frame
or, if it says so, of the last one. Otherwise frames set the pace and the newest config holds.
A result above ``maxOutputFrameSize`` is dropped with a log line: the commonest user error here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import depthai as dai
import numpy as np

from ..blocks.formats import Frame, decode, encode, frame_bytes, is_known
from ..blocks.manip import apply, read_config
from ..message import frame_of, image_like
from ..schema import NodeRecord, read_pipeline
from .node import Context, Node

# What the format setting says where the script left it.
_AS_IT_IS = 32  # dai.ImgFrame.Type.NONE


class ImageManip(Node):
    """See the module."""

    honoured = (
        "initialConfig.enable*",
        "initialConfig.cropConfig.*",
        "initialConfig.resizeConfig.*",
        "initialConfig.formatConfig.*",
        "initialConfig.reusePreviousImage",
        "initialConfig.skipCurrentImage",
        "outputFrameSize",
    )
    harmless = ("numFramesPool", "initialConfig.interpolation")
    sends = ("out",)

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self.config: Mapping[str, Any] = self.properties["initialConfig"]
        self._image: Any = None
        # Reads the fields of config messages; only this node's thread uses it.
        self._scratch = _Scratch()

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        for text in unsupported(record.properties["initialConfig"]):
            yield f"initialConfig: {text}"

    def step(self) -> None:
        """See Node."""
        config = self.inputs["inputConfig"]
        if config.is_linked and config.waits_for_message:
            self.config = self._scratch.read(config.get())
            if not self.config["reusePreviousImage"] or self._image is None:
                self._image = self.inputs["inputImage"].get()
        else:
            self._image = self.inputs["inputImage"].get()
            if config.is_linked and (message := config.latest()) is not None:
                self.config = self._scratch.read(message)
        if self.config["skipCurrentImage"]:
            return
        for text in unsupported(self.config):
            self.error(f"{text}; the picture is dropped")
            return
        frame = self._compute(frame_of(self._image))
        if frame is not None:
            self.send("out", image_like(frame, self._image))

    def _compute(self, frame: Frame) -> Frame | None:
        if not is_known(frame.type):
            self.error(f"pictures of type {frame.type} cannot be read: dropped")
            return None
        kind = self._result_type(frame.type)
        manip = read_config(self.config, (frame.width, frame.height))
        result = encode(self._even(apply(decode(frame), manip), kind), kind)
        limit = self.properties["outputFrameSize"]
        if len(result.data) > limit:
            self.error(
                f"the result ({result.width}x{result.height} {kind}) has {len(result.data)} bytes, "
                f"more than the {limit} allowed: dropped; call setMaxOutputFrameSize"
            )
            return None
        return result

    def _result_type(self, source: str) -> str:
        wanted = self.config["formatConfig"]["type"]
        if self.config["enableFormat"] and wanted != _AS_IT_IS:
            return str(dai.ImgFrame.Type(wanted).name)
        return source

    def _even(self, pixels: np.ndarray, kind: str) -> np.ndarray:
        """YUV halves the colour planes: both lengths are even."""
        if frame_bytes(kind, 2, 2) != 6:
            return pixels
        rows, columns = pixels.shape[:2]
        return np.ascontiguousarray(pixels[: rows - rows % 2, : columns - columns % 2])


def unsupported(config: Mapping[str, Any]) -> list[str]:
    """What of a config cannot be done."""
    found = []
    crop, resize, form = config["cropConfig"], config["resizeConfig"], config["formatConfig"]
    if config["enableCrop"] and crop["enableRotatedRect"]:
        found.append("a rotated crop is not supported")
    if config["enableResize"]:
        fields = ("enableRotation", "enableWarp4pt", "enableWarpMatrix")
        found += [f"resizeConfig.{field} is not supported" for field in fields if resize[field]]
    if config["enableFormat"]:
        name = dai.ImgFrame.Type(form["type"]).name
        if form["type"] != _AS_IT_IS and not is_known(name):
            found.append(f"frame type {name} is not supported")
        if form["colormap"]:
            found.append("a colormap is not supported")
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
