"""How the numbers of a YOLO detector's cell become a box: one rule for each line of families.

Units: s is the stride of a grid in pixels, g a cell's index, a the anchor in pixels; sig is the
logistic function:

=========  ==========================  =====================  ==============================
rule       centre                      size                   published as
=========  ==========================  =====================  ==============================
anchors    (b sig(t) - (b-1)/2 + g) s  a exp(t)               v3 (b = 1), v4 (b = 1.05 .. 1.2)
squares    (2 sig(t) - 0.5 + g) s      a (2 sig(t))^2         v5, v7
exponents  (t + g) s                   s exp(t)               v6's first release, YOLOX
distances  four distances d s from the cell's centre          v6 later, v8, v9, v10, v11
=========  ==========================  =====================  ==============================

A distance is a plain number, or the mean of a distribution over 0, 1, .. k-1 whose logits the
network gives (distribution focal loss, arXiv 2006.04388).
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from .classes import softmax


class Rule(str, Enum):
    """How a cell's numbers become a box; see the module."""

    ANCHORS = "anchors"
    SQUARES = "squares"
    EXPONENTS = "exponents"
    DISTANCES = "distances"


def boxes_of_cells(
    rule: Rule,
    values: np.ndarray,
    cells: np.ndarray,
    stride: np.ndarray | float,
    *,
    anchors: np.ndarray | float = 1.0,
    stretch: float = 1.0,
) -> np.ndarray:
    """Centre x, centre y, width, height [..., 4] in pixels.

    ``values`` [..., 4]: the cell's numbers with the logistic function applied where the rule has
    it, and distances already means. ``cells`` [..., 2]: column and row. ``stride`` [2] (across,
    down) and ``anchors`` [..., 2]: pixels. ``stretch``: b of the rule ``anchors``.
    """
    first, second = values[..., :2], values[..., 2:4]
    if rule is Rule.ANCHORS:
        centre = (stretch * first - (stretch - 1) / 2 + cells) * stride
        size = np.exp(second) * anchors
    elif rule is Rule.SQUARES:
        centre = (2 * first - 0.5 + cells) * stride
        size = (2 * second) ** 2 * anchors
    elif rule is Rule.EXPONENTS:
        centre, size = (first + cells) * stride, np.exp(second) * stride
    else:
        centre = (cells + 0.5 + (second - first) / 2) * stride
        size = (first + second) * stride
    return np.concatenate([centre, size], axis=-1)


def mean_distances(logits: np.ndarray, bins: int) -> np.ndarray:
    """Distances [..., 4] of [..., 4 x bins] logits."""
    shares = softmax(logits.reshape(*logits.shape[:-1], 4, bins))
    return np.asarray(shares @ np.arange(bins))


def sigmoid(values: np.ndarray) -> np.ndarray:
    """The logistic function, float64; never overflows."""
    values = np.asarray(values, np.float64)
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, small) / (1 + small))
