"""Anchors: the boxes that a detector corrects, and how they are found from the data's boxes.

Order everywhere: scale by scale, then row, column, anchor of the cell. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .template import Model, Scale

# How much of an anchor's size one unit of the network's output moves a box: centre, size.
VARIANCES = (0.1, 0.1, 0.2, 0.2)
# exp() of more than this makes boxes far beyond any picture.
_LARGEST_EXPONENT = 8.0


def priors(model: Model) -> np.ndarray:
    """Every anchor as left, top, right, bottom in units of the input: float32 [A, 4]."""
    parts = []
    for scale, (rows, columns) in zip(model.scales, model.cells, strict=True):
        y, x = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, indexing="ij")
        centres = np.stack([x * scale.stride / model.width, y * scale.stride / model.height], -1)
        half = np.array(scale.anchors, np.float64) / 2
        low, high = centres[:, :, None] - half, centres[:, :, None] + half
        parts.append(np.concatenate([low, high], -1).reshape(-1, 4))
    return np.concatenate(parts).astype(np.float32)


def encode(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """What the network should say at ``anchors`` [n, 4] for ``boxes`` [n, 4]: float32 [n, 4]."""
    centre, size = _centred(boxes)
    anchor_centre, anchor_size = _centred(anchors)
    moved = (centre - anchor_centre) / anchor_size / VARIANCES[:2]
    grown = np.log(np.maximum(size, 1e-6) / anchor_size) / VARIANCES[2:]
    return np.concatenate([moved, grown], 1).astype(np.float32)


def decode(offsets: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Boxes [..., A, 4] for the network's ``offsets`` [..., A, 4]; the inverse of encode."""
    anchor_centre, anchor_size = _centred(anchors)
    centre = anchor_centre + offsets[..., :2] * VARIANCES[:2] * anchor_size
    grown = np.minimum(offsets[..., 2:] * VARIANCES[2:], _LARGEST_EXPONENT)
    half = np.exp(grown) * anchor_size / 2
    return np.concatenate([centre - half, centre + half], -1).astype(np.float32)


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes ``a`` [n, 4] and ``b`` [m, 4]: [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.maximum(high - low, 0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    return np.asarray(both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-12))


def cluster(sizes: np.ndarray, count: int, seed: int = 0, tries: int = 5) -> np.ndarray:
    """``count`` sizes that stand for ``sizes`` [n, 2], by k-means with 1 - IoU as the distance.

    Redmon and Farhadi, 2016 (arXiv 1612.08242), section 2; medians in place of means, the best of
    several starts. Ordered by area: [count, 2]. Fewer different sizes than ``count`` are spread.
    """
    different = np.unique(sizes, axis=0)
    if len(different) < count:
        spread = [different * factor for factor in (1, 1.5, 0.67, 2.0, 0.5, 2.8, 0.35)]
        while sum(map(len, spread)) < count:
            spread.append(spread[-1] * 0.8)
        return _by_area(np.clip(np.concatenate(spread)[:count], 1e-3, 1.2))
    rng = np.random.default_rng(seed)
    if len(sizes) > 20_000:
        sizes = sizes[rng.choice(len(sizes), 20_000, replace=False)]
    found = [_k_means(sizes, different[rng.choice(len(different), count, replace=False)])
             for _ in range(tries)]  # fmt: skip
    return _by_area(max(found, key=lambda centres: fit(sizes, centres)))


def fit(sizes: np.ndarray, anchors: np.ndarray) -> float:
    """Mean IoU of each size [n, 2] with the best of ``anchors`` [k, 2], laid on one centre."""
    return float(_alike(sizes, anchors).max(1).mean())


def fit_to(model: Model, sizes: np.ndarray, seed: int = 0) -> tuple[Scale, ...]:
    """The model's scales with as many anchors as before, found from the data's ``sizes`` [n, 2].

    Sizes are in units of the input; the small anchors go to the fine scale.
    """
    counts = [len(scale.anchors) for scale in model.scales]
    found = np.round(cluster(sizes, sum(counts), seed), 5).tolist()
    scales = []
    for scale, count in zip(model.scales, counts, strict=True):
        mine, found = found[:count], found[count:]
        scales.append(Scale(scale.stage, tuple((w, h) for w, h in mine)))
    return tuple(scales)


def _k_means(sizes: np.ndarray, centres: np.ndarray) -> np.ndarray:
    nearest: np.ndarray | None = None
    for _ in range(60):
        now = _alike(sizes, centres).argmax(1)
        if nearest is not None and (now == nearest).all():
            break
        nearest = now
        rows = [sizes[now == k] for k in range(len(centres))]
        centres = np.array([np.median(r, 0) if len(r) else centres[k] for k, r in enumerate(rows)])
    return centres


def _alike(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    both = np.minimum(sizes[:, None], anchors[None]).prod(-1)
    return np.asarray(both / (sizes.prod(-1)[:, None] + anchors.prod(-1)[None] - both))


def _by_area(sizes: np.ndarray) -> np.ndarray:
    return np.asarray(sizes[np.argsort(sizes.prod(-1), kind="stable")])


def _centred(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]


def stated(scales: Sequence[Scale]) -> list[dict[str, object]]:
    """Scales as a template has them."""
    return [{"stage": s.stage, "anchors": [list(pair) for pair in s.anchors]} for s in scales]
