"""Single-shot detectors: DetectionOutput (SSD) and RegionYolo.

Formulas as in the operations of the same names of OpenVINO's opset 1.
"""

from __future__ import annotations

import numpy as np

from oakwright.blob import CodeType, DetectionOutputParams, RegionYoloParams

from .activation import sigmoid
from .boxes import by_falling_score, suppress
from .tensor import Array, Form, Tensor

# Columns of a row of detections.
ROW = 7  # image, label, confidence, x0, y0, x1, y1


def region_yolo(params: RegionYoloParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """RegionYolo (29): sigmoid on x, y and objectness; classes softmax or sigmoid; w, h raw."""
    x = inputs[0].as_planes()
    n, _, height, width = x.shape
    regions = params.num if params.do_softmax else params.mask_size
    entries = params.classes + params.coords + 1
    y = x[:, : regions * entries].reshape(n, regions, entries, height, width).copy()
    y[:, :, :2] = sigmoid(y[:, :, :2])
    y[:, :, params.coords] = sigmoid(y[:, :, params.coords])
    classes = y[:, :, params.coords + 1 :]
    if params.do_softmax:
        powers = np.exp(classes - classes.max(axis=2, keepdims=True))
        y[:, :, params.coords + 1 :] = powers / powers.sum(axis=2, keepdims=True)
    else:
        y[:, :, params.coords + 1 :] = sigmoid(classes)
    return y.reshape(outputs[0].shape)


def detection_output(
    params: DetectionOutputParams, inputs: list[Tensor], outputs: list[Form]
) -> Array:
    """DetectionOutput (37): decode the boxes of an SSD, suppress, write rows of seven.

    The list ends with a row whose image is -1, unless it is full.
    """
    locations, confidences, priors = (t.values for t in inputs[:3])
    count, classes = params.num_priors, params.num_classes
    per_class = 1 if params.share_location else classes
    locations = locations.reshape(params.num, count, per_class, 4)
    confidences = confidences.reshape(params.num, count, classes)
    boxes, variances = _priors(params, priors)
    rows: list[Array] = []
    for image in range(params.num):
        origin, scores = boxes, confidences[image]
        if params.has_arm_inputs:
            arm_confidences, arm_locations = (t.values for t in inputs[3:5])
            objectness = arm_confidences.reshape(params.num, count, 2)[image, :, 1]
            scores = _without_objectless(params, scores, objectness)
            shifts = arm_locations.reshape(params.num, count, 1, 4)[image]
            origin = decode(params, boxes, variances, shifts)[:, 0]
        decoded = decode(params, origin, variances, locations[image])
        if params.clip_before_nms:
            decoded = np.clip(decoded, 0, 1)
        found = (
            _per_prior(params, decoded, scores)
            if params.decrease_label_id
            else (_per_class(params, decoded, scores))
        )
        rows += [_rows(params, image, decoded, scores, found)]
    out = np.zeros((int(np.prod(outputs[0].shape)) // ROW, ROW), np.float32)
    listed = np.concatenate(rows)[: len(out)]
    out[: len(listed)] = listed
    if len(listed) < len(out):
        out[len(listed), 0] = -1
    return out.reshape(outputs[0].shape)


def _priors(params: DetectionOutputParams, priors: Array) -> tuple[Array, Array]:
    """Boxes (P, 4) in 0..1, and their variances (P, 4) or ones."""
    size = 4 if params.normalized else 5  # the fifth, first in its row, is an image number
    table = priors.reshape(-1, params.num_priors * size)
    boxes = table[0].reshape(-1, size)[:, -4:]
    if not params.normalized:
        w, h = params.image_width, params.image_height
        boxes = boxes / np.array([w, h, w, h], np.float32)
    if params.variance_encoded_in_target or len(table) == 1:
        return boxes, np.ones((params.num_priors, 4), np.float32)
    return boxes, table[1, : params.num_priors * 4].reshape(-1, 4)


def decode(params: DetectionOutputParams, priors: Array, variances: Array, shifts: Array) -> Array:
    """Priors (P, 4) moved by what the network says (P, classes, 4) -> boxes of that shape."""
    moved = shifts * variances[:, None]
    low, high = priors[:, None, :2], priors[:, None, 2:]
    size = high - low
    if params.code_type is CodeType.CORNER:
        return np.concatenate([low + moved[..., :2], high + moved[..., 2:]], axis=-1)
    if params.code_type is CodeType.CORNER_SIZE:
        return np.concatenate([low + moved[..., :2] * size, high + moved[..., 2:] * size], axis=-1)
    if params.code_type is CodeType.CENTER_SIZE:
        centre = (low + high) / 2 + moved[..., :2] * size
        half = np.exp(moved[..., 2:]) * size / 2
        return np.concatenate([centre - half, centre + half], axis=-1)
    raise ValueError(f"code type {params.code_type} is not known")


def _without_objectless(params: DetectionOutputParams, scores: Array, objectness: Array) -> Array:
    """Refined anchors that hold no object count as background, surely."""
    empty = np.zeros_like(scores)
    if params.background_label_id >= 0:
        empty[:, params.background_label_id] = 1
    return np.where((objectness < params.objectness_score)[:, None], empty, scores)


def _boxes_of(params: DetectionOutputParams, decoded: Array, label: int) -> Array:
    return decoded[:, 0 if params.share_location else label]


def _per_class(
    params: DetectionOutputParams, decoded: Array, scores: Array
) -> list[tuple[int, int]]:
    """(label, prior) of what stays when each class is suppressed by itself, as Caffe does."""
    found = []
    for label in range(params.num_classes):
        if label == params.background_label_id:
            continue
        best = by_falling_score(scores[:, label])
        best = best[scores[best, label] > params.confidence_threshold]
        if params.top_k >= 0:
            best = best[: params.top_k]
        stay = suppress(_boxes_of(params, decoded, label)[best], params.nms_threshold)
        found += [(label, int(prior)) for prior in best[stay]]
    return _keep_best(params, scores, found)


def _per_prior(
    params: DetectionOutputParams, decoded: Array, scores: Array
) -> list[tuple[int, int]]:
    """The same when each prior has only its best class, as MXNet does."""
    masked = scores.copy()
    if params.background_label_id >= 0:
        masked[:, params.background_label_id] = -np.inf
    labels, top = masked.argmax(axis=1), masked.max(axis=1)
    best = by_falling_score(top)
    best = best[top[best] > params.confidence_threshold]
    if params.top_k >= 0:
        best = best[: params.top_k]
    found = []
    for label in np.unique(labels[best]):
        mine = best[labels[best] == label]
        stay = suppress(_boxes_of(params, decoded, int(label))[mine], params.nms_threshold)
        found += [(int(label), int(prior)) for prior in mine[stay]]
    return _keep_best(params, scores, found)


def _keep_best(
    params: DetectionOutputParams, scores: Array, found: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """At most keep_top_k of them, those of the greatest scores, still grouped by label."""
    if params.keep_top_k < 0 or len(found) <= params.keep_top_k:
        return found
    values = np.array([scores[prior, label] for label, prior in found])
    best = by_falling_score(values)[: params.keep_top_k]
    return sorted((found[i] for i in best), key=lambda pair: pair[0])


def _rows(
    params: DetectionOutputParams,
    image: int,
    decoded: Array,
    scores: Array,
    found: list[tuple[int, int]],
) -> Array:
    rows = np.zeros((len(found), ROW), np.float32)
    for row, (label, prior) in zip(rows, found, strict=True):
        box = _boxes_of(params, decoded, label)[prior]
        row[:3] = image, label - params.decrease_label_id, scores[prior, label]
        row[3:] = np.clip(box, 0, 1) if params.clip_after_nms else box
    return rows
