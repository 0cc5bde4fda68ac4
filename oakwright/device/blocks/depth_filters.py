"""What comes after matching: filters on a disparity map (HxW uint16, 0: none), in a chosen order.

The rules are those the vendor's documentation gives: speckles, thresholds, median, decimation,
and the edge-keeping exponential means over space and time that depth cameras share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .bits import count_bits

DECIMATION, SPECKLE, MEDIAN = "decimation", "speckle", "median"
SPATIAL, TEMPORAL = "spatial", "temporal"
SKIP, NON_ZERO_MEDIAN, NON_ZERO_MEAN = "skip", "median", "mean"
# (times valid, among the last so many) after which a lost value is kept; index: persistency mode.
_PERSISTENCE = ((0, 0), (8, 8), (2, 3), (2, 4), (2, 8), (1, 2), (1, 5), (1, 8), (0, 1))
# An edge, where the script leaves it open: whole pixels of disparity.
_AUTO_DELTA = 3


@dataclass(frozen=True)
class Mean:
    """An exponential mean: ``alpha`` 1 changes nothing; steps above ``delta`` are edges.

    ``delta`` is in units of the map, 0 for 3 pixels. ``reach`` (space): how far a hole is filled.
    ``rounds`` (space). ``persistency`` (time): 0 never to 8 always.
    """

    alpha: float
    delta: int = 0
    reach: int = 0
    rounds: int = 1
    persistency: int = 0


@dataclass(frozen=True)
class Filters:
    """Which filters, in which order. ``median``: 0, 3, 5 or 7; ``speckle``: size and step."""

    order: Sequence[str] = (MEDIAN, DECIMATION, SPECKLE, SPATIAL, TEMPORAL)
    # Deviation of a bilateral mean that comes before all others; 0 for none.
    bilateral: int = 0
    median: int = 0
    decimation: int = 1
    decimation_mode: str = SKIP
    speckle: tuple[int, int] | None = None
    spatial: Mean | None = None
    temporal: Mean | None = None


class FilterChain:
    """Applies filters to map after map; it remembers the last ones for the mean over time."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._history = np.zeros((0, 0), np.uint8)

    def apply(self, disparity: np.ndarray, filters: Filters, scale: int) -> np.ndarray:
        """The filtered map; ``scale`` is its units per pixel of disparity."""
        if filters.bilateral:
            disparity = bilateral(disparity, filters.bilateral)
        for name in filters.order:
            if name == MEDIAN and filters.median:
                disparity = median(disparity, filters.median)
            elif name == DECIMATION and filters.decimation > 1:
                disparity = decimate(disparity, filters.decimation, filters.decimation_mode)
            elif name == SPECKLE and filters.speckle:
                disparity = without_speckles(disparity, *filters.speckle, scale)
            elif name == SPATIAL and filters.spatial:
                disparity = smooth_space(disparity, filters.spatial, scale)
            elif name == TEMPORAL and filters.temporal:
                disparity = self._smooth_time(disparity, filters.temporal, scale)
        return disparity

    def _smooth_time(self, disparity: np.ndarray, mean: Mean, scale: int) -> np.ndarray:
        now = disparity.astype(np.float32)
        valid = now > 0
        if self._last is None or self._last.shape != now.shape:
            self._last, self._history = now, valid.astype(np.uint8)
            return disparity
        last = self._last
        calm = valid & (last > 0) & (np.abs(now - last) < _delta(mean, scale))
        mixed = np.where(calm, mean.alpha * now + (1 - mean.alpha) * last, now)
        times, among = _PERSISTENCE[min(max(mean.persistency, 0), len(_PERSISTENCE) - 1)]
        recent = count_bits(self._history & np.uint8((1 << among) - 1))
        kept = ~valid & (last > 0) & (recent >= times) & (among > 0)
        mixed = np.where(kept, last, mixed)
        self._history = (self._history << np.uint8(1)) | valid.astype(np.uint8)
        self._last = mixed
        return np.rint(mixed).astype(np.uint16)


def median(disparity: np.ndarray, size: int) -> np.ndarray:
    """The median of size x size values; the border is repeated outwards."""
    if int(disparity.max()) <= 255:
        return np.asarray(cv2.medianBlur(disparity.astype(np.uint8), size), dtype=np.uint16)
    if size <= 5:
        return np.asarray(cv2.medianBlur(disparity, size))
    return _median_of_many(disparity, size)


