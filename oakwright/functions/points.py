"""Depth to a cloud of points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from oakwright.errors import UsageError

from .vision import Vision


class Points(Vision):
    """Depth to points: Z = d, X = (u - cx) Z / fx, Y = (v - cy) Z / fy, in metres.

    Depth is millimetres in 16 bits, which no blob takes: its bytes are taken two by two, low
    first, as StereoDepth sends them. Z is 0.256 high + 0.001 low, metres at once: FP16 would
    round whole millimetres beyond 2048 and end at 65504. Z of 4 m is right to 2 mm.

    ``fx`` to ``cy`` in pixels; fx, fy of 0 stand for a 70 degree wide picture, cx, cy of -1 for
    its middle. depth [1,1,height,2 width] U8; output [1,3,height,width]: X right, Y down,
    Z ahead; no depth (0) gives the origin.
    Source: the pinhole camera; Hartley and Zisserman, Multiple View Geometry, ch. 6.
    """

    rays: Tensor

    def __init__(
        self,
        fx: float = 0.0,
        fy: float = 0.0,
        cx: float = -1.0,
        cy: float = -1.0,
        height: int = 200,
        width: int = 320,
    ) -> None:
        super().__init__(depth=(1, 1, height, 2 * width))
        if fx < 0 or fy < 0:
            raise UsageError(f"fx, fy are {fx}, {fy}", remedy="focal lengths in pixels", key="fx")
        focal = width / 2 / np.tan(np.radians(35))
        fx, fy = fx or focal, fy or fx or focal
        cx, cy = (cx if cx >= 0 else (width - 1) / 2), (cy if cy >= 0 else (height - 1) / 2)
        v, u = np.mgrid[0:height, 0:width].astype(np.float32)
        rays = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)])
        self.register_buffer("rays", torch.from_numpy(rays.astype(np.float32))[None])

    def samples(self) -> dict[str, np.ndarray]:
        """A slope from 0.4 to 7 m, with a hole and a near box."""
        height, wide = self.example_input["depth"].shape[2:]
        depth = np.linspace(400, 7000, height * wide // 2).reshape(height, wide // 2)
        depth[: height // 6, : wide // 12] = 0
        depth[height // 2 :, wide // 4 :] = 1234
        return {"depth": depth.astype("<u2").view(np.uint8)[None, None].astype(np.float32)}

    def forward(self, depth: Tensor) -> Tensor:
        """X, Y, Z in metres."""
        z = depth[..., 1::2] * 0.256 + depth[..., ::2] * 0.001
        return self.rays * z
