"""PointCloud: a depth map's points in millimetres, in the axes of its camera or as told.

Axes are the camera's: x right, y down, z forward. Dense clouds have a point for every pixel, at
(0, 0, 0) before ``transformationMatrix`` where nothing is known; sparse ones only what is known.
"""

from __future__ import annotations

from typing import Any

import depthai as dai
import numpy as np

from ..blocks.formats import decode
from ..message import frame_of, stamp_like
from ..schema import NodeRecord
from .configs import ConfigReader
from .node import Context, Node
from .stereo import lens_of

_DEPTH = "RAW16"


class PointCloud(Node):
    """See the module."""

    honoured = ("initialConfig.*",)
    harmless = ("numFramesPool",)
    sends = ("outputPointCloud", "passthroughDepth")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._config = self.properties["initialConfig"]
        self._reader = ConfigReader("PointCloud")

    def step(self) -> None:
        """See Node."""
        message = self.inputs["inputDepth"].get()
        config = self.inputs["inputConfig"]
        if config.is_linked:
            told = config.get() if config.waits_for_message else config.queue.try_get()
            self._config = self._config if told is None else self._reader.read(told)
        frame = frame_of(message)
        if frame.type != _DEPTH:
            self.error(
                f"a depth map of type {frame.type} came, {_DEPTH} is needed: dropped", once=True
            )
            return
        depth, socket = decode(frame), message.getInstanceNum()
        lens = lens_of(self.context.calibration(), socket, (frame.width, frame.height))
        points = points_of(depth, lens.matrix, is_sparse=self._config["sparse"])
        matrix = np.array(self._config["transformationMatrix"], np.float32)
        points = points @ matrix[:3, :3].T + matrix[:3, 3]
        if self.output("outputPointCloud").is_linked:
            self.send("outputPointCloud", stamp_like(self._message(points, depth, socket), message))
        if self.output("passthroughDepth").is_linked:
            self.send("passthroughDepth", message)

    def _message(self, points: np.ndarray, depth: np.ndarray, socket: int) -> Any:
        made, is_sparse = dai.PointCloudData(), self._config["sparse"]
        made.setData(np.ascontiguousarray(points, np.float32).reshape(-1).view(np.uint8))
        made.setWidth(len(points) if is_sparse else depth.shape[1])
        made.setHeight(1 if is_sparse else depth.shape[0])
        made.setInstanceNum(socket)
        raw: Any = made.getRaw()
        raw.sparse = is_sparse
        if len(points):
            raw.minx, raw.miny, raw.minz = (float(value) for value in points.min(axis=0))
            raw.maxx, raw.maxy, raw.maxz = (float(value) for value in points.max(axis=0))
        return made


def points_of(depth: np.ndarray, matrix: np.ndarray, *, is_sparse: bool) -> np.ndarray:
    """N x 3 float32 in depth's unit: x = (u - cx) z / fx, y = (v - cy) z / fy, row by row."""
    height, width = depth.shape
    z = depth.astype(np.float32)
    x = z * ((np.arange(width) - matrix[0, 2]) / matrix[0, 0]).astype(np.float32)[None]
    y = z * ((np.arange(height) - matrix[1, 2]) / matrix[1, 1]).astype(np.float32)[:, None]
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return points[depth.reshape(-1) > 0] if is_sparse else points
