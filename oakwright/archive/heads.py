"""Heads that DepthAI's parsers read: classification, SSD and YOLO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oakwright.errors import UsageError

from .config import Head

Anchors = Sequence[Sequence[Sequence[float]]]


def classification_head(
    classes: Sequence[str], output: str, *, is_softmax: bool, parser: str = "ClassificationParser"
) -> Head:
    """One score for each class; ``is_softmax`` where they are probabilities already."""
    metadata = {"classes": list(classes), "n_classes": len(classes), "is_softmax": is_softmax}
    return Head(parser, metadata, (output,))


def ssd_head(
    classes: Sequence[str],
    output: str,
    *,
    confidence: float = 0.5,
    iou: float = 0.5,
    most: int = 300,
) -> Head:
    """A DetectionOutput, whose rows hold boxes and scores together: both are named by it."""
    metadata = _detection(classes, confidence, iou, most)
    metadata |= {"anchors": None, "boxes_outputs": output, "scores_outputs": output}
    return Head("SSD", metadata, (output,))


def yolo_head(
    classes: Sequence[str],
    outputs: Sequence[str],
    *,
    subtype: str,
    strides: Sequence[int],
    anchors: Anchors | None = None,
    confidence: float = 0.5,
    iou: float = 0.5,
    most: int = 300,
) -> Head:
    """A YOLO detector: one output for each grid, the finest first; ``subtype`` as ``yolov5``.

    ``anchors``: by output, then by anchor, width and height in pixels; None where there are none.
    """
    if anchors is not None and len(anchors) != len(outputs):
        raise UsageError(f"{len(anchors)} groups of anchors, {len(outputs)} outputs", key="anchors")
    metadata = _detection(classes, confidence, iou, most)
    metadata |= {
        "anchors": [[list(map(float, pair)) for pair in group] for group in anchors]
        if anchors is not None
        else None,
        "yolo_outputs": list(outputs),
        "subtype": subtype,
        "strides": list(strides),
    }
    return Head("YOLO", metadata, tuple(outputs))


def _detection(classes: Sequence[str], confidence: float, iou: float, most: int) -> dict[str, Any]:
    return {
        "classes": list(classes),
        "n_classes": len(classes),
        "iou_threshold": iou,
        "conf_threshold": confidence,
        "max_det": most,
    }
