"""A fixed warp: each output pixel reads a fixed place of the input."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from oakwright.errors import UsageError

from .array_file import read_array
from .vision import Vision


def rotation_map(height: int, width: int, angle: float, zoom: float) -> np.ndarray:
    """[2,height,width]: x and y, in pixels, of what each pixel of a turned picture reads.

    The picture turns by ``angle`` degrees counter-clockwise about its middle and grows by ``zoom``.
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    dx, dy = x - (width - 1) / 2, y - (height - 1) / 2
    cos, sin = math.cos(math.radians(angle)) / zoom, math.sin(math.radians(angle)) / zoom
    turned = [cos * dx - sin * dy + (width - 1) / 2, sin * dx + cos * dy + (height - 1) / 2]
    return np.stack(turned).astype(np.float32)


class Warp(Vision):
    """Warp by a fixed map: y(i, j) = x(map_y(i, j), map_x(i, j)), bilinear, 0 outside.

    ``map`` is a .npy file [2,out_height,out_width] of x and y in pixels, as OpenCV's ``remap`` and
    ``initUndistortRectifyMap`` have them; without it the picture is turned by ``angle`` degrees
    counter-clockwise and zoomed. A map computed from the frame does not convert.

    input [1,3,height,width] U8; output [1,3,out_height,out_width], 0..255.
    Source: OpenCV's ``remap`` with ``INTER_LINEAR``.
    """

    grid: Tensor

    def __init__(
        self,
        map: str = "",
        angle: float = 15.0,
        zoom: float = 1.0,
        height: int = 300,
        width: int = 300,
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        if zoom <= 0:
            raise UsageError(f"zoom is {zoom}", remedy="give a factor above 0", key="zoom")
        places = _read_map(map) if map else rotation_map(height, width, angle, zoom)
        # torch's grid goes from -1 to 1 between the outer pixels' centres.
        ends = np.array([max(width - 1, 1), max(height - 1, 1)], np.float32)[:, None, None]
        grid = (2 * places / ends - 1).transpose(1, 2, 0)
        self.register_buffer("grid", torch.from_numpy(np.ascontiguousarray(grid))[None])

    def forward(self, input: Tensor) -> Tensor:
        """The input's values at the map's places."""
        return functional.grid_sample(input, self.grid, align_corners=True)


def _read_map(path: str) -> np.ndarray:
    told = "a map is [2,height,width]: np.save(path, np.stack([map_x, map_y]))"
    places = read_array(path, "map", 3, told)
    if len(places) != 2:
        raise UsageError(f"{path} holds {list(places.shape)}", remedy=told, key="map")
    return places
