"""Boxes: overlap and non-maximum suppression, shared by the detection stages."""

from __future__ import annotations

import numpy as np

from .tensor import Array


def areas(boxes: Array, offset: float = 0.0) -> Array:
    """Areas of (..., 4) boxes (x0, y0, x1, y1); ``offset`` is 1 where ends are included."""
    width = np.maximum(boxes[..., 2] - boxes[..., 0] + np.float32(offset), 0)
    height = np.maximum(boxes[..., 3] - boxes[..., 1] + np.float32(offset), 0)
    return np.asarray(width * height)


def overlaps(box: Array, others: Array, offset: float = 0.0) -> Array:
    """Intersection over union of one box (4,) with (N, 4)."""
    meet = np.concatenate(
        [np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])], axis=1
    )
    intersection = areas(meet, offset)
    union = areas(box, offset) + areas(others, offset) - intersection
    return np.asarray(np.where(union > 0, intersection / np.where(union > 0, union, 1), 0))


def suppress(boxes: Array, threshold: float, offset: float = 0.0, limit: int = -1) -> Array:
    """Greedy suppression of (N, 4) boxes in order of falling score -> indices that stay."""
    alive = np.ones(len(boxes), bool)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not alive[i]:
            continue
        kept.append(i)
        if len(kept) == limit:
            break
        alive[i + 1 :] &= overlaps(boxes[i], boxes[i + 1 :], offset) <= threshold
    return np.array(kept, np.int64)


def by_falling_score(scores: Array) -> Array:
    """Indices of falling score; of equals the first comes first."""
    return np.argsort(-scores, kind="stable")
