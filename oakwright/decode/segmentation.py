"""Segmentation: scores for each pixel to a map of classes."""

from __future__ import annotations

import numpy as np

from oakwright.errors import ModelError


def class_map(
    scores: np.ndarray, size: tuple[int, int] | None = None, *, threshold: float = 0.0
) -> np.ndarray:
    """Class numbers [h,w] int64 of scores [1,C,h,w], or of a map [1,h,w] that holds them already.

    ``size``: width and height to bring the scores to first (bilinear, corners not aligned), which
    gives smoother edges than enlarging the map. With one channel, class 1 is where the score is
    above ``threshold`` (0 for logits, 0.5 for probabilities).
    """
    table = np.asarray(scores)
    table = table[0] if table.ndim == 4 and len(table) == 1 else table
    if table.ndim == 2:
        table = table[None]
    if table.ndim != 3 or not table.size:
        raise ModelError(f"scores are [1,classes,height,width], not {np.shape(scores)}")
    if len(table) == 1 and table.dtype.kind in "iu":
        return _nearest(np.asarray(table[0], np.int64), size)
    table = table.astype(np.float32)
    if size is not None:
        table = _bilinear(table, size)
    if len(table) == 1:
        return np.asarray(table[0] > threshold, np.int64)
    return np.asarray(table.argmax(axis=0))


def _bilinear(table: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[C,h,w] to [C,height,width]."""
    for axis, count in ((2, size[0]), (1, size[1])):
        have = table.shape[axis]
        place = np.clip((np.arange(count) + 0.5) * have / count - 0.5, 0, have - 1)
        low = place.astype(np.int64)
        high = np.minimum(low + 1, have - 1)
        share = (place - low).astype(np.float32)
        share = share.reshape(-1, 1) if axis == 1 else share
        table = table.take(low, axis) * (1 - share) + table.take(high, axis) * share
    return table


def _nearest(table: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    if size is None:
        return table
    rows, columns = table.shape
    y = np.arange(size[1]) * rows // size[1]
    x = np.arange(size[0]) * columns // size[0]
    return np.asarray(table[y[:, None], x])
