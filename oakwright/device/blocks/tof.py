"""Time of flight: what the sensor gives, made up, and depth from it.

The real sensor gives phases of returned light, which only its maker's code reads. Here a raw
picture is RAW16 of twice the height: above the depth along z in mm, below the brightness in grey
values. What the phases do to depth is kept: beyond the range of its unwrapping it starts from 0
again.
"""

from __future__ import annotations

import cv2
import numpy as np

from .formats import Frame

TYPE = "RAW16"
# Light modulated at 100 MHz comes back in phase every 1.5 m.
WRAP_MM = 1500
_MEDIANS = (0, 3, 5)
# Grey values to the sensor's twelve bits.
_GAIN = 16


def raw_of(depth: np.ndarray, light: np.ndarray, size: tuple[int, int]) -> Frame:
    """The raw picture of depth (uint16) and brightness (uint8), scaled to ``size``."""
    if light.ndim == 3:
        light = cv2.cvtColor(light, cv2.COLOR_BGR2GRAY)
    depth = cv2.resize(np.ascontiguousarray(depth), size, interpolation=cv2.INTER_NEAREST)
    light = cv2.resize(np.ascontiguousarray(light), size, interpolation=cv2.INTER_AREA)
    both = np.concatenate([depth, light.astype(np.uint16)]).astype("<u2")
    return Frame(TYPE, size[0], size[1] * 2, both.reshape(-1).view(np.uint8))


def read_raw(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth and brightness, both uint16, of a raw picture."""
    middle = pixels.shape[0] // 2
    return pixels[:middle], pixels[middle:]


def range_mm(unwraps: bool, level: int) -> int:
    """How far depth goes before it starts from 0 again."""
    return WRAP_MM * ((level if unwraps else 0) + 1)


def measured(depth: np.ndarray, range_mm: int, median: int) -> np.ndarray:
    """Depth folded into the range, through a median of ``median`` x ``median`` (0, 3, 5 or 7).

    The filter leaves what is unknown (0) alone.
    """
    found: np.ndarray = np.where(depth > 0, depth % range_mm, 0).astype(np.uint16)
    if median:
        # OpenCV's median of 16 bits ends at 5; 7 is that twice.
        smooth = cv2.medianBlur(found, min(median, _MEDIANS[-1]))
        smooth = cv2.medianBlur(smooth, 3) if median > _MEDIANS[-1] else smooth
        found = np.where(found > 0, smooth, 0).astype(np.uint16)
    return found


def amplitude(light: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Twelve bits of what comes back, uint16: its light falls with the square of distance."""
    far = np.maximum(depth.astype(np.float32) / 1000, 0.3)
    return np.where(depth > 0, np.clip(light * _GAIN / far**2, 0, 4095), 0).astype(np.uint16)
