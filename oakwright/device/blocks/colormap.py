"""Colormaps: grey or 16-bit values as colours, by ``dai.Colormap``'s names.

The two for stereo show what has no disparity (0) in black.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

_TABLES = {
    "JET": cv2.COLORMAP_JET,
    "TURBO": cv2.COLORMAP_TURBO,
    "STEREO_JET": cv2.COLORMAP_JET,
    "STEREO_TURBO": cv2.COLORMAP_TURBO,
}


def is_known(name: str) -> bool:
    """Whether there is a table of that name."""
    return name in _TABLES


def colorize(values: np.ndarray, name: str, low: int, high: int) -> np.ndarray:
    """BGR (HxWx3 uint8) of values (HxW); ``low`` gets the first colour, ``high`` the last."""
    span = max(high - low, 1)
    scaled = (values.astype(np.float32) - low) * (255.0 / span)
    return np.asarray(_table(name)[np.clip(scaled, 0, 255).astype(np.uint8)])


@cache
def _table(name: str) -> np.ndarray:
    steps = np.arange(256, dtype=np.uint8).reshape(256, 1)
    table = np.asarray(cv2.applyColorMap(steps, _TABLES[name])).reshape(256, 3)
    if name.startswith("STEREO_"):
        table = table.copy()
        table[0] = 0
    return table
