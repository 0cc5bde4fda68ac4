"""ImageAlign: depth or any picture as another camera sees it.

Depth maps (RAW16) are led over point by point; other pictures by a plane that the config sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..blocks.align import CUBIC, LINEAR, NEAREST, PlaneAlignment
from ..blocks.formats import BadFrame, Frame, decode, encode, is_known
from ..blocks.stereo import Lens, View, see_from
from ..message import frame_of, image_message, stamp_like
from ..schema import NodeRecord
from .configs import ConfigReader
from .node import Context, Node
from .stereo import lens_of, pose_between

# dai.Interpolation; AUTO is -1.
_INTERPOLATIONS = {-1: LINEAR, 0: LINEAR, 1: CUBIC, 2: NEAREST}
_DEPTH, _HALF = "RAW16", "GRAYF16"


class ImageAlign(Node):
    """See the module. The first picture to align to is waited for; later ones may be larger."""

    honoured = (
        "initialConfig.*",
        "alignWidth",
        "alignHeight",
        "outKeepAspectRatio",
        "interpolation",
    )
    # Which of the chip's engines do the work.
    harmless = ("numFramesPool", "numShaves", "warpHwIds*")
    sends = ("outputAligned", "passthroughInput")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._plane_mm = self.properties["initialConfig"]["staticDepthPlane"]
        self._reader = ConfigReader("ImageAlign")
        self._made: tuple[Any, PlaneAlignment] | None = None

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        if record.properties["interpolation"] not in _INTERPOLATIONS:
            yield f"interpolation = {record.properties['interpolation']} is unknown"

    def step(self) -> None:
        """See Node."""
        message = self.inputs["input"].get()
        align_to = self.inputs["inputAlignTo"]
        target = align_to.latest() if align_to.previous is not None else align_to.get()
        config = self.inputs["inputConfig"]
        if config.is_linked:
            told = config.get() if config.waits_for_message else config.queue.try_get()
            if told is not None:
                self._plane_mm = self._reader.read(told)["staticDepthPlane"]
        frame = frame_of(message)
        if not is_known(frame.type):
            self.error(f"pictures of type {frame.type} cannot be read: dropped", once=True)
            return
        sockets = message.getInstanceNum(), target.getInstanceNum()
        calibration = self.context.calibration()
        lens = lens_of(calibration, sockets[0], (frame.width, frame.height))
        wanted = self._lens(calibration, target)
        pose = pose_between(calibration, *sockets)
        # Degrees and the like stay what they are.
        is_half = frame.type == _HALF
        pixels = _halves(frame) if is_half else decode(frame)
        if frame.type == _DEPTH:
            view = View(wanted.matrix, wanted.size, pose)
            aligned, _ = see_from(view, lens.matrix, pixels, pixels)
        else:
            key = (sockets, lens.size, wanted.size, self._plane_mm)
            if self._made is None or self._made[0] != key:
                plane_m = self._plane_mm / 1000
                self._made = key, PlaneAlignment(lens, wanted, pose, plane_m)
            mode = _INTERPOLATIONS[self.properties["interpolation"]]
            aligned = self._made[1].apply(pixels, mode)
        made = image_message(encode(aligned, frame.type), socket=sockets[1])
        self.send("outputAligned", stamp_like(made, message))
        if self.output("passthroughInput").is_linked:
            self.send("passthroughInput", message)

    def _lens(self, calibration: Any, target: Any) -> Lens:
        socket, values = target.getInstanceNum(), self.properties
        own = target.getWidth(), target.getHeight()
        if min(own) <= 0:
            raise BadFrame(f"the picture to align to is {own[0]}x{own[1]}")
        size = values["alignWidth"] or own[0], values["alignHeight"] or own[1]
        if values["outKeepAspectRatio"] or size == own:
            return lens_of(calibration, socket, size)
        whole = lens_of(calibration, socket, own)
        stretch = np.diag([size[0] / own[0], size[1] / own[1], 1.0])
        return Lens(stretch @ whole.matrix, size)


def _halves(frame: Frame) -> np.ndarray:
    values: np.ndarray = frame.data.view("<f2").reshape(frame.height, frame.width)
    return values.astype(np.float32)
