"""COCO's numbers for detections: the twelve, per class, and the curves behind them.

Counted by faster-coco-eval (Apache-2.0), which gives what pycocotools gives; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oakwright.dataset import Dataset
from oakwright.errors import DatasetError, UsageError

# COCO's twelve, in its order: (our key, what it is).
STATS = (
    ("AP", "AP @ [IoU=0.50:0.95 | area=all | maxDets=100]"),
    ("AP50", "AP @ [IoU=0.50 | area=all | maxDets=100]"),
    ("AP75", "AP @ [IoU=0.75 | area=all | maxDets=100]"),
    ("AP_small", "AP @ [IoU=0.50:0.95 | area=small | maxDets=100]"),
    ("AP_medium", "AP @ [IoU=0.50:0.95 | area=medium | maxDets=100]"),
    ("AP_large", "AP @ [IoU=0.50:0.95 | area=large | maxDets=100]"),
    ("AR_1", "AR @ [IoU=0.50:0.95 | area=all | maxDets=1]"),
    ("AR_10", "AR @ [IoU=0.50:0.95 | area=all | maxDets=10]"),
    ("AR_100", "AR @ [IoU=0.50:0.95 | area=all | maxDets=100]"),
    ("AR_small", "AR @ [IoU=0.50:0.95 | area=small | maxDets=100]"),
    ("AR_medium", "AR @ [IoU=0.50:0.95 | area=medium | maxDets=100]"),
    ("AR_large", "AR @ [IoU=0.50:0.95 | area=large | maxDets=100]"),
)


@dataclass(frozen=True, eq=False)
class Detections:
    """What a network found in one picture.

    ``boxes`` float32 [k, 4], left, top, right, bottom in pixels of the upright picture;
    ``scores`` float32 [k], 0 to 1; ``labels`` int64 [k], places in the dataset's classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    @classmethod
    def none(cls) -> Detections:
        """Nothing found."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class ClassScore:
    """One class: AP and AP50 (-1 where there is no box of it), how many boxes there are."""

    name: str
    ap: float
    ap50: float
    boxes: int


@dataclass(frozen=True, eq=False)
class Metrics:
    """COCO's numbers, 0 to 1, -1 where COCO has none (no box of that size, say).

    ``precision`` and ``thresholds``, float64 [10, 101, classes]: precision, and the score at
    which it is had, at IoU .5 to .95 and recall 0 to 1; -1 for classes without boxes.
    """

    stats: Mapping[str, float]
    classes: tuple[ClassScore, ...]
    precision: np.ndarray
    thresholds: np.ndarray

    @property
    def ap(self) -> float:
        """COCO's AP, IoU .5 to .95."""
        return self.stats["AP"]


def coco_metrics(dataset: Dataset, found: Mapping[int, Detections]) -> Metrics:
    """The metrics of ``found`` (by image_id; a picture that is missing has no detections).

    Crowd boxes are neither wanted nor wrong to find. Raises DatasetError where the dataset has
    no box to be found, UsageError where faster-coco-eval is missing.
    """
    if not any((~sample.crowd).any() for sample in dataset.samples):
        raise DatasetError(
            f"there is nothing to compare with: {len(dataset)} pictures and no box of "
            + (", ".join(dataset.classes) or "any class"),
            remedy="give a set with boxes, and look whether the classes' names are right",
        )
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise UsageError(
            "evaluation needs faster-coco-eval, which is not installed",
            remedy="pip install 'oakwright[train]'",
        ) from error
    truth = COCO(_truth(dataset), print_function=_say_nothing)
    guess = truth.loadRes(_results(dataset, found))
    counted = COCOeval_faster(truth, guess, "bbox", print_function=_say_nothing)
    counted.evaluate()
    counted.accumulate()
    counted.summarize()
    stats = {key: float(counted.all_stats[i]) for i, (key, _) in enumerate(STATS)}
    # [IoU, recall, class, area, most]: all areas, the largest number of detections.
    precision = np.asarray(counted.eval["precision"])[:, :, :, 0, -1]
    thresholds = np.asarray(counted.eval["scores"])[:, :, :, 0, -1]
    counts = np.zeros(len(dataset.classes), int)
    for sample in dataset.samples:
        np.add.at(counts, sample.labels[~sample.crowd], 1)
    classes = tuple(
        ClassScore(name, _mean(precision[:, :, i]), _mean(precision[0, :, i]), int(counts[i]))
        for i, name in enumerate(dataset.classes)
    )
    return Metrics(stats, classes, precision, thresholds)


def _truth(dataset: Dataset) -> dict[str, Any]:
    """As COCO json has it; pictures and classes are counted from 1."""
    annotations: list[dict[str, Any]] = []
    for number, sample in enumerate(dataset.samples, 1):
        sides = sample.boxes.astype(np.float64)
        sides[:, 2:] -= sides[:, :2]
        rows = zip(
            sides.tolist(),
            sample.labels.tolist(),
            sample.crowd.tolist(),
            sample.areas.tolist(),
            strict=True,
        )
        for box, label, crowd, area in rows:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label + 1,
                    "bbox": box,
                    "area": area,
                    "iscrowd": int(crowd),
                }
            )
    return {
        "images": [
            {"id": number, "width": sample.width, "height": sample.height}
            for number, sample in enumerate(dataset.samples, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(dataset.classes, 1)],
    }


def _results(dataset: Dataset, found: Mapping[int, Detections]) -> list[dict[str, Any]]:
    results = []
    for number, sample in enumerate(dataset.samples, 1):
        detections = found.get(sample.image_id)
        if detections is None:
            continue
        sides = detections.boxes.astype(np.float64)
        sides[:, 2:] -= sides[:, :2]
        rows = zip(
            sides.tolist(), detections.scores.tolist(), detections.labels.tolist(), strict=True
        )
        for box, score, label in rows:
            results.append(
                {"image_id": number, "category_id": label + 1, "bbox": box, "score": score}
            )
    return results


def _mean(values: np.ndarray) -> float:
    """Over what is defined, as COCO has it."""
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def _say_nothing(*_: object, **__: object) -> None:
    pass
