"""What the network says, turned into boxes; and a whole dataset run through it."""

from __future__ import annotations

from typing import Any

import numpy as np

from oakwright.dataset import Dataset, Sample

from .anchors import decode, overlap, priors
from .metrics import Detections
from .pictures import Pictures
from .template import Model

_BATCH = 16


def detections(
    offsets: np.ndarray, scores: np.ndarray, anchors: np.ndarray, model: Model, sample: Sample
) -> Detections:
    """Detections of one picture, in its pixels, by DetectionOutput's rules.

    Boxes are cut to the picture, then of each class the overlapping lesser ones go; at most
    ``model.most`` stay, best first.

    Args:
        offsets: [A, 4]; ``scores`` [A, C + 1], after softmax, background first.
        anchors: [A, 4] of :func:`oakwright.training.priors`.
        model, sample: what counts as a detection; the picture's width and height.
    """
    boxes = np.clip(decode(offsets, anchors), 0, 1)
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    for label in range(scores.shape[1] - 1):
        values = scores[:, label + 1]
        chosen = np.flatnonzero(values > model.score)
        chosen = chosen[np.argsort(-values[chosen], kind="stable")][: model.most]
        chosen = chosen[suppress(boxes[chosen], model.iou)]
        found.append((boxes[chosen], values[chosen], label))
    all_scores = np.concatenate([values for _, values, _ in found])
    order = np.argsort(-all_scores, kind="stable")[: model.most]
    pixels = np.array([sample.width, sample.height] * 2, np.float32)
    labels = np.concatenate([np.full(len(v), label, np.int64) for _, v, label in found])
    all_boxes = np.concatenate([b for b, _, _ in found])[order] * pixels
    return Detections(all_boxes, all_scores[order].astype(np.float32), labels[order])


def suppress(boxes: np.ndarray, iou: float) -> np.ndarray:
    """Places of the boxes [n, 4], best first, that no better one overlaps by more than ``iou``."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    covers = overlap(boxes, boxes) > iou
    is_gone = np.zeros(len(boxes), bool)
    for i in range(len(boxes)):
        if not is_gone[i]:
            is_gone[i + 1 :] |= covers[i, i + 1 :]
    return np.flatnonzero(~is_gone)


def normalised(pictures: Any, model: Model) -> Any:
    """uint8 [n, 3, h, w] in the model's colour order to what the network takes: float32."""
    import torch

    mean = torch.tensor(model.mean, device=pictures.device).view(1, 3, 1, 1)
    scale = torch.tensor(model.scale, device=pictures.device).view(1, 3, 1, 1)
    return (pictures.float() - mean).div_(scale)


def detect(
    network: Any, dataset: Dataset, model: Model, pictures: Pictures
) -> dict[int, Detections]:
    """Detections in every picture of ``dataset`` by its image_id; the network is in eval mode."""
    import torch

    anchors = priors(model)
    device = next(network.parameters()).device
    found = {}
    with torch.inference_mode():
        for first in range(0, len(dataset), _BATCH):
            samples = dataset.samples[first : first + _BATCH]
            stack = np.stack([pictures[first + i] for i in range(len(samples))])
            batch = torch.from_numpy(stack).to(device).permute(0, 3, 1, 2)
            offsets, logits = network(normalised(batch, model))
            scores = logits.float().softmax(-1).cpu().numpy()
            rows = zip(samples, offsets.float().cpu().numpy(), scores, strict=True)
            for sample, offset, score in rows:
                found[sample.image_id] = detections(offset, score, anchors, model, sample)
    return found
