"""A pinhole camera somewhere in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Vector = tuple[float, float, float]
UNTURNED: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class CameraModel:
    """Size and intrinsics in pixels; a place in metres; ``rotation`` turns world to camera axes.

    Axes are OpenCV's: x right, y down, z forward; the pixel (cx, cy) looks straight ahead, and
    whole numbers are the middles of pixels.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    position_m: Vector = (0.0, 0.0, 0.0)
    rotation: tuple[Vector, Vector, Vector] = UNTURNED

    @classmethod
    def with_view(
        cls, width: int, height: int, view_deg: float, position_m: Vector = (0.0, 0.0, 0.0)
    ) -> CameraModel:
        """A camera of that horizontal view, looking along z."""
        focal = width / 2 / math.tan(math.radians(view_deg) / 2)
        return cls(width, height, focal, focal, width / 2, height / 2, position_m)

    @property
    def matrix(self) -> np.ndarray:
        """3x3 intrinsics."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (N x 3, metres) in the camera's axes."""
        shifted = np.asarray(points, np.float64) - np.array(self.position_m)
        turned: np.ndarray = shifted @ np.array(self.rotation, np.float64).T
        return turned

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N x 2) of points in the camera's axes, which lie before it."""
        slopes = points[:, :2] / points[:, 2:]
        pixels: np.ndarray = slopes * (self.fx, self.fy) + (self.cx, self.cy)
        return pixels

    def columns(self, start: int, end: int) -> np.ndarray:
        """x / z of the columns of pixels from ``start`` up to ``end``, float32."""
        return ((np.arange(start, end) - self.cx) / self.fx).astype(np.float32)

    def rows(self, start: int, end: int) -> np.ndarray:
        """y / z of rows of pixels, float32."""
        return ((np.arange(start, end) - self.cy) / self.fy).astype(np.float32)
