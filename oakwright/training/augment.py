"""Pictures made different each time they are seen: crop, flip, colour. uint8 and OpenCV only.

Boxes are float32 [n, 4], left, top, right, bottom in units of the picture (0..1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from .recipe import Recipe

# A box of which less is seen in a crop is not wanted there.
LEAST_SEEN = 0.35
_CROP_TRIES = 12
# Half of the pictures stay whole: large boxes must be seen as well.
_CROP_SHARE = 0.6
# Left, top, right, bottom, in units of the picture.
Window = tuple[float, float, float, float]
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


def fit(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """A uint8 picture resized to the network's input, aspect not kept, as OTE's pipeline does.

    Shrinking takes the mean over the pixels that fall together: what a small network sees of a
    large picture is then no moiré.
    """
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = picture.shape[0] > height and picture.shape[1] > width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how))


def augment(
    picture: np.ndarray,
    boxes: np.ndarray,
    rng: np.random.Generator,
    recipe: Recipe,
    width: int,
    height: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One picture as the network shall see it this time.

    Gives uint8 [height, width, 3], the boxes that are left [m, 4] in its units, and which of the
    old ones they are, int [m].
    """
    window, kept = WHOLE, np.arange(len(boxes))
    if recipe.crop < 1 and rng.random() < _CROP_SHARE:
        window, kept = choose_window(boxes, rng, lambda: _crop(rng, recipe.crop))
    seen, boxes = look_through(window, picture, boxes[kept], rng, recipe, width, height)
    return seen, boxes, kept


def choose_window(
    boxes: np.ndarray, rng: np.random.Generator, size: Callable[[], tuple[float, float]]
) -> tuple[Window, np.ndarray]:
    """A part of the picture in which something is left, and which of the boxes are.

    ``size`` draws width and height, in units of the picture; all of it where nothing is found.
    """
    areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(-1), 1e-9)
    for _ in range(_CROP_TRIES):
        width, height = size()
        x0, y0 = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
        window = (float(x0), float(y0), float(x0 + width), float(y0 + height))
        low, high = np.maximum(boxes[:, :2], window[:2]), np.minimum(boxes[:, 2:], window[2:])
        seen = np.maximum(high - low, 0).prod(-1) / areas
        kept = np.flatnonzero(seen >= LEAST_SEEN)
        if len(kept) or not len(boxes):
            return window, kept
    return WHOLE, np.arange(len(boxes))


def look_through(
    window: Window,
    picture: np.ndarray,
    boxes: np.ndarray,
    rng: np.random.Generator,
    recipe: Recipe,
    width: int,
    height: int,
) -> tuple[np.ndarray, np.ndarray]:
    """What of a picture lies in the window, flipped and recoloured by chance.

    Gives uint8 [height, width, 3] and the boxes, cut to it, in its units.
    """
    x0, y0, x1, y1 = window
    size = np.array([x1 - x0, y1 - y0] * 2, np.float32)
    boxes = np.clip((boxes - np.array([x0, y0, x0, y0], np.float32)) / size, 0, 1)
    rows, columns = picture.shape[:2]
    left, right = round(x0 * columns), max(round(x1 * columns), round(x0 * columns) + 2)
    top, bottom = round(y0 * rows), max(round(y1 * rows), round(y0 * rows) + 2)
    seen = fit(picture[top:bottom, left:right], width, height)
    code, boxes = _flip(boxes, rng, recipe.flips)
    if code is not None:
        seen = cv2.flip(seen, code)
    if recipe.colour:
        seen = cv2.LUT(seen, _table(rng, recipe.colour))
    return seen, boxes.astype(np.float32)


def _crop(rng: np.random.Generator, least: float) -> tuple[float, float]:
    area, aspect = rng.uniform(least, 1), np.exp(rng.uniform(-0.35, 0.35))
    return min(np.sqrt(area * aspect), 1.0), min(np.sqrt(area / aspect), 1.0)


def _flip(
    boxes: np.ndarray, rng: np.random.Generator, flips: tuple[str, ...]
) -> tuple[int | None, np.ndarray]:
    """OpenCV's code of the flip, and the boxes flipped along."""
    across = "horizontal" in flips and rng.random() < 0.5
    down = "vertical" in flips and rng.random() < 0.5
    if across:
        boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)
    if down:
        boxes = np.stack([boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1]], 1)
    return (-1 if across else 0) if down else (1 if across else None), boxes


def _table(rng: np.random.Generator, strength: float) -> Any:
    """What each value of each channel becomes: uint8 [256, 1, 3]; a table costs one look-up."""
    gain = np.exp(rng.uniform(-strength, strength)) * np.exp(
        rng.uniform(-strength / 3, strength / 3, 3)
    )
    lift = rng.uniform(-strength, strength) * 64
    values = (np.arange(256)[:, None] - 128) * gain + 128 + lift
    return np.clip(np.round(values), 0, 255).astype(np.uint8).reshape(256, 1, 3)
