"""Cast: a network's first tensor, or a picture of floats, as a picture of the type asked for.

Channels stay in their order: planes of a tensor become planes, or are interleaved. Values are
scaled, then shifted, then rounded and held to 0..255 where the type has 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import depthai as dai
import numpy as np

from ..blocks.formats import Frame, decode, is_known
from ..message import frame_of, image_message, kind_of, stamp_like, tensors_of
from ..schema import NodeRecord
from .node import Node


@dataclass(frozen=True)
class _Target:
    channels: int
    is_interleaved: bool
    is_half: bool


# A type that can be made is a row.
_TARGETS = {
    "GRAY8": _Target(1, False, False),
    "RAW8": _Target(1, False, False),
    "GRAYF16": _Target(1, False, True),
    "BGR888p": _Target(3, False, False),
    "RGB888p": _Target(3, False, False),
    "BGR888i": _Target(3, True, False),
    "RGB888i": _Target(3, True, False),
    "BGRF16F16F16p": _Target(3, False, True),
    "RGBF16F16F16p": _Target(3, False, True),
}


class Cast(Node):
    """See the module."""

    honoured = ("outputType", "scale", "offset")
    harmless = ("numFramesPool",)
    sends = ("output", "passthroughInput")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        name = dai.ImgFrame.Type(record.properties["outputType"]).name
        if name not in _TARGETS:
            yield f"outputType = {name} is not one of {', '.join(_TARGETS)}"

    def step(self) -> None:
        """See Node."""
        message = self.inputs["input"].get()
        planes = self._planes(message)
        if planes is not None:
            name = dai.ImgFrame.Type(self.properties["outputType"]).name
            target = _TARGETS[name]
            if planes.shape[0] == target.channels:
                made = image_message(cast(planes, name, self._scale()), socket=0)
                self.send("output", stamp_like(made, message))
            else:
                self.error(
                    f"{name} has {target.channels} channels, the input {planes.shape[0]}: dropped",
                    once=True,
                )
        if self.output("passthroughInput").is_linked:
            self.send("passthroughInput", message)

    def _scale(self) -> tuple[float, float]:
        scale, offset = self.properties["scale"], self.properties["offset"]
        return 1.0 if scale is None else float(scale), 0.0 if offset is None else float(offset)

    def _planes(self, message: Any) -> np.ndarray | None:
        """Channels x height x width of what came in; None, and a line in the log, for others."""
        if kind_of(message) == "ImgFrame":
            frame = frame_of(message)
            if not is_known(frame.type):
                self.error(f"pictures of type {frame.type} cannot be read: dropped", once=True)
                return None
            pixels = decode(frame)
            if pixels.ndim == 3 and frame.type.startswith("RGB"):
                # As it was: decoding gives BGR.
                pixels = pixels[:, :, ::-1]
            return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        tensors = tensors_of(message) if kind_of(message) == "NNData" else {}
        tensor = next(iter(tensors.values()), None)
        if tensor is None or tensor.ndim < 2 or any(n != 1 for n in tensor.shape[:-3]):
            shape = "nothing" if tensor is None else f"a tensor {list(tensor.shape)}"
            self.error(
                f"pictures are made of tensors [..., C, H, W], this is {shape}: dropped", once=True
            )
            return None
        return tensor.reshape((1, 1, 1, *tensor.shape)[-3:])


def cast(planes: np.ndarray, name: str, scale: tuple[float, float] = (1.0, 0.0)) -> Frame:
    """A frame of type ``name`` of channels x height x width values: value * scale + offset."""
    target = _TARGETS[name]
    values = planes.astype(np.float32) * np.float32(scale[0]) + np.float32(scale[1])
    if target.is_half:
        made = values.astype("<f2")
    else:
        made = np.clip(np.rint(np.nan_to_num(values)), 0, 255).astype(np.uint8)
    if target.is_interleaved:
        made = made.transpose(1, 2, 0)
    data = np.ascontiguousarray(made).reshape(-1).view(np.uint8)
    return Frame(name, planes.shape[2], planes.shape[1], data)
