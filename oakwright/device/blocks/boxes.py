"""Boxes (left, top, right, bottom in 0..1), how far apart they are, and how they move on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .kcf import Box


class Motion:
    """Kalman's filter of middle and size with a constant speed; noise goes with the box's size."""

    def __init__(self, box: Box, time_s: float) -> None:
        self._filter = cv2.KalmanFilter(8, 4, 0, cv2.CV_64F)
        self._time_s = time_s
        self._filter.measurementMatrix = np.eye(4, 8)
        state = middle(box)
        size = max(state[2], state[3])
        self._filter.statePost = np.concatenate([state, np.zeros(4)])[:, None]
        variances = [(0.05 * size) ** 2] * 4 + [(2.0 * size) ** 2] * 2 + [(0.3 * size) ** 2] * 2
        self._filter.errorCovPost = np.diag(variances)
        self._filter.measurementNoiseCov = np.eye(4) * (0.03 * size) ** 2
        self._push = np.array([(3.0 * size) ** 2] * 2 + [(0.2 * size) ** 2] * 2)

    def predict(self, time_s: float) -> Box:
        """Move on to a time; going back is none."""
        step = max(time_s - self._time_s, 0.0)
        self._time_s = max(time_s, self._time_s)
        matrix = np.eye(8)
        matrix[:4, 4:] = np.eye(4) * step
        self._filter.transitionMatrix = matrix
        self._filter.processNoiseCov = np.diag(
            np.concatenate([self._push * step**2 / 4, self._push]) * step
        )
        return _corners(self._filter.predict()[:4, 0])

    def correct(self, box: Box) -> Box:
        """Take what was measured at the time of the last prediction."""
        return _corners(self._filter.correct(middle(box)[:, None])[:4, 0])


def as_box(values: Sequence[float]) -> Box:
    """Four numbers as a box."""
    left, top, right, bottom = (float(value) for value in values)
    return left, top, right, bottom


def middle(box: Box) -> np.ndarray:
    """Middle x and y, width, height."""
    left, top, right, bottom = box
    return np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])


def _corners(middle: np.ndarray) -> Box:
    x, y, width, height = (float(value) for value in middle)
    width, height = max(width, 1e-4), max(height, 1e-4)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _shared(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def covered(box: Box, by: Box) -> float:
    """Which share of a box another covers."""
    return _shared(box, by) / max(_area(box), 1e-12)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    shared = _shared(one, other)
    return shared / max(_area(one) + _area(other) - shared, 1e-12)


def distance(one: Box, other: Box) -> float:
    """1 - IoU, plus the middles' distance in mean diagonals: 0 for the same box."""
    a, b = middle(one), middle(other)
    diagonal = (np.hypot(a[2], a[3]) + np.hypot(b[2], b[3])) / 2
    return 1 - overlap(one, other) + float(np.hypot(a[0] - b[0], a[1] - b[1]) / max(diagonal, 1e-9))
