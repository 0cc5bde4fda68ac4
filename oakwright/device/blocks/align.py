"""A picture without depth as another camera would see it, were all of it on one plane."""

from __future__ import annotations

import cv2
import numpy as np

from .stereo import Lens, Pose

LINEAR, CUBIC, NEAREST = cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST


class PlaneAlignment:
    """From ``source`` to ``target`` by a plane of constant z before the target, ``plane_m`` away.

    ``pose`` leads from the source's axes to the target's; 0 metres stand for infinity. The source's
    distortion is taken out, the result has none. With X = z K2^-1 p on the plane, the pixel p shows
    the source's K1 R^T (X - t).
    """

    def __init__(self, source: Lens, target: Lens, pose: Pose, plane_m: float) -> None:
        width, height = target.size
        x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
        rays = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
        rays = rays @ np.linalg.inv(target.matrix).T
        points = rays * plane_m - pose.shift_m if plane_m > 0 else rays
        points = points @ pose.rotation
        ahead = points[:, 2] > 0
        points[~ahead] = (0, 0, 1)
        none = np.zeros(3)
        pixels, _ = cv2.projectPoints(
            points, none, none, source.matrix, np.array(source.distortion or (0.0,) * 4)
        )
        # Out of the picture, so that it stays black.
        pixels[~ahead] = -10
        places = pixels.reshape(height, width, 2).astype(np.float32)
        self._across, self._down = places[..., 0].copy(), places[..., 1].copy()

    def apply(self, pixels: np.ndarray, interpolation: int = LINEAR) -> np.ndarray:
        """The target's view of the source's pixels; black where the source saw nothing."""
        return np.asarray(cv2.remap(pixels, self._across, self._down, interpolation))
