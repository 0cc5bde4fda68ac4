"""The camera's geometry: a source's picture as a sensor of any size would see it.

The source fills the sensor: scaled to cover it, what hangs over is cut off evenly. Nothing is
computed at the sensor's size; each output is cut straight from the source's pixels, which makes a
300x300 preview of a 12-megapixel sensor as cheap as one of a small video.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Region:
    """A rectangle in sensor pixels: left, top, width, height; fractions are meant."""

    x: float
    y: float
    width: float
    height: float

    def shrunk_to(self, aspect: float) -> Region:
        """The largest centred part with this width/height ratio."""
        width, height = self.width, self.height
        if width / height > aspect:
            width = height * aspect
        else:
            height = width / aspect
        return Region(
            self.x + (self.width - width) / 2, self.y + (self.height - height) / 2, width, height
        )


@dataclass(frozen=True)
class SensorImage:
    """``pixels`` (HxWx3 BGR or HxW grey, uint8) seen by a sensor of ``width`` x ``height``."""

    pixels: np.ndarray
    width: int
    height: int

    @property
    def whole(self) -> Region:
        """All of the sensor."""
        return Region(0, 0, self.width, self.height)

    def in_source(self, box: tuple[float, ...]) -> tuple[float, ...]:
        """A box given in shares of the sensor's picture, in shares of ``pixels``."""
        rows, columns = self.pixels.shape[:2]
        cover = max(self.width / columns, self.height / rows)
        seen = self.width / cover / columns, self.height / cover / rows
        return tuple((1 - seen[i % 2]) / 2 + v * seen[i % 2] for i, v in enumerate(box))

    def render(self, region: Region, width: int, height: int, *, scale: float = 1.0) -> np.ndarray:
        """A part of the sensor's picture as ``width`` x ``height`` pixels.

        ``scale``: sensor pixels per unit of ``region`` (the ISP's scaling divides it).
        """
        rows, columns = self.pixels.shape[:2]
        cover = max(self.width / columns, self.height / rows)
        left = (columns - self.width / cover) / 2 + region.x * scale / cover
        top = (rows - self.height / cover) / 2 + region.y * scale / cover
        right = left + region.width * scale / cover
        bottom = top + region.height * scale / cover
        return cut(self.pixels, left, top, right, bottom, width, height)


def cut(
    pixels: np.ndarray,
    left: float,
    top: float,
    right: float,
    bottom: float,
    width: int,
    height: int,
) -> np.ndarray:
    """The rectangle (in pixels, fractions are rounded) resized to ``width`` x ``height``."""
    rows, columns = pixels.shape[:2]
    x0 = min(max(round(left), 0), columns - 1)
    y0 = min(max(round(top), 0), rows - 1)
    x1 = min(max(round(right), x0 + 1), columns)
    y1 = min(max(round(bottom), y0 + 1), rows)
    part = pixels[y0:y1, x0:x1]
    if part.shape[:2] == (height, width):
        return np.ascontiguousarray(part)
    if width < x1 - x0 and height < y1 - y0:
        return _shrunk(part, width, height)
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR))


def _shrunk(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """A smaller picture without aliasing: means of whole blocks, then in between.

    OpenCV takes means of whole blocks five times as fast as those of fractions of pixels.
    """
    rows, columns = pixels.shape[:2]
    steps = range(min(columns // width, rows // height), 1, -1)
    step = next((n for n in steps if columns % n == 0 and rows % n == 0), 1)
    columns, rows = columns // step, rows // step
    if step > 1:
        pixels = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    # Neighbours see every pixel of what is not twice as large.
    is_near = step > 1 and columns < 2 * width and rows < 2 * height
    way = cv2.INTER_LINEAR if is_near else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=way))


def orient(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture as ``CameraImageOrientation`` says: 1 mirror, 2 flip, 3 both; else as is."""
    code = {1: 1, 2: 0, 3: -1}.get(orientation)
    return pixels if code is None else cv2.flip(pixels, code)


def scaled_size(size: int, numerator: int, denominator: int) -> int:
    """A length after the ISP's scaling, rounded up as the ISP does; 0/0 is no scaling."""
    if numerator <= 0 or denominator <= 0:
        return size
    return (size * numerator - 1) // denominator + 1
