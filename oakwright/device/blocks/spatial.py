"""Where a region of a depth map lies in space: the device's spatial location calculator.

X is right, Y up, Z forward, in the map's unit (mm), seen from the camera that the map belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MEAN, MIN, MAX, MODE, MEDIAN = "mean", "min", "max", "mode", "median"
# Every second pixel of rows and columns where the script leaves it open: those that sort.
_AUTO_STEP = {MODE: 2, MEDIAN: 2}


@dataclass(frozen=True)
class Rectangle:
    """A region: left, top, width, height, in parts of the picture or in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def is_normalized(self) -> bool:
        """Whether it is in parts of the picture, as ``dai.Rect`` decides.

        It is if it ends within 1, or if a number is not whole.
        """
        if self.x + self.width <= 1 and self.y + self.height <= 1:
            return True
        return any(float(v) != int(v) for v in (self.x, self.y, self.width, self.height))

    def in_pixels(self, columns: int, rows: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom inside the picture (ends excluded), at least one pixel."""
        scale = (columns, rows) if self.is_normalized else (1, 1)
        left = min(max(round(self.x * scale[0]), 0), columns - 1)
        top = min(max(round(self.y * scale[1]), 0), rows - 1)
        right = min(max(round((self.x + self.width) * scale[0]), left + 1), columns)
        bottom = min(max(round((self.y + self.height) * scale[1]), top + 1), rows)
        return left, top, right, bottom

    def scaled(self, factor: float) -> Rectangle:
        """Larger or smaller about its middle."""
        width, height = self.width * factor, self.height * factor
        return Rectangle(
            self.x + (self.width - width) / 2, self.y + (self.height - height) / 2, width, height
        )

    def inside(self) -> Rectangle:
        """The part within 0..1."""
        left, top = min(max(self.x, 0.0), 1.0), min(max(self.y, 0.0), 1.0)
        right = min(max(self.x + self.width, left), 1.0)
        bottom = min(max(self.y + self.height, top), 1.0)
        return Rectangle(left, top, right - left, bottom - top)


@dataclass(frozen=True)
class Region:
    """What is asked: only depths between the thresholds count; step None is automatic."""

    rectangle: Rectangle
    lower: int = 0
    upper: int = 65535
    algorithm: str = MEDIAN
    step: int | None = None


@dataclass(frozen=True)
class Location:
    """What was found. All zero where no pixel counts."""

    x: float
    y: float
    z: float
    mean: float
    mode: float
    median: float
    smallest: int
    largest: int
    count: int


def locate(depth: np.ndarray, matrix: np.ndarray, region: Region) -> Location:
    """The place of a region of a depth map (HxW uint16, 0: unknown).

    Z is what the algorithm makes of the depths in it; X and Y are those of the region's middle at
    that depth, by the camera's ``matrix`` (3x3, pixels of the map).
    """
    rows, columns = depth.shape
    left, top, right, bottom = region.rectangle.in_pixels(columns, rows)
    step = region.step or _AUTO_STEP.get(region.algorithm, 1)
    values = depth[top:bottom:step, left:right:step].reshape(-1)
    values = values[(values > 0) & (values >= region.lower) & (values <= region.upper)]
    if not values.size:
        return Location(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0)
    numbers, counts = np.unique(values, return_counts=True)
    statistics = {
        MEAN: float(values.mean(dtype=np.float64)),
        MIN: float(numbers[0]),
        MAX: float(numbers[-1]),
        MODE: float(numbers[counts.argmax()]),
        MEDIAN: float(np.median(values)),
    }
    z = statistics[region.algorithm]
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    return Location(
        z * (middle_x - float(matrix[0, 2])) / float(matrix[0, 0]),
        -z * (middle_y - float(matrix[1, 2])) / float(matrix[1, 1]),
        z,
        statistics[MEAN],
        statistics[MODE],
        statistics[MEDIAN],
        int(numbers[0]),
        int(numbers[-1]),
        int(values.size),
    )
