"""Corners that are followed from picture to picture.

Detection: Harris' or Shi and Tomasi's score of gradients, the strongest of each cell of a grid.
Motion: Lucas and Kanade's optical flow in a pyramid. Scores are of unscaled sums over 3x3 pixels,
so that the device's thresholds, which are large numbers, mean something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

HARRIS, SHI_THOMASI = 0, 1
_HARRIS_K = 0.04
# Where no threshold is set, a corner has this share of the strongest one's score.
_LEAST_SHARE = 0.001
_AUTOMATIC_LEVELS = 3


@dataclass(frozen=True)
class Corner:
    """Place in pixels; ``age`` in pictures; ``error``: the window's squared differences."""

    id: int
    x: float
    y: float
    score: float
    age: int = 0
    error: float = 0.0


def scores_of(grey: np.ndarray, kind: int, *, smooth: bool = True) -> np.ndarray:
    """The score of every pixel of HxW uint8, float64.

    ``smooth``: gradients by Sobel's kernels, otherwise by the difference of two neighbours.
    """
    if smooth:
        across, down = (cv2.Sobel(grey, cv2.CV_64F, *way, ksize=3) for way in ((1, 0), (0, 1)))
    else:
        kernel = np.array([[-1.0, 0.0, 1.0]])
        across, down = (cv2.filter2D(grey, cv2.CV_64F, k) for k in (kernel, kernel.T))
    xx, yy, xy = (
        cv2.boxFilter(part, cv2.CV_64F, (3, 3), normalize=False)
        for part in (across * across, down * down, across * down)
    )
    trace = xx + yy
    if kind == HARRIS:
        score: np.ndarray = xx * yy - xy * xy - _HARRIS_K * trace * trace
        return score
    least: np.ndarray = trace / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    return least


class FeatureTracker:
    """Keeps corners by ``config``, a FeatureTrackerConfig as the pipeline's JSON has it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._corners: list[Corner] = []
        self._before: np.ndarray | None = None
        self._born = 0
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take other settings; corners stay."""
        self._detector, self._motion = config["cornerDetector"], config["motionEstimator"]
        self._upkeep = config["featureMaintainer"]
        cells = max(int(self._detector["cellGridDimension"]), 1)
        self._thresholds = np.full((cells, cells), self._detector["thresholds"]["initialValue"])

    def step(self, grey: np.ndarray) -> list[Corner]:
        """The corners of the next picture."""
        scores = scores_of(grey, self._detector["type"], smooth=self._detector["enableSobel"])
        kept = []
        if self._motion["enable"] and self._before is not None and self._before.shape == grey.shape:
            kept = self._follow(grey, scores)
        self._corners = kept + self._find(scores, kept)
        self._before = grey.copy()
        return self._corners

    def _follow(self, grey: np.ndarray, scores: np.ndarray) -> list[Corner]:
        if not self._corners:
            return []
        flow = self._motion["opticalFlow"]
        window = max(flow["searchWindowWidth"], 3), max(flow["searchWindowHeight"], 3)
        levels = flow["pyramidLevels"] or _AUTOMATIC_LEVELS
        stop = (
            cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT,
            flow["maxIterations"],
            flow["epsilon"],
        )
        places = np.array([(c.x, c.y) for c in self._corners], np.float32)[:, None]
        moved, found, mean = cv2.calcOpticalFlowPyrLK(
            self._before, grey, places, None, winSize=window, maxLevel=levels, criteria=stop
        )
        height, width = grey.shape
        kept = []
        for corner, (x, y), is_found, off in zip(
            self._corners, moved[:, 0], found[:, 0], mean[:, 0], strict=True
        ):
            if not is_found or not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                continue
            score = float(scores[round(float(y)), round(float(x))])
            # OpenCV tells the mean absolute difference.
            error = float(off) ** 2 * window[0] * window[1]
            if self._upkeep["enable"] and (
                error > self._upkeep["lostFeatureErrorThreshold"]
                or score < self._upkeep["trackedFeatureThreshold"]
            ):
                continue
            kept.append(
                replace(
                    corner, x=float(x), y=float(y), score=score, age=corner.age + 1, error=error
                )
            )
        return kept

    def _find(self, scores: np.ndarray, kept: list[Corner]) -> list[Corner]:
        wanted = self._detector["numTargetFeatures"]
        most = self._detector["numMaxFeatures"] or wanted
        if len(kept) >= min(wanted, most):
            return []
        cells = len(self._thresholds)
        height, width = scores.shape
        # Squared pixels; without sorting there is no rule of distance.
        has_distance = self._detector["enableSorting"] and self._upkeep["enable"]
        near = self._upkeep["minimumDistanceBetweenFeatures"] if has_distance else 0
        reach = int(np.sqrt(near))
        # At the picture's border there is nothing to be stronger than.
        is_free = np.zeros(scores.shape, bool)
        is_free[1:-1, 1:-1] = True
        for corner in kept:
            _close(is_free, corner.x, corner.y, reach)
        peaks = (scores >= cv2.dilate(scores, np.ones((3, 3)))) & is_free
        floor = float(scores.max()) * _LEAST_SHARE
        found: list[Corner] = []
        for row in range(cells):
            for column in range(cells):
                top, bottom = row * height // cells, (row + 1) * height // cells
                left, right = column * width // cells, (column + 1) * width // cells
                inside = sum(left <= c.x < right and top <= c.y < bottom for c in kept)
                room = min(wanted // cells**2 - inside, most - len(kept) - len(found))
                part = slice(top, bottom), slice(left, right)
                least = max(float(self._thresholds[row, column]), floor, 1e-9)
                ys, xs = np.nonzero(peaks[part] & (scores[part] >= least))
                self._adapt(row, column, len(ys), room)
                order = np.arange(len(ys))
                if self._detector["enableSorting"]:
                    order = np.argsort(-scores[part][ys, xs], kind="stable")
                taken = 0
                for index in order:
                    x, y = left + int(xs[index]), top + int(ys[index])
                    if taken >= room:
                        break
                    if not is_free[y, x]:
                        continue
                    _close(is_free, x, y, reach)
                    found.append(Corner(self._born, float(x), float(y), float(scores[y, x])))
                    self._born += 1
                    taken += 1
        return found

    def _adapt(self, row: int, column: int, seen: int, room: int) -> None:
        """A cell's threshold rises where there is too much, and falls where there is too little."""
        limits = self._detector["thresholds"]
        if not limits["initialValue"]:
            return
        factor = limits["decreaseFactor"] if seen < room else limits["increaseFactor"]
        value = self._thresholds[row, column] * factor
        self._thresholds[row, column] = np.clip(value, limits["min"], limits["max"] or np.inf)


def _close(is_free: np.ndarray, x: float, y: float, reach: int) -> None:
    """No corner within ``reach`` pixels of a place, itself included."""
    row, column = round(y), round(x)
    top, left = max(row - reach, 0), max(column - reach, 0)
    part = is_free[top : row + reach + 1, left : column + reach + 1]
    rows = np.arange(top, top + part.shape[0])[:, None] - row
    columns = np.arange(left, left + part.shape[1])[None] - column
    part &= rows**2 + columns**2 > reach**2
