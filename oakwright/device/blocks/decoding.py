"""From a detector's tensors to boxes: MobileNet-SSD's and the YOLO family's.

SSD: DetectionOutput's rows (image, label, confidence, x0, y0, x1, y1), a negative image ends them.
YOLO: which rule an output follows is told by the anchors and by its name, as the vendor's
conversion tool gives it (``output1_yolov5``). Boxes are in units of the network's picture.

| rule | outputs | centre, size |
|---|---|---|
| v3, v4 | anchors; region's logistic applied or not | (cell + x), exp(w) of the anchor |
| v5, v7 | anchors; sigmoid applied to all | (cell + 2x - 0.5), (2w)^2 of the anchor |
| v6 first release | none | (cell + x), exp(w), in cells |
| v6 later, v8 | none | distances to the four sides, in cells, from the cell's centre |

A box must be as sure as the threshold twice: by its fifth number and by its score. Boxes are cut to
the picture, those with no area left dropped; then the surest stay, and whatever overlaps one of
them by the threshold or more goes, of whichever class. That is how DepthAI v3's parser does it,
which the tests compare with; the v2 device's own rules are not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detection:
    """A box, 0..1 of the picture, with its class and how sure the network is."""

    label: int
    confidence: float
    xmin: float
    ymin: float
    xmax: float
    ymax: float


@dataclass(frozen=True)
class YoloLayout:
    """Classes, anchors (w0, h0, w1, h1, ... pixels) and which of them each output uses.

    ``masks`` is keyed as scripts write it, ``side26``: by the output's width in cells.
    """

    classes: int
    anchors: tuple[float, ...]
    masks: Mapping[str, tuple[int, ...]]


def decode_ssd(rows: np.ndarray, threshold: float) -> list[Detection]:
    """Detections of a DetectionOutput tensor of any shape with 7 values per row."""
    found = []
    for image, label, confidence, x0, y0, x1, y1 in rows.reshape(-1, 7).astype(np.float64):
        if image < 0:
            break
        if confidence >= threshold:
            found.append(Detection(int(label), confidence, x0, y0, x1, y1))
    return found


def decode_yolo(
    tensors: Mapping[str, np.ndarray],
    layout: YoloLayout,
    picture: tuple[int, int],
    threshold: float,
    iou: float,
) -> list[Detection]:
    """Detections of all outputs together, surest first; see the module."""
    boxes, scores, labels = [], [], []
    for name, tensor in tensors.items():
        if tensor.ndim != 4:
            continue
        grid = tensor[0].astype(np.float32)
        decode = _with_anchors if layout.anchors else _without_anchors
        part = decode(name, grid, layout, picture, threshold)
        boxes.append(part[0])
        scores.append(part[1])
        labels.append(part[2])
    if not boxes:
        return []
    box, score, label = (np.concatenate(parts) for parts in (boxes, scores, labels))
    box = np.clip(box, 0, 1)
    has_area = (box[:, 2:] > box[:, :2]).all(axis=1)
    box, score, label = box[has_area], score[has_area], label[has_area]
    return [
        Detection(int(label[i]), float(score[i]), *(float(v) for v in box[i]))
        for i in suppress(box, score, iou)
    ]


_Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def _with_anchors(
    name: str, grid: np.ndarray, layout: YoloLayout, picture: tuple[int, int], threshold: float
) -> _Found:
    """A grid of A x (4 + 1 + classes) channels."""
    channels, rows, columns = grid.shape
    size = 5 + layout.classes
    mask = layout.masks.get(f"side{columns}") or tuple(range(channels // size))
    if len(mask) * size != channels:
        raise ValueError(
            f"output '{name}' has {channels} channels, {len(mask)} anchors of {size} were expected"
        )
    cells = grid.reshape(len(mask), size, rows, columns)
    sizes = np.array(layout.anchors, np.float32).reshape(-1, 2)[list(mask)]
    is_v5 = "yolov5" in name or "yolov7" in name
    # Only logits leave 0..1 where an objectness or a class score stands.
    if not is_v5 and (cells[:, 4:].min() < 0 or cells[:, 4:].max() > 1):
        cells[:, 4:] = _sigmoid(cells[:, 4:])
        cells[:, :2] = _sigmoid(cells[:, :2])
    score = cells[:, 4] * cells[:, 5:].max(axis=1)
    anchor, y, x = np.nonzero((score >= threshold) & (cells[:, 4] >= threshold))
    values = cells[anchor, :, y, x]
    at = np.stack([x, y], axis=1)
    if is_v5:
        centre = (at + 2 * values[:, :2] - 0.5) / (columns, rows)
        extent = (2 * values[:, 2:4]) ** 2 * sizes[anchor] / picture
    else:
        centre = (at + values[:, :2]) / (columns, rows)
        extent = np.exp(values[:, 2:4]) * sizes[anchor] / picture
    boxes = np.concatenate([centre - extent / 2, centre + extent / 2], axis=1)
    return boxes, score[anchor, y, x], values[:, 5:].argmax(axis=1)


def _without_anchors(
    name: str, grid: np.ndarray, layout: YoloLayout, picture: tuple[int, int], threshold: float
) -> _Found:
    """Four numbers of the box, objectness, class scores."""
    channels, rows, columns = grid.shape
    if channels != 5 + layout.classes:
        raise ValueError(
            f"output '{name}' has {channels} channels, {5 + layout.classes} were expected"
        )
    score = grid[5:].max(axis=0)
    is_first_v6 = name.endswith("yolov6")
    if is_first_v6:
        score = score * grid[4]
    y, x = np.nonzero((score >= threshold) & (grid[4] >= threshold))
    values = grid[:, y, x].T
    cell = np.stack([x, y], axis=1)
    if is_first_v6:
        centre, half = cell + values[:, :2], np.exp(values[:, 2:4]) / 2
        low, high = centre - half, centre + half
    else:
        low, high = cell + 0.5 - values[:, :2], cell + 0.5 + values[:, 2:4]
    boxes = np.concatenate([low, high], axis=1) / (columns, rows, columns, rows)
    return boxes, score[y, x], values[:, 5:].argmax(axis=1)


def suppress(boxes: np.ndarray, scores: np.ndarray, iou: float) -> list[int]:
    """Indices, surest first, of boxes (N x 4: x0, y0, x1, y1) that no surer one overlaps.

    Two overlap where their intersection is at least ``iou`` of their union.
    """
    order = np.argsort(-scores, kind="stable")
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        union = np.maximum(area[best] + area[rest] - shared, 1e-12)
        order = rest[shared / union < iou]
    return kept


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))
