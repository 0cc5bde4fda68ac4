"""ImageManip's geometry: which part of a picture, and how it fills the result.

A picture goes through crop, resize, warp, then flips. Resizing to a shape of another aspect cuts
(the default), leaves bars (thumbnail), or stretches. A rotated crop is one warp straight into the
resized result, so that pixels are interpolated once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from .warp import (
    BLACK,
    CUBIC,
    LINEAR,
    NEAREST,
    Border,
    RotatedRect,
    from_four_points,
    shift,
    stretch,
    turn_around,
    warp,
)

# dai.Interpolation; -1 is what a fresh config has.
_INTERPOLATIONS = {-1: LINEAR, 0: LINEAR, 1: CUBIC, 2: NEAREST}
# A result has at most so many pixels each way: a config may hold any number.
LONGEST = 16384


@dataclass(frozen=True)
class Manip:
    """What is to be done. ``crop``: left, top, right, bottom in 0..1; sizes in pixels.

    ``fit`` is ``cut``, ``bars`` or ``stretch``. ``four_points`` (normalised or pixels) come to the
    result's corners; ``matrix`` moves pixels as OpenCV's warpPerspective does; ``rotation`` is
    clockwise, around the middle.
    """

    crop: tuple[float, float, float, float] | None = None
    center_crop: tuple[float, float] | None = None  # share of the picture, width/height
    rotated: RotatedRect | None = None
    size: tuple[int, int] | None = None
    fit: str = "cut"
    border: Border = BLACK
    four_points: tuple[tuple[float, float], ...] = ()
    four_points_normalized: bool = True
    matrix: tuple[float, ...] = ()
    rotation: float = 0.0
    mirror: bool = False
    flip: bool = False
    interpolation: int = LINEAR


def apply(pixels: np.ndarray, manip: Manip) -> np.ndarray:
    """The picture after crop, resize, warp and flips; grey or BGR, uint8 or uint16.

    Raises ValueError where the result would be larger than any picture, or four points have no
    area between them.
    """
    if manip.rotated is not None:
        pixels = _crop_rotated(pixels, manip.rotated, manip)
    else:
        if manip.center_crop is not None:
            pixels = _center(pixels, *manip.center_crop)
        elif manip.crop is not None:
            pixels = _crop(pixels, manip.crop)
        if manip.size is not None and not manip.four_points:
            pixels = _resize(pixels, manip)
    pixels = _warp(pixels, manip)
    if manip.mirror or manip.flip:
        code = -1 if manip.mirror and manip.flip else 1 if manip.mirror else 0
        pixels = cv2.flip(pixels, code)
    return np.ascontiguousarray(pixels)


def read_config(config: Mapping[str, Any], picture: tuple[int, int]) -> Manip:
    """A config (RawImageManipConfig as JSON) for a picture of that width and height."""
    found: dict[str, Any] = {}
    if config["enableCrop"]:
        part = config["cropConfig"]
        if part["enableRotatedRect"]:
            found["rotated"] = _rotated(part, picture)
        elif part["enableCenterCropRectangle"]:
            found["center_crop"] = (part["cropRatio"], part["widthHeightAspectRatio"])
        else:
            found["crop"] = _fractions(part, picture)
    if config["enableResize"]:
        part = config["resizeConfig"]
        size = part["width"], part["height"]
        found["size"] = size if min(size) > 0 else None
        found["border"] = Border(
            tuple(part[key] & 255 for key in ("bgBlue", "bgGreen", "bgRed")),
            part["warpBorderReplicate"],
        )
        if part["lockAspectRatioFill"]:
            found["fit"] = "bars"
        elif not part["keepAspectRatio"]:
            found["fit"] = "stretch"
        found |= _read_warp(part)
    form = config["formatConfig"]
    return Manip(
        mirror=form["flipHorizontal"],
        flip=form["flipVertical"],
        interpolation=_INTERPOLATIONS.get(config["interpolation"], LINEAR),
        **found,
    )


def _read_warp(part: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if part["enableWarp4pt"] and len(part["warpFourPoints"]) == 4:
        found["four_points"] = tuple((p["x"], p["y"]) for p in part["warpFourPoints"])
        found["four_points_normalized"] = part["normalizedCoords"]
    if part["enableWarpMatrix"] and len(part["warpMatrix3x3"]) == 9:
        found["matrix"] = tuple(part["warpMatrix3x3"])
    if part["enableRotation"]:
        found["rotation"] = part["rotationAngleDeg"]
    return found


def _rotated(part: Mapping[str, Any], picture: tuple[int, int]) -> RotatedRect | None:
    rect = part["cropRotatedRect"]
    width, height = picture if part["normalizedCoords"] else (1, 1)
    found = RotatedRect(
        rect["center"]["x"] * width,
        rect["center"]["y"] * height,
        rect["size"]["width"] * width,
        rect["size"]["height"] * height,
        rect["angle"],
    )
    return found if found.width >= 0.5 and found.height >= 0.5 else None


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


# -- crop


def _crop(pixels: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Whole pixels: start and size are rounded down, as DepthAI v3 does."""
    rows, columns = pixels.shape[:2]
    x, width = _whole_pixels(box[0], box[2], columns)
    y, height = _whole_pixels(box[1], box[3], rows)
    return pixels[y : y + height, x : x + width]


