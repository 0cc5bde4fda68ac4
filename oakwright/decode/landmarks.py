"""Landmarks: points a network gives as numbers, or as peaks of heat maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oakwright.errors import ModelError


def read_points(numbers: np.ndarray, size: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Points [P,2] as shares of the network's picture, from x, y, x, y, ... in any shape.

    ``size``: width and height that the numbers count in; (1, 1) where they are shares already.
    """
    values = np.asarray(numbers, np.float64).reshape(-1)
    if values.size % 2:
        raise ModelError(f"{values.size} numbers are no pairs of x and y")
    return values.reshape(-1, 2) / size


def heat_map_peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [P,2] as shares, and heights [P], of the peaks of maps [1,P,h,w] or [P,h,w].

    Between pixels by the parabola through a peak and its neighbours, each axis for itself.
    """
    table = np.asarray(maps, np.float64)
    table = table[0] if table.ndim == 4 and len(table) == 1 else table
    if table.ndim != 3 or not table.size:
        raise ModelError(f"heat maps are [1,points,height,width], not {np.shape(maps)}")
    count, rows, columns = table.shape
    y, x = np.divmod(table.reshape(count, -1).argmax(axis=1), columns)
    number = np.arange(count)
    height = table[number, y, x]
    right, below = np.minimum(x + 1, columns - 1), np.minimum(y + 1, rows - 1)
    left, above = np.maximum(x - 1, 0), np.maximum(y - 1, 0)
    # At the edge a neighbour is the peak itself, which leaves it where it is.
    dx = _vertex(table[number, y, left], height, table[number, y, right])
    dy = _vertex(table[number, above, x], height, table[number, below, x])
    dx = np.where((x == 0) | (x == columns - 1), 0, dx)
    dy = np.where((y == 0) | (y == rows - 1), 0, dy)
    points = np.stack([(x + dx + 0.5) / columns, (y + dy + 0.5) / rows], axis=1)
    return points, height


def points_in_picture(points: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """Points [P,2], shares of a crop, as shares of the picture it was cut from by ``box``.

    ``box``: x0, y0, x1, y1, shares of the picture, before the crop was scaled to the network.
    """
    x0, y0, x1, y1 = box
    return np.asarray(points, np.float64) * (x1 - x0, y1 - y0) + (x0, y0)


def _vertex(before: np.ndarray, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where, from -0.5 to 0.5, the parabola through three heights has its top."""
    bend = before - 2 * at + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros_like(at), where=bend < 0)
    return np.asarray(np.clip(shift, -0.5, 0.5))
