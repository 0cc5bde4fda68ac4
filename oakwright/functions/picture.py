"""A made-up picture, in numpy alone: flat areas, edges, corners, fine texture and a ramp."""

from __future__ import annotations

import numpy as np


def picture(height: int = 300, width: int = 300, moment: int = 0) -> np.ndarray:
    """Bytes [3,height,width], planar BGR; ``moment`` moves its things and changes the grain."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = x / max(width, 1), y / max(height, 1)
    step = 0.06 * moment
    planes = np.stack([60 + 120 * u, 200 - 150 * v, 90 + 60 * u + 60 * v])
    box = (np.abs(u - 0.3 - step % 0.4) < 0.15) & (np.abs(v - 0.35) < 0.2)
    disc = (u - 0.68) ** 2 + (v - 0.55 + step % 0.3) ** 2 < 0.03
    stripes = (v > 0.8) & (np.floor(u * 24 + moment) % 2 == 0)
    for where, colour in ((box, (250, 40, 20)), (disc, (10, 220, 250)), (stripes, (0, 0, 0))):
        planes[:, where] = np.array(colour, np.float32)[:, None]
    planes[:, (v > 0.9) & (u > 0.9)] = 255
    grain = np.random.default_rng(moment).integers(-9, 10, planes.shape)
    return (planes + grain).clip(0, 255).astype(np.uint8)
