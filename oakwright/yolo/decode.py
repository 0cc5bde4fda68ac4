"""The rules of `oakwright.decode`, on raw head tensors: what a model's own decoding must equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oakwright.decode import Rule, boxes_of_cells, mean_distances, sigmoid

from .layout import Detector


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
    is_square = detector.rule is Rule.SQUARES
    sizes = sigmoid(cells[..., 2:4]) if is_square else cells[..., 2:4]
    numbers = np.concatenate([sigmoid(cells[..., :2]), sizes], axis=2)
    boxes = boxes_of_cells(
        detector.rule, numbers, grid, stride, anchors=anchors, stretch=detector.stretch
    )
    return Boxes(boxes, sigmoid(cells[..., 4]), sigmoid(cells[..., 5:]))


def _without(
    detector: Detector, arrays: Sequence[np.ndarray], grid: np.ndarray, stride: np.ndarray
) -> Boxes:
    box, scores = arrays[0].T, sigmoid(arrays[-1].T)[None]
    if detector.bins > 1:
        box = mean_distances(box, detector.bins)
    boxes = boxes_of_cells(detector.rule, box, grid, stride)[None]
    is_sure = sigmoid(arrays[1]) if detector.rule is Rule.EXPONENTS else np.ones((1, len(box)))
    return Boxes(boxes, is_sure, scores)
