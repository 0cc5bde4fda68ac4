"""Warp: a picture bent by a mesh, to a size of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..blocks.formats import decode, encode, is_known
from ..blocks.warp import BLACK, CUBIC, LINEAR, NEAREST, read_mesh, warp_by_mesh
from ..message import frame_of, image_like
from ..schema import NodeRecord
from .node import Node

# dai.Interpolation; AUTO is -1.
_INTERPOLATIONS = {-1: CUBIC, 0: LINEAR, 1: CUBIC, 2: NEAREST}


class Warp(Node):
    """See the module."""

    honoured = ("mesh*", "outputWidth", "outputHeight", "outputFrameSize", "interpolation")
    # Which of the chip's warp engines do the work.
    harmless = ("numFramesPool", "warpHwIds*")
    sends = ("out",)

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        if record.properties["interpolation"] not in _INTERPOLATIONS:
            yield f"interpolation = {record.properties['interpolation']} is unknown"
        try:
            if _mesh_of(record) is None:
                yield "no mesh: call setWarpMesh"
        except ValueError as error:
            yield f"setWarpMesh: {error}"

    def set_up(self) -> None:
        """See Node."""
        self._mesh = _mesh_of(self.record)

    def step(self) -> None:
        """See Node."""
        message = self.inputs["inputImage"].get()
        frame = frame_of(message)
        if not is_known(frame.type):
            self.error(f"pictures of type {frame.type} cannot be read: dropped", once=True)
            return
        assert self._mesh is not None
        size = (
            self.properties["outputWidth"] or frame.width,
            self.properties["outputHeight"] or frame.height,
        )
        mode = _INTERPOLATIONS[self.properties["interpolation"]]
        bent = warp_by_mesh(decode(frame), self._mesh, BLACK, mode, size)
        result = encode(bent, frame.type)
        limit = self.properties["outputFrameSize"]
        if len(result.data) > limit:
            self.error(
                f"the result ({size[0]}x{size[1]} {frame.type}) has {len(result.data)} bytes, "
                f"more than the {limit} allowed: dropped; call setMaxOutputFrameSize",
                once=True,
            )
            return
        self.send("out", image_like(result, message))


def _mesh_of(record: NodeRecord) -> np.ndarray | None:
    """The mesh's points, rows x columns x 2; ValueError where it is none."""
    data = record.asset(record.properties["meshUri"])
    width, height = record.properties["meshWidth"], record.properties["meshHeight"]
    return None if data is None else read_mesh(data, width, height)
