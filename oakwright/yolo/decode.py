"""The rules of `layout`, in numpy, on raw head tensors: what a model's own decoding must equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .layout import Detector, Rule


@dataclass(frozen=True)
class Boxes:
    """All boxes of one scale, by anchor and cell (row by row).

    ``boxes`` [A,cells,4]: centre x, centre y, width, height in pixels of the picture.
    ``objectness`` [A,cells]: 1 where the rule has none. ``scores`` [A,cells,classes] are not
    multiplied by it.
    """

    boxes: np.ndarray
    objectness: np.ndarray
    scores: np.ndarray


def decode(detector: Detector, heads: Mapping[str, np.ndarray]) -> list[Boxes]:
    """The boxes of every scale from raw head tensors [1,C,rows,columns], by `Scale.keys`."""
    found = []
    for index, scale in enumerate(detector.scales):
        stride = np.array(detector.picture, np.float64) / (scale.columns, scale.rows)
        y, x = np.mgrid[: scale.rows, : scale.columns].reshape(2, -1)
        grid = np.stack([x, y], axis=1)
        tensors = [heads[key] for key in scale.keys]
        arrays = [np.asarray(t[0], np.float64).reshape(t.shape[1], -1) for t in tensors]
        if detector.rule in (Rule.ANCHORS, Rule.SQUARES):
            found.append(_with_anchors(detector, index, arrays[0], grid, stride))
        else:
            found.append(_without(detector, arrays, grid, stride))
    return found


def flat(parts: Sequence[Boxes], *, by_cell: bool = False) -> tuple[np.ndarray, ...]:
    """(boxes [N,4], objectness [N], scores [N,classes]) of scales in the given order.

    Anchor by anchor within a scale, or with ``by_cell`` cell by cell.
    """
    columns = []
    for name in ("boxes", "objectness", "scores"):
        arrays = [getattr(part, name) for part in parts]
        turned = [a.swapaxes(0, 1) if by_cell else a for a in arrays]
        columns.append(np.concatenate([a.reshape(-1, *a.shape[2:]) for a in turned]))
    return tuple(columns)


def _with_anchors(
    detector: Detector, index: int, values: np.ndarray, grid: np.ndarray, stride: np.ndarray
) -> Boxes:
    anchors = np.array(detector.anchors[index])[:, None]
    cells = values.reshape(len(anchors), 5 + detector.classes, -1).transpose(0, 2, 1)
    where, raw = sigmoid(cells[..., :2]), cells[..., 2:4]
    if detector.rule is Rule.SQUARES:
        centre = (2 * where - 0.5 + grid) * stride
        extent = (2 * sigmoid(raw)) ** 2 * anchors
    else:
        b = detector.stretch
        centre = (b * where - (b - 1) / 2 + grid) * stride
        extent = np.exp(raw) * anchors
    boxes = np.concatenate([centre, extent], axis=2)
    return Boxes(boxes, sigmoid(cells[..., 4]), sigmoid(cells[..., 5:]))


def _without(
    detector: Detector, arrays: Sequence[np.ndarray], grid: np.ndarray, stride: np.ndarray
) -> Boxes:
    box, scores = arrays[0].T, sigmoid(arrays[-1].T)[None]
    if detector.rule is Rule.EXPONENTS:
        boxes = np.concatenate([(box[:, :2] + grid) * stride, np.exp(box[:, 2:]) * stride], axis=1)
        return Boxes(boxes[None], sigmoid(arrays[1]), scores)
    if detector.bins > 1:
        logits = box.reshape(len(box), 4, detector.bins)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        box = (weights / weights.sum(axis=2, keepdims=True)) @ np.arange(detector.bins)
    low, high = grid + 0.5 - box[:, :2], grid + 0.5 + box[:, 2:]
    boxes = np.concatenate([(low + high) / 2 * stride, (high - low) * stride], axis=1)
    return Boxes(boxes[None], np.ones((1, len(box))), scores)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-values)))
