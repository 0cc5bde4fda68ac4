"""SSD detectors: rows of a DetectionOutput, or raw locations and scores with their priors."""

from __future__ import annotations

import numpy as np

from oakwright.errors import ModelError

from .detections import Detections, detections
from .overlap import suppress


def read_rows(rows: np.ndarray, confidence: float = 0.5) -> Detections:
    """Detections of a DetectionOutput tensor: any shape that holds rows of 7 numbers.

    A row is image, label, confidence, x0, y0, x1, y1; a negative image ends the list. Raises
    ModelError where the numbers are not rows of 7.
    """
    values = np.asarray(rows, np.float32).reshape(-1)
    if values.size % 7:
        raise ModelError(
            f"{values.size} numbers are no rows of 7: this is not an SSD's DetectionOutput",
            remedy="look at the network's outputs with: oakwright inspect FILE.blob",
        )
    table = values.reshape(-1, 7)
    ends = np.flatnonzero(table[:, 0] < 0)
    table = table[: ends[0]] if len(ends) else table
    table = table[table[:, 2] >= confidence]
    return detections(table[:, 3:7], table[:, 2], table[:, 1])


def decode_priors(
    locations: np.ndarray,
    scores: np.ndarray,
    priors: np.ndarray,
    *,
    variances: np.ndarray | tuple[float, ...] = (0.1, 0.1, 0.2, 0.2),
    confidence: float = 0.5,
    iou: float = 0.45,
    background: int = 0,
    most: int = 200,
) -> Detections:
    """What an SSD's raw heads say, as DetectionOutput with code type CENTER_SIZE does.

    ``locations`` [P,4]: shifts of centre and logarithms of size, in units of ``variances`` ([4],
    or [P,4] for each prior its own). ``scores`` [P,C]: probabilities with the class
    ``background`` among them (-1: there is none). ``priors`` [P,4]: x0, y0, x1, y1, shares of the
    picture. ``most`` boxes of a class compete, and so many stay in all. Formula: SSD, arXiv
    1512.02325, section 2.2. Raises ModelError where the sizes do not fit.
    """
    table = np.asarray(scores, np.float64)
    priors = np.asarray(priors, np.float64).reshape(-1, 4)
    shifts = np.asarray(locations, np.float64).reshape(-1, 4)
    if table.ndim != 2 or not len(table) == len(priors) == len(shifts):
        raise ModelError(
            f"scores {table.shape}, {len(shifts)} locations and {len(priors)} priors do not fit"
        )
    boxes = _boxes(shifts * np.asarray(variances, np.float64), priors)
    parts = []
    for label in range(table.shape[1]):
        if label == background:
            continue
        sure = np.flatnonzero(table[:, label] > confidence)
        if len(sure):
            sure = sure[np.argsort(-table[sure, label], kind="stable")[:most]]
            stay = sure[suppress(boxes[sure], table[sure, label], iou)]
            parts.append((boxes[stay], table[stay, label], np.full(len(stay), label)))
    if not parts:
        return detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    return detections(*(np.concatenate(column) for column in zip(*parts, strict=True)))[:most]


def _boxes(shifts: np.ndarray, priors: np.ndarray) -> np.ndarray:
    size = priors[:, 2:] - priors[:, :2]
    centre = (priors[:, 2:] + priors[:, :2]) / 2 + shifts[:, :2] * size
    half = np.exp(shifts[:, 2:]) * size / 2
    return np.concatenate([centre - half, centre + half], axis=1)