def _median_of_many(values: np.ndarray, size: int) -> np.ndarray:
    """For 16-bit values and sizes that OpenCV has not: by striking out least and greatest.

    Of n values some n/2 + 2 hold the median, whatever the others are, between their least and
    greatest: these two go, the next value comes, until one is left. All pixels at once.
    """
    rows, columns = values.shape
    edge = size // 2
    wide = cv2.copyMakeBorder(values, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    places = [(y, x) for y in range(size) for x in range(size)]
    waiting = [wide[y : y + rows, x : x + columns] for y, x in places]
    first = len(places) // 2 + 2
    pool, waiting = [view.copy() for view in waiting[:first]], waiting[first:]
    spare = np.empty_like(pool[0])

    def order(i: int, j: int) -> None:
        """The lesser of two to place i, the greater to j."""
        nonlocal spare
        np.minimum(pool[i], pool[j], out=spare)
        np.maximum(pool[i], pool[j], out=pool[j])
        pool[i], spare = spare, pool[i]

    while len(pool) > 1:
        last = len(pool) - 1
        half = len(pool) // 2
        for i in range(half):
            order(i, last - i)
        # The least is in the first half now, the greatest in the second; a middle one in either.
        for i in range(1, last - half + 1):
            order(0, i)
        for i in range(half, last):
            order(i, last)
        pool = pool[1:-1]
        if waiting:
            pool.append(waiting.pop().copy())
    return np.asarray(pool[0])


def bilateral(disparity: np.ndarray, sigma: float) -> np.ndarray:
    """A 5x5 mean (OpenCV's disc) that weighs by nearness in place and in value; holes stay holes.

    ``sigma`` is the deviation of both weights: in values of the map, and in pixels.
    """
    values = disparity.astype(np.float32)
    rows, columns = values.shape
    wide = cv2.copyMakeBorder(values, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
    total, weights = np.zeros_like(values), np.zeros_like(values)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if dx * dx + dy * dy > 4:
                continue
            there = wide[2 + dy : 2 + dy + rows, 2 + dx : 2 + dx + columns]
            apart = (there - values) ** 2 + (dx * dx + dy * dy)
            weight = np.exp(apart / np.float32(-2 * sigma * sigma)) * (there > 0)
            total += weight * there
            weights += weight
    mixed = np.rint(total / np.maximum(weights, 1e-9))
    return np.where(disparity > 0, mixed, 0).astype(np.uint16)


def decimate(disparity: np.ndarray, factor: int, mode: str) -> np.ndarray:
    """One value for factor x factor: the first, or the median or mean of those that are there."""
    rows, columns = (length // factor * factor for length in disparity.shape)
    if mode == SKIP:
        return np.ascontiguousarray(disparity[:rows:factor, :columns:factor])
    blocks = disparity[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    flat = blocks.transpose(0, 2, 1, 3).reshape(rows // factor, columns // factor, factor**2)
    count = np.count_nonzero(flat, axis=-1)
    if mode == NON_ZERO_MEAN:
        return np.asarray(flat.sum(axis=-1) // np.maximum(count, 1), dtype=np.uint16)
    # Sorted, the zeros come first.
    middle = factor**2 - count + (count - 1) // 2
    at = np.clip(middle, 0, factor**2 - 1)[..., None]
    return np.asarray(np.take_along_axis(np.sort(flat, axis=-1), at, axis=-1)[..., 0])


def without_speckles(disparity: np.ndarray, size: int, step: int, scale: int) -> np.ndarray:
    """Patches of at most ``size`` pixels, bounded by steps above ``step`` pixels, removed."""
    values = disparity.astype(np.int16)
    cv2.filterSpeckles(values, 0, size, step * scale)
    return values.astype(np.uint16)


def smooth_space(disparity: np.ndarray, mean: Mean, scale: int) -> np.ndarray:
    """An exponential mean along rows and columns, both ways; small holes take a neighbour's value.

    It starts anew at every edge and hole.
    """
    values = disparity.astype(np.float32)
    delta = _delta(mean, scale)
    for _ in range(mean.rounds):
        turned = np.ascontiguousarray(values.T)
        for step in (1, -1):
            _run(turned[::step], mean.alpha, delta, mean.reach)
        values = np.ascontiguousarray(turned.T)
        for step in (1, -1):
            _run(values[::step], mean.alpha, delta, 0)
    return np.rint(values).astype(np.uint16)


def _run(lines: np.ndarray, alpha: float, delta: float, reach: int) -> None:
    """The mean from the first line to the last, in place, all columns at once."""
    gap = np.zeros(lines.shape[1], np.int32)
    last = lines[0].copy()
    for line in lines[1:]:
        there = line > 0
        calm = there & (last > 0) & (np.abs(line - last) < delta)
        line[calm] = alpha * line[calm] + (1 - alpha) * last[calm]
        gap = np.where(there, 0, gap + 1)
        if reach:
            filled = ~there & (gap <= reach)
            line[filled] = last[filled]
        last = line


def within(depth: np.ndarray, nearest: int, farthest: int) -> np.ndarray:
    """Depths outside the range set to 0."""
    if nearest <= 0 and farthest >= 65535:
        return depth
    return np.where((depth >= nearest) & (depth <= farthest), depth, 0).astype(np.uint16)


def bright_enough(
    disparity: np.ndarray, pixels: np.ndarray, darkest: int, brightest: int
) -> np.ndarray:
    """Values of pixels that are too dark or too bright set to 0."""
    if darkest <= 0 and brightest >= 255:
        return disparity
    return np.where((pixels >= darkest) & (pixels <= brightest), disparity, 0).astype(np.uint16)


def _delta(mean: Mean, scale: int) -> float:
    return float(mean.delta or _AUTO_DELTA * scale)
