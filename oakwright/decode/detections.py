"""What every detector's decoding ends in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Detections:
    """N boxes, surest first.

    ``boxes`` [N,4] float32: x0, y0, x1, y1 as shares of the network's picture, which may lie a
    little outside it. ``scores`` [N] float32, 0..1. ``labels`` [N] int64.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: Any) -> Detections:
        """Some of them: by a slice, indices or a mask [N]."""
        return Detections(self.boxes[which], self.scores[which], self.labels[which])

    def in_pixels(self, width: int, height: int) -> np.ndarray:
        """Boxes [N,4] int64 in pixels of a picture, cut to it."""
        sides = np.array([width, height, width, height], np.float64)
        return np.clip(np.rint(self.boxes * sides), 0, sides).astype(np.int64)


def detections(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> Detections:
    """Any arrays of these shapes as ``Detections``, put in order."""
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    return Detections(
        np.asarray(boxes, np.float32).reshape(-1, 4)[order],
        np.asarray(scores, np.float32)[order],
        np.asarray(labels, np.int64)[order],
    )
