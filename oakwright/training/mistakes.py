"""What a detector takes for what, and in which pictures it is most often wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oakwright.dataset import Dataset, Sample

from .anchors import overlap
from .metrics import Detections

IOU = 0.5


@dataclass(frozen=True)
class PictureScore:
    """One picture at one threshold: boxes found, wrongly found and missed."""

    image_id: int
    right: int
    wrong: int
    missed: int

    @property
    def f1(self) -> float:
        """2 right / (2 right + wrong + missed); 1 where there is nothing and nothing was found."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0


@dataclass(frozen=True, eq=False)
class Mistakes:
    """At ``threshold``: ``confusion`` int [classes + 1, classes + 1], rows what is there, columns
    what was said, last of both: nothing; ``pictures``, the worst first.
    """

    threshold: float
    confusion: np.ndarray
    pictures: tuple[PictureScore, ...]


def find_mistakes(dataset: Dataset, found: Mapping[int, Detections], threshold: float) -> Mistakes:
    """Match detections of at least ``threshold`` with boxes, whatever their class, at IoU .5.

    The pair that overlaps most is matched first, so that a wrong class is a confusion and not a
    miss beside a false alarm. Crowd boxes are neither missed, nor wrong to find.
    """
    count = len(dataset.classes)
    confusion = np.zeros((count + 1, count + 1), np.int64)
    scores = []
    for sample in dataset.samples:
        detected = found.get(sample.image_id, Detections.none())
        table = _one(sample, detected, threshold, count)
        right = int(np.trace(table))
        scores.append(
            PictureScore(
                sample.image_id,
                right,
                wrong=int(table[:, :-1].sum()) - right,
                missed=int(table[:-1].sum()) - right,
            )
        )
        confusion += table
    scores.sort(key=lambda score: (score.f1, -(score.wrong + score.missed), score.image_id))
    return Mistakes(threshold, confusion, tuple(scores))


def _one(sample: Sample, detected: Detections, threshold: float, count: int) -> np.ndarray:
    table = np.zeros((count + 1, count + 1), np.int64)
    sure = detected.scores >= threshold
    boxes, said = detected.boxes[sure], detected.labels[sure]
    wanted, labels = sample.boxes[~sample.crowd], sample.labels[~sample.crowd]
    both = overlap(wanted, boxes)
    # A right class wins where two boxes overlap about the same.
    rank = both + 1e-3 * (labels[:, None] == said[None])
    rank[both < IOU] = -1
    is_free = np.ones(len(boxes), bool)
    is_missed = np.ones(len(wanted), bool)
    for flat in np.argsort(-rank, axis=None, kind="stable"):
        i, j = divmod(int(flat), len(boxes))
        if rank[i, j] < 0:
            break
        if is_missed[i] and is_free[j]:
            table[labels[i], said[j]] += 1
            is_missed[i] = is_free[j] = False
    np.add.at(table[:, count], labels[is_missed], 1)
    crowds = sample.boxes[sample.crowd]
    if len(crowds):
        is_free &= ~(_inside(boxes, crowds) >= IOU).any(1)
    np.add.at(table[count], said[is_free], 1)
    return table


def _inside(boxes: np.ndarray, crowds: np.ndarray) -> np.ndarray:
    """The share of each box [n, 4] that lies in each crowd [m, 4], as COCO counts it."""
    low = np.maximum(boxes[:, None, :2], crowds[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    share: np.ndarray = both / np.maximum(area, 1e-9)[:, None]
    return share


def best_threshold(precision: np.ndarray, thresholds: np.ndarray) -> float:
    """The score at which F1 is best at IoU .5, over all classes alike.

    Arguments are those of :class:`oakwright.training.Metrics`. 0.5 where nothing is found.
    """
    recall = np.linspace(0, 1, precision.shape[1])[:, None]
    known = precision[0] > -1
    p = np.where(known, precision[0], 0)
    f1 = 2 * p * recall / np.maximum(p + recall, 1e-9)
    candidates = np.unique(np.round(thresholds[0][known & (precision[0] > 0)], 2))
    candidates = candidates[(candidates > 0) & (candidates < 1)]
    if not candidates.size:
        return 0.5
    means = []
    for candidate in candidates:
        # The largest recall that is had at this score, class by class.
        has_it = known & (thresholds[0] >= candidate) & (precision[0] > 0)
        row = np.where(has_it.any(0), len(recall) - 1 - np.argmax(has_it[::-1], 0), 0)
        value = np.where(has_it.any(0), f1[row, np.arange(f1.shape[1])], 0)
        means.append(value[known.any(0)].mean())
    return float(candidates[int(np.argmax(means))])
