"""One picture out of four: things beside what they never stood beside.

Bochkovskiy et al., 2020 (arXiv 2004.10934), section 3.3. Things keep about the size that they have
in a whole picture, as that is what the camera will show.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .augment import choose_window, look_through
from .recipe import Recipe

PARTS = 4
# Where the four meet, in units of the picture.
_MEET = (0.3, 0.7)
# How far things become smaller or larger, and wider or higher: logarithms.
_ZOOM, _STRETCH = 0.35, 0.09


def mosaic(
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    recipe: Recipe,
    width: int,
    height: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A part of each of four pictures, side by side.

    Args:
        parts: picture and boxes, as of :func:`oakwright.training.augment.augment`, of each.
        rng, recipe: chance, and how far flips and colours go.
        width, height: of what comes out, in pixels.

    Returns:
        uint8 [height, width, 3]; the boxes that are left [m, 4] in its units; int [m], which of
        the boxes of all four, in their order, they are.
    """
    x, y = round(rng.uniform(*_MEET) * width), round(rng.uniform(*_MEET) * height)
    corners = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
    whole = np.empty((height, width, 3), np.uint8)
    size = np.array([width, height] * 2, np.float32)
    all_boxes, all_kept, before = [], [], 0
    for (picture, boxes), (x0, y0, x1, y1) in zip(parts, corners, strict=True):
        share = (x1 - x0) / width, (y1 - y0) / height
        window, kept = choose_window(boxes, rng, partial(_size, rng, share))
        whole[y0:y1, x0:x1], seen = look_through(
            window, picture, boxes[kept], rng, recipe, x1 - x0, y1 - y0
        )
        part = np.array([x1 - x0, y1 - y0] * 2, np.float32)
        all_boxes.append((seen * part + np.array([x0, y0] * 2, np.float32)) / size)
        all_kept.append(kept + before)
        before += len(boxes)
    return whole, np.concatenate(all_boxes), np.concatenate(all_kept)


def _size(rng: np.random.Generator, share: tuple[float, float]) -> tuple[float, float]:
    """Width and height of a window about as large as its part of the whole."""
    zoom, stretch = np.exp(rng.uniform(-_ZOOM, _ZOOM)), np.exp(rng.uniform(-_STRETCH, _STRETCH))
    return min(share[0] * zoom * stretch, 1.0), min(share[1] * zoom / stretch, 1.0)
