"""YOLO detectors on the host: of grids, as DepthAI's decoder reads them, and of finished rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.errors import ModelError, UnreadableModel, UsageError

from .detections import Detections, detections
from .overlap import suppress
from .yolo_rules import Rule, boxes_of_cells, sigmoid

_LONGEST_SETTINGS = 1 << 20
# Words in the names of outputs, as the vendor's converter and `oakwright yolo` give them.
_WORDS = (("yolov5", Rule.SQUARES), ("yolov7", Rule.SQUARES))
_FIRST_V6 = "yolov6"


@dataclass(frozen=True)
class YoloSettings:
    """What a YOLO blob's decoder has to know.

    ``anchors``: w0, h0, w1, h1, ... pixels; ``masks``: which of them a grid uses, by ``side26``,
    its width in cells; both empty where there are none. ``names``: classes by number, or empty.
    """

    classes: int
    anchors: tuple[float, ...] = ()
    masks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    confidence: float = 0.5
    iou: float = 0.5
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.classes < 1 or len(self.anchors) % 2:
            raise UsageError(f"{self.classes} classes, {len(self.anchors)} numbers of anchors")
        for key in ("confidence", "iou"):
            if not 0 < getattr(self, key) < 1:
                raise UsageError(f"{key} {getattr(self, key)} must be between 0 and 1", key=key)

    def to_json(self) -> str:
        """What ``read_settings`` reads."""
        values = {
            "classes": self.classes,
            "coordinates": 4,
            "anchors": list(self.anchors),
            "anchor_masks": {side: list(mask) for side, mask in self.masks.items()},
            "iou_threshold": self.iou,
            "confidence_threshold": self.confidence,
        }
        content = {
            "nn_config": {"NN_family": "YOLO", "NN_specific_metadata": values},
            "mappings": {"labels": list(self.names)},
        }
        return json.dumps(content, indent=2)


def read_settings(given: str | Path | Mapping[str, Any]) -> YoloSettings:
    """The settings in the JSON that `oakwright yolo` and Luxonis' converter write (or its content).

    Raises UnreadableModel (with ``path``) for what is no such JSON.
    """
    where = "the YOLO settings" if isinstance(given, Mapping) else str(given)
    try:
        content: Any = given
        if not isinstance(given, Mapping):
            with Path(given).open("rb") as file:
                content = json.loads(file.read(_LONGEST_SETTINGS))
        values = content["nn_config"]["NN_specific_metadata"]
        if int(values.get("coordinates", 4)) != 4:
            raise ValueError(f"coordinates is {values['coordinates']}, not 4")
        return YoloSettings(
            int(values["classes"]),
            tuple(float(n) for n in values["anchors"]),
            {str(k): tuple(int(n) for n in v) for k, v in values["anchor_masks"].items()},
            float(values.get("confidence_threshold", 0.5)),
            float(values.get("iou_threshold", 0.5)),
            tuple(str(n) for n in content.get("mappings", {}).get("labels", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise UnreadableModel(
            f"cannot read {where}: {type(error).__name__}: {error}",
            remedy="give the JSON that `oakwright yolo` writes beside the blob",
            path=where,
        ) from error


@dataclass(frozen=True)
class Yolo:
    """Decodes the outputs of a blob that a YoloDetectionNetwork could read.

    ``picture``: the network's width and height. A box must be as sure as the threshold by its
    objectness, and with its class; of one class, boxes that overlap by more than ``iou`` compete.
    """

    settings: YoloSettings
    picture: tuple[int, int]
    most: int = 300

    def __call__(self, tensors: Mapping[str, np.ndarray]) -> Detections:
        """Detections of outputs [1,C,rows,columns] together.

        Raises ModelError for channels that do not fit the settings.
        """
        parts = [self._grid(n, t) for n, t in tensors.items() if np.ndim(t) == 4]
        if not parts:
            raise ModelError(
                "none of the outputs is a grid [1,C,rows,columns]",
                remedy="for finished rows (centre, size, scores) take decode.yolo_rows",
            )
        boxes, scores, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
        return _best(boxes, scores, labels, self.settings.iou, self.most)

    def _grid(self, name: str, tensor: np.ndarray) -> tuple[np.ndarray, ...]:
        """Corners (shares), scores and labels of what is sure enough in one grid."""
        settings, (channels, rows, columns) = self.settings, tensor.shape[1:]
        side = f"side{columns}"
        size = 5 + settings.classes
        per_cell = 1
        if settings.anchors:
            everything = tuple(range(channels // size))
            mask = settings.masks.get(side) or everything
            per_cell = len(mask)
            table = np.array(settings.anchors, np.float64).reshape(-1, 2)
            if max(mask, default=0) >= len(table):
                raise ModelError(f"the mask {side} names anchor {max(mask)} of {len(table)}")
            anchors = table[list(mask)]
        if channels != per_cell * size:
            raise ModelError(
                f"output '{name}' has {channels} channels; {per_cell} anchors of"
                f" {size - 5} classes make {per_cell * size}",
                remedy="give the settings that were written with this blob",
            )
        cells = np.asarray(tensor[0], np.float64).reshape(per_cell, size, rows, columns)
        rule = _rule(name, bool(settings.anchors))
        if rule is Rule.ANCHORS and (cells[:, 4:].min() < 0 or cells[:, 4:].max() > 1):
            # Only logits leave 0..1 there: RegionYolo was not part of the blob.
            cells = cells.copy()
            cells[:, 4:], cells[:, :2] = sigmoid(cells[:, 4:]), sigmoid(cells[:, :2])
        score = cells[:, 5:].max(axis=1)
        if rule is not Rule.DISTANCES:
            score = score * cells[:, 4]
        is_sure = (score >= settings.confidence) & (cells[:, 4] >= settings.confidence)
        which, y, x = np.nonzero(is_sure)
        values = cells[which, :, y, x]
        stride = np.array(self.picture, np.float64) / (columns, rows)
        of_box = anchors[which] if settings.anchors else 1.0
        at = np.stack([x, y], axis=1)
        placed = boxes_of_cells(rule, values[:, :4], at, stride, anchors=of_box)
        return _corners(placed, self.picture), score[which, y, x], values[:, 5:].argmax(axis=1)


def yolo_rows(
    rows: np.ndarray,
    picture: tuple[int, int],
    *,
    has_objectness: bool,
    confidence: float = 0.5,
    iou: float = 0.5,
    most: int = 300,
) -> Detections:
    """Detections of a model that ends in its own decoding.

    ``rows`` [1,N,C] or [1,C,N] (whichever is shorter is C): centre x, centre y, width, height in
    pixels of ``picture`` (width, height), objectness if ``has_objectness`` (v5, v7, YOLOX), class
    scores. Raises ModelError for other shapes.
    """
    table = np.asarray(rows, np.float64)
    table = table.reshape(table.shape[-2:]) if table.ndim >= 2 else table
    first = 4 + has_objectness
    if table.ndim != 2 or min(table.shape) <= first:
        raise ModelError(f"an output {np.shape(rows)} holds no rows of boxes and class scores")
    table = table.T if table.shape[0] < table.shape[1] else table
    scores = table[:, first:] * (table[:, 4:5] if has_objectness else 1)
    labels = scores.argmax(axis=1)
    sure = scores.max(axis=1)
    keep = sure >= confidence
    return _best(_corners(table[keep, :4], picture), sure[keep], labels[keep], iou, most)


def _rule(name: str, has_anchors: bool) -> Rule:
    if has_anchors:
        return next((rule for word, rule in _WORDS if word in name), Rule.ANCHORS)
    return Rule.EXPONENTS if name.endswith(_FIRST_V6) else Rule.DISTANCES


def _best(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, iou: float, most: int
) -> Detections:
    """What stays of boxes that have something in the picture."""
    inside = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    stay = inside[suppress(boxes[inside], scores[inside], iou, labels=labels[inside], most=most)]
    return detections(boxes[stay], scores[stay], labels[stay])


def _corners(placed: np.ndarray, picture: Sequence[float]) -> np.ndarray:
    """Centre and size in pixels as corners in shares, cut to the picture."""
    low = placed[:, :2] - placed[:, 2:] / 2
    high = placed[:, :2] + placed[:, 2:] / 2
    corners = np.concatenate([low, high], axis=1) / [*picture, *picture]
    return np.asarray(np.clip(corners, 0, 1))
