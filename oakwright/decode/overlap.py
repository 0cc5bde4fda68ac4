"""How much boxes overlap, and which of them stay (non-maximum suppression)."""

from __future__ import annotations

import numpy as np


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair: [A,4] and [B,4] (x0, y0, x1, y1) to [A,B]."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    union = _areas(first)[:, None] + _areas(second)[None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    iou: float,
    *,
    labels: np.ndarray | None = None,
    most: int | None = None,
) -> np.ndarray:
    """Indices, surest first, of boxes [N,4] that no surer one overlaps by more than ``iou``.

    With ``labels`` [N] only boxes of one class compete. ``most``: no more than so many stay.
    OpenCV's ``dnn.NMSBoxes`` and OpenVINO's DetectionOutput keep the same ones.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    kept: list[int] = []
    while len(order) and (most is None or len(kept) < most):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        is_over = overlaps(boxes[best][None], boxes[rest])[0] > iou
        if labels is not None:
            is_over &= labels[rest] == labels[best]
        order = rest[~is_over]
    return np.array(kept, np.int64)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))
