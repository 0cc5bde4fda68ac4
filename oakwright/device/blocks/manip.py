"""ImageManip's geometry: which part of a picture, and how it fills the result.

A picture goes through crop, then resize, then flips. Resizing to a shape of another aspect either
cuts (the default), leaves bars (thumbnail), or stretches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np


@dataclass(frozen=True)
class Manip:
    """What is to be done. ``crop``: left, top, right, bottom in 0..1; sizes in pixels.

    ``fit`` is ``cut``, ``bars`` or ``stretch``; ``background`` (BGR) fills the bars.
    """

    crop: tuple[float, float, float, float] | None = None
    center_crop: tuple[float, float] | None = None  # share of the picture, width/height
    size: tuple[int, int] | None = None
    fit: str = "cut"
    background: tuple[int, int, int] = (0, 0, 0)
    mirror: bool = False
    flip: bool = False


def apply(pixels: np.ndarray, manip: Manip) -> np.ndarray:
    """The picture after crop, resize and flips; grey or BGR, uint8 or uint16."""
    if manip.center_crop is not None:
        pixels = _center(pixels, *manip.center_crop)
    elif manip.crop is not None:
        pixels = _crop(pixels, manip.crop)
    if manip.size is not None:
        pixels = _resize(pixels, manip)
    if manip.mirror or manip.flip:
        code = -1 if manip.mirror and manip.flip else 1 if manip.mirror else 0
        pixels = cv2.flip(pixels, code)
    return np.ascontiguousarray(pixels)


def read_config(config: Mapping[str, Any], picture: tuple[int, int]) -> Manip:
    """A config (RawImageManipConfig as JSON) for a picture of that width and height."""
    crop = center = size = None
    fit, background = "cut", (0, 0, 0)
    if config["enableCrop"]:
        part = config["cropConfig"]
        if part["enableCenterCropRectangle"]:
            center = (part["cropRatio"], part["widthHeightAspectRatio"])
        else:
            crop = _fractions(part, picture)
    if config["enableResize"]:
        part = config["resizeConfig"]
        size = (part["width"], part["height"])
        if part["lockAspectRatioFill"]:
            fit = "bars"
            background = (part["bgBlue"], part["bgGreen"], part["bgRed"])
        elif not part["keepAspectRatio"]:
            fit = "stretch"
    form = config["formatConfig"]
    return Manip(
        crop,
        center,
        size if size and min(size) > 0 else None,
        fit,
        background,
        form["flipHorizontal"],
        form["flipVertical"],
    )


def _fractions(
    part: Mapping[str, Any], picture: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    rect = part["cropRect"]
    box = rect["xmin"], rect["ymin"], rect["xmax"], rect["ymax"]
    if not part["normalizedCoords"]:
        width, height = picture
        box = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    if box[2] <= box[0] or box[3] <= box[1]:
        return None
    left, top, right, bottom = (min(max(v, 0.0), 1.0) for v in box)
    return left, top, right, bottom


def _crop(pixels: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    rows, columns = pixels.shape[:2]
    x0, y0 = min(round(box[0] * columns), columns - 1), min(round(box[1] * rows), rows - 1)
    x1, y1 = max(round(box[2] * columns), x0 + 1), max(round(box[3] * rows), y0 + 1)
    return pixels[y0:y1, x0:x1]


def _center(pixels: np.ndarray, ratio: float, aspect: float) -> np.ndarray:
    """The centred part of that width/height; ``ratio`` is its share of the largest such part."""
    rows, columns = pixels.shape[:2]
    width, height = _largest(columns, rows, aspect)
    width, height = max(round(width * ratio), 1), max(round(height * ratio), 1)
    left, top = (columns - width) // 2, (rows - height) // 2
    return pixels[top : top + height, left : left + width]


def _resize(pixels: np.ndarray, manip: Manip) -> np.ndarray:
    assert manip.size is not None
    width, height = manip.size
    rows, columns = pixels.shape[:2]
    if manip.fit == "cut":
        part = _largest(columns, rows, width / height)
        pixels = _center_of(pixels, *(max(round(v), 1) for v in part))
    if manip.fit != "bars":
        return _scaled(pixels, width, height)
    scale = min(width / columns, height / rows)
    inner = max(round(columns * scale), 1), max(round(rows * scale), 1)
    color = pixels.ndim == 3
    result = np.empty((height, width, 3) if color else (height, width), pixels.dtype)
    result[:] = manip.background if color else manip.background[0]
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    result[top : top + inner[1], left : left + inner[0]] = _scaled(pixels, *inner)
    return result


def _scaled(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR))


def _center_of(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    rows, columns = pixels.shape[:2]
    left, top = (columns - width) // 2, (rows - height) // 2
    return pixels[top : top + height, left : left + width]


def _largest(width: float, height: float, aspect: float) -> tuple[float, float]:
    return (height * aspect, height) if width / height > aspect else (width, width / aspect)