def _whole_pixels(low: float, high: float, length: int) -> tuple[int, int]:
    """Start and size (at least 1) of a part of that many pixels."""
    # Fractions come as float32: 40 / 72 of 72 must not be 39.99999.
    size = max(math.floor((high - low) * length + 1e-3), 1)
    return min(math.floor(low * length + 1e-3), length - size), size


def _center(pixels: np.ndarray, ratio: float, aspect: float) -> np.ndarray:
    """The centred part of that width/height; ``ratio`` is its share of the largest such part."""
    rows, columns = pixels.shape[:2]
    width, height = _largest(columns, rows, aspect)
    width, height = max(round(width * ratio), 1), max(round(height * ratio), 1)
    left, top = (columns - width) // 2, (rows - height) // 2
    return pixels[top : top + height, left : left + width]


def _crop_rotated(pixels: np.ndarray, rect: RotatedRect, manip: Manip) -> np.ndarray:
    """A rotated rectangle, resized if there is a size."""
    region = rect.width, rect.height
    size = manip.size if manip.size is not None else _whole(region)
    window, inner = _fit(region, size, manip.fit if manip.size is not None else "stretch")
    to_result = stretch(inner[0] / window[2], inner[1] / window[3]) @ shift(-window[0], -window[1])
    made = warp(
        pixels,
        to_result @ rect.to_region(),
        _checked(inner),
        manip.border,
        manip.interpolation,
    )
    return _on_canvas(made, size, manip)


def _whole(size: tuple[float, float]) -> tuple[int, int]:
    return _checked((max(round(size[0]), 1), max(round(size[1]), 1)))


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    if max(size) > LONGEST:
        raise ValueError(f"a result of {size[0]}x{size[1]} pixels is larger than any picture")
    return size


# -- resize


def _resize(pixels: np.ndarray, manip: Manip) -> np.ndarray:
    assert manip.size is not None
    rows, columns = pixels.shape[:2]
    if manip.fit == "cut":
        part = _largest(columns, rows, manip.size[0] / manip.size[1])
        pixels = _center_of(pixels, *(max(round(v), 1) for v in part))
        rows, columns = pixels.shape[:2]
    _, inner = _fit((columns, rows), manip.size, "bars" if manip.fit == "bars" else "stretch")
    _checked(manip.size)
    return _on_canvas(_scaled(pixels, *inner, manip.interpolation), manip.size, manip)


def _fit(
    region: tuple[float, float], size: tuple[int, int], fit: str
) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """The window of the region that is shown (x, y, width, height), and the pixels it gets."""
    width, height = region
    if fit == "cut":
        w, h = _largest(width, height, size[0] / size[1])
        return ((width - w) / 2, (height - h) / 2, w, h), size
    if fit == "bars":
        scale = min(size[0] / width, size[1] / height)
        inner = max(round(width * scale), 1), max(round(height * scale), 1)
        return (0.0, 0.0, width, height), inner
    return (0.0, 0.0, width, height), size


def _on_canvas(pixels: np.ndarray, size: tuple[int, int], manip: Manip) -> np.ndarray:
    """In the middle of a picture of that size; the rest is background."""
    rows, columns = pixels.shape[:2]
    width, height = size
    if (columns, rows) == size:
        return pixels
    result = np.empty((height, width, *pixels.shape[2:]), pixels.dtype)
    result[:] = manip.border.value(pixels)
    left, top = (width - columns) // 2, (height - rows) // 2
    result[top : top + rows, left : left + columns] = pixels
    return result


def _scaled(pixels: np.ndarray, width: int, height: int, interpolation: int) -> np.ndarray:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation))


def _center_of(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    rows, columns = pixels.shape[:2]
    left, top = (columns - width) // 2, (rows - height) // 2
    return pixels[top : top + height, left : left + width]


def _largest(width: float, height: float, aspect: float) -> tuple[float, float]:
    return (height * aspect, height) if width / height > aspect else (width, width / aspect)


# -- warp


def _warp(pixels: np.ndarray, manip: Manip) -> np.ndarray:
    """Four points, then the matrix, then the rotation, where the config has them."""
    rows, columns = pixels.shape[:2]
    size = columns, rows
    if manip.four_points:
        points = np.array(manip.four_points, np.float64)
        # Pixels are counted from the middle of the first; 0..1 spans all of the picture.
        points = points * size if manip.four_points_normalized else points + 0.5
        size = _checked(manip.size or size)
        inset = 0.0 if manip.four_points_normalized else 1.0
        matrix = from_four_points(points, (size[0] - inset, size[1] - inset))
        if matrix is None:
            raise ValueError(f"the four points {manip.four_points} have no area between them")
        matrix = shift(inset / 2, inset / 2) @ matrix
        pixels = warp(pixels, matrix, size, manip.border, manip.interpolation)
    if manip.matrix:
        matrix = np.array(manip.matrix, np.float64).reshape(3, 3)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise ValueError(f"the matrix {manip.matrix} cannot be inverted")
        moved = shift(0.5, 0.5) @ matrix @ shift(-0.5, -0.5)
        pixels = warp(pixels, moved, size, manip.border, manip.interpolation)
    if math.fmod(manip.rotation, 360.0):
        turned = turn_around(manip.rotation, size[0] / 2, size[1] / 2)
        pixels = warp(pixels, turned, size, manip.border, manip.interpolation)
    return pixels
