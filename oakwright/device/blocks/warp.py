"""Warping a picture: by a matrix, by four points, by a rotated rectangle, by a mesh.

Coordinates of matrices are continuous: the picture spans 0..width and 0..height, and the middle of
its first pixel is (0.5, 0.5). Angles are clockwise as one looks at the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

LINEAR, CUBIC, NEAREST = cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST


@dataclass(frozen=True)
class Border:
    """What stands outside the picture: a colour (BGR), or its edge pixels again."""

    color: tuple[int, int, int] = (0, 0, 0)
    repeats_edge: bool = False

    def value(self, pixels: np.ndarray) -> tuple[int, ...]:
        """The colour in the picture's own channels."""
        if pixels.ndim == 3:
            return self.color
        blue, green, red = self.color
        return (round(0.114 * blue + 0.587 * green + 0.299 * red),)


BLACK = Border()


def warp(
    pixels: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    border: Border,
    interpolation: int = LINEAR,
) -> np.ndarray:
    """The picture moved by a 3x3 ``matrix`` from its coordinates to those of the result.

    ``size``: the result's width and height in pixels.
    """
    # OpenCV counts from the middle of the first pixel.
    inner = shift(-0.5, -0.5) @ matrix @ shift(0.5, 0.5)
    mode = cv2.BORDER_REPLICATE if border.repeats_edge else cv2.BORDER_CONSTANT
    return np.asarray(
        cv2.warpPerspective(
            pixels,
            inner,
            size,
            flags=interpolation,
            borderMode=mode,
            borderValue=border.value(pixels),
        )
    )


def shift(x: float, y: float) -> np.ndarray:
    """The matrix that moves by pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def stretch(x: float, y: float) -> np.ndarray:
    """The matrix that scales from the corner."""
    return np.diag([x, y, 1.0])


def turn(degrees: float) -> np.ndarray:
    """The matrix that turns clockwise around the corner (y points down)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def turn_around(degrees: float, x: float, y: float) -> np.ndarray:
    """The matrix that turns clockwise around a point."""
    return np.asarray(shift(x, y) @ turn(degrees) @ shift(-x, -y))


@dataclass(frozen=True)
class RotatedRect:
    """A rectangle by its middle, size (pixels) and clockwise angle (degrees), as OpenCV's."""

    x: float
    y: float
    width: float
    height: float
    angle: float

    def to_region(self) -> np.ndarray:
        """From the picture to the rectangle's own coordinates, 0..width and 0..height."""
        middle = shift(self.width / 2, self.height / 2)
        return np.asarray(middle @ turn(-self.angle) @ shift(-self.x, -self.y))


def from_four_points(points: np.ndarray, size: tuple[float, float]) -> np.ndarray | None:
    """The matrix that brings four points (4x2, clockwise from top left) to the result's corners.

    None where three of them are in a line: there is no such matrix.
    """
    width, height = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    given = np.asarray(points, np.float32)
    for skipped in range(4):
        a, b, c = np.delete(given, skipped, axis=0).astype(np.float64)
        if abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) < 1e-6:
            return None
    return np.asarray(cv2.getPerspectiveTransform(given, corners))


def warp_by_mesh(
    pixels: np.ndarray,
    mesh: np.ndarray,
    border: Border,
    interpolation: int = LINEAR,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Where each knot of an even grid over the result comes from; linear in between.

    ``mesh``: rows x columns x 2, x and y in pixels of the picture. ``size``: width and height of
    the result, the picture's if not given.
    """
    knots = np.ascontiguousarray(mesh, np.float32)
    x, y = _places(knots.tobytes(), knots.shape[:2], size or (pixels.shape[1], pixels.shape[0]))
    mode = cv2.BORDER_REPLICATE if border.repeats_edge else cv2.BORDER_CONSTANT
    return np.asarray(
        cv2.remap(pixels, x, y, interpolation, borderMode=mode, borderValue=border.value(pixels))
    )


@lru_cache(maxsize=4)
def _places(
    knots: bytes, shape: tuple[int, int], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The place in the picture of every pixel of the result: x and y."""
    # Not by remap: its fractions have 32 steps, half a pixel where knots are far apart.
    down, across = (_weights(n, length) for n, length in zip(shape, size[::-1], strict=True))
    mesh = np.frombuffer(knots, np.float32).reshape(*shape, 2)
    x, y = (np.asarray(down @ mesh[:, :, axis] @ across.T) for axis in (0, 1))
    return x, y


def _weights(knots: int, length: int) -> np.ndarray:
    """Share of each of the knots (columns) in each pixel of a line (rows)."""
    at = np.linspace(0, knots - 1, length, dtype=np.float32)[:, None]
    return np.asarray(np.maximum(1 - np.abs(at - np.arange(knots, dtype=np.float32)), 0))


def read_mesh(data: np.ndarray, width: int, height: int) -> np.ndarray:
    """``setWarpMesh``'s asset (float32, y before x, row by row) as height x width x 2, x first.

    Rows of an odd number of points have one more, which means nothing. Raises ValueError where
    there are not as many points as the mesh has knots.
    """
    values = np.frombuffer(bytes(data), "<f4")
    stored = width + width % 2
    if width < 2 or height < 2 or values.size != stored * height * 2:
        raise ValueError(
            f"a mesh of {width}x{height} has {width * height} points and at least 2x2, "
            f"this one is stored as {values.size // 2}"
        )
    if not np.isfinite(values).all():
        raise ValueError("the mesh holds numbers that are not finite")
    return np.ascontiguousarray(values.reshape(height, stored, 2)[:, :width, ::-1])
