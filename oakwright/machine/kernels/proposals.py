"""Region proposals of two-stage detectors.

Formulas as in OpenVINO's Proposal (opset 1) and ExperimentalDetectron operations (opset 6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oakwright.blob import (
    ExpDetectionOutputParams,
    ExpGenerateProposalsParams,
    ExpPriorGridGeneratorParams,
    ExpTopKROIsParams,
    ProposalParams,
)

from .boxes import by_falling_score, suppress
from .tensor import Array, Form, Tensor, must_fill


def anchors(params: ProposalParams) -> Array:
    """(ratios * scales, 4) boxes around the first cell."""
    ratios = np.asarray(params.ratios, np.float32)[:, None]
    scales = np.asarray(params.scales, np.float32)[None, :]
    offset = np.float32(params.coordinates_offset)
    width = np.sqrt(np.float32(params.base_size**2) / ratios)
    if params.round_ratios:
        width = _round(width)
        height = _round(width * ratios)
    else:
        height = width * ratios
    half_w = (width * scales - offset).ravel() / 2
    half_h = (height * scales - offset).ravel() / 2
    centre = (np.float32(params.base_size) - offset) / 2
    boxes = np.stack([centre - half_w, centre - half_h, centre + half_w, centre + half_h], axis=1)
    return boxes - np.float32(params.base_size / 2) if params.shift_anchors else boxes


def _round(x: Array) -> Array:
    return np.asarray(np.floor(x + np.float32(0.5)))


def proposal(params: ProposalParams, inputs: list[Tensor], outputs: list[Form]) -> list[Array]:
    """Proposal (64): boxes (image, x0, y0, x1, y1) and their scores; -1 ends a short list."""
    scores, shifts, info = (t.values for t in inputs[:3])
    n, channels, height, width = inputs[0].planes()
    must_fill(outputs[0], (n * params.post_nms_topn, 5))
    base = anchors(params)
    foreground = scores.reshape(n, 2, channels // 2, height, width)[:, 1]
    shifts = shifts.reshape(n, len(base), 4, height, width)
    info = info.ravel()
    image_h, image_w, scale_h = info[:3]
    if params.swap_xy:  # TensorFlow's boxes are (y, x), and so is the rest
        image_h, image_w = image_w, image_h
    scale_w = info[3] if info.size > 3 else scale_h
    rois, chances = [], []
    for image in range(n):
        boxes, values = _candidates(
            params, base, foreground[image], shifts[image], (image_h, image_w, scale_h, scale_w)
        )
        best = by_falling_score(values)
        if params.pre_nms_topn > 0:
            best = best[: params.pre_nms_topn]
        offset = params.coordinates_offset
        stay = suppress(boxes[best], params.nms_thresh, offset, params.post_nms_topn)
        found = np.zeros((params.post_nms_topn, 5), np.float32)
        sure = np.zeros(params.post_nms_topn, np.float32)
        chosen = boxes[best[stay]]
        if params.clip_after_nms:
            chosen = _clip(chosen, image_w, image_h, 0)
        if params.normalize:
            chosen = chosen / np.array([image_w, image_h, image_w, image_h], np.float32)
        found[: len(stay), 0] = image
        found[: len(stay), 1:] = chosen
        sure[: len(stay)] = values[best[stay]]
        if len(stay) < params.post_nms_topn:
            found[len(stay), 0] = -1
        rois.append(found)
        chances.append(sure)
    results = [np.concatenate(rois), np.concatenate(chances)]
    return [r.reshape(out.shape) for r, out in zip(results, outputs, strict=False)]


def _candidates(
    params: ProposalParams,
    base: Array,
    scores: Array,
    shifts: Array,
    info: tuple[float, float, float, float],
) -> tuple[Array, Array]:
    """All boxes (H*W*A, 4) and scores; those that are too small score 0."""
    image_h, image_w, scale_h, scale_w = info
    _, _, height, width = shifts.shape
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    if params.swap_xy:
        x, y = y, x
    place = np.stack([x, y, x, y], axis=-1).astype(np.float32) * np.float32(params.feat_stride)
    origin = place[:, :, None] + base  # (H, W, A, 4)
    if params.initial_clip:
        origin = _clip(origin, image_w, image_h, 0)
    moved = shifts.transpose(2, 3, 0, 1)
    centre_shift = moved[..., :2] / np.float32(params.box_coordinate_scale)
    growth = moved[..., 2:] / np.float32(params.box_size_scale)
    offset = np.float32(params.coordinates_offset)
    boxes = _moved(origin, centre_shift, growth, offset, 0)
    if params.clip_before_nms:
        boxes = _clip(boxes, image_w, image_h, offset)
    size = boxes[..., 2:] - boxes[..., :2] + offset
    least = np.float32(params.min_size) * np.array([scale_w, scale_h], np.float32)
    large = (size >= least).all(axis=-1)
    values = scores.transpose(1, 2, 0) * large
    return boxes.reshape(-1, 4), values.reshape(-1)


def _moved(
    origin: Array, centre_shift: Array, growth: Array, offset: Any, end_offset: Any
) -> Array:
    """Boxes (..., 4) with their centre moved by a part of their size, and their size scaled."""
    size = origin[..., 2:] - origin[..., :2] + offset
    centre = origin[..., :2] + size / 2 + centre_shift * size
    half = np.exp(growth) * size / 2
    return np.concatenate([centre - half, centre + half - end_offset], axis=-1)


def _clip(boxes: Array, width: Any, height: Any, offset: Any) -> Array:
    limit = np.array([width, height, width, height], np.float32) - np.float32(offset)
    return np.clip(boxes, 0, np.maximum(limit, 0))


def experimental_detection_output(
    params: ExpDetectionOutputParams, inputs: list[Tensor], outputs: list[Form]
) -> list[Array]:
    """ExpDetectionOutput (106): boxes, classes, scores of the second stage."""
    must_fill(outputs[0], (params.max_detections_per_image, 4))
    rois, deltas, scores, info = (t.values for t in inputs[:4])
    count, classes = len(rois.reshape(-1, 4)), params.num_classes
    rois = rois.reshape(count, 1, 4)
    deltas = deltas.reshape(count, classes, 4) / np.asarray(params.deltas_weights, np.float32)
    growth = np.minimum(deltas[..., 2:], np.float32(params.max_delta_log_wh))
    boxes = _moved(rois, deltas[..., :2], growth, np.float32(1), np.float32(1))
    boxes = _clip(boxes, info.ravel()[1], info.ravel()[0], 1)
    empty = np.asarray(((rois[..., 2:] - rois[..., :2]) <= 0).any(axis=-1))
    boxes = np.where(empty[..., None], np.float32(0), boxes)
    scores = np.where(empty, np.float32(0), scores.reshape(count, classes))
    found: list[tuple[float, int, Array]] = []
    for label in range(1, classes):  # 0 is the background
        best = by_falling_score(scores[:, label])
        best = best[scores[best, label] > params.score_threshold]
        mine = boxes[best, label]
        stay = suppress(mine, params.nms_threshold, 1, params.post_nms_count)
        found += [(float(scores[best[i], label]), label, mine[i]) for i in stay]
    if len(found) > params.max_detections_per_image:
        order = by_falling_score(np.array([score for score, _, _ in found], np.float32))
        found = [found[i] for i in order[: params.max_detections_per_image]]
    total = params.max_detections_per_image
    out_boxes, out_classes = np.zeros((total, 4), np.float32), np.zeros(total, np.int32)
    out_scores = np.zeros(total, np.float32)
    for i, (score, label, box) in enumerate(found):
        out_boxes[i], out_classes[i], out_scores[i] = box, label, score
    results = [out_boxes, out_classes, out_scores]
    return [r.reshape(out.shape) for r, out in zip(results, outputs, strict=True)]


def generate_proposals(
    params: ExpGenerateProposalsParams, inputs: list[Tensor], outputs: list[Form]
) -> list[Array]:
    """ExpGenerateProposals (124): boxes and scores for one image."""
    must_fill(outputs[0], (params.post_nms_topn, 4))
    info, origin, deltas, scores = (t.values for t in inputs[:4])
    image_h, image_w = info.ravel()[:2]
    height, width = scores.shape[-2:]
    count = scores.size // (height * width)
    origin = origin.reshape(height * width * count, 4)
    moved = deltas.reshape(count, 4, height, width).transpose(2, 3, 0, 1).reshape(-1, 4)
    # Beyond this growth the exponential is cut, as in Detectron: log(1000 / 16).
    growth = np.minimum(moved[:, 2:], np.float32(np.log(1000.0 / 16)))
    boxes = _moved(origin, moved[:, :2], growth, np.float32(1), np.float32(1))
    boxes = _clip(boxes, image_w, image_h, 1)
    large = ((boxes[:, 2:] - boxes[:, :2] + 1) >= params.min_size).all(axis=-1)
    values = scores.reshape(count, height, width).transpose(1, 2, 0).ravel() * large
    best = by_falling_score(values)[: params.pre_nms_topn]
    stay = best[suppress(boxes[best], params.nms_threshold, 1, params.post_nms_topn)]
    out_boxes = np.zeros((params.post_nms_topn, 4), np.float32)
    out_scores = np.zeros(params.post_nms_topn, np.float32)
    out_boxes[: len(stay)], out_scores[: len(stay)] = boxes[stay], values[stay]
    results = [out_boxes, out_scores]
    return [r.reshape(out.shape) for r, out in zip(results, outputs, strict=True)]


def prior_grid(
    params: ExpPriorGridGeneratorParams, inputs: list[Tensor], outputs: list[Form]
) -> Array:
    """ExpPriorGridGenerator (121): the priors around every cell of a feature map."""
    priors = inputs[0].values.reshape(-1, 4)
    _, _, map_h, map_w = inputs[1].planes()
    _, _, image_h, image_w = inputs[2].planes()
    grid_w, grid_h = params.grid_w or map_w, params.grid_h or map_h
    step_x = params.stride_w or image_w / grid_w
    step_y = params.stride_h or image_h / grid_h
    must_fill(outputs[0], (grid_h, grid_w, len(priors), 4))
    y, x = np.meshgrid(np.arange(grid_h), np.arange(grid_w), indexing="ij")
    centres = np.stack([x, y, x, y], axis=-1).astype(np.float32) + np.float32(0.5)
    shifts = centres * np.array([step_x, step_y, step_x, step_y], np.float32)
    return (shifts[:, :, None] + priors).reshape(outputs[0].shape)


def top_rois(params: ExpTopKROIsParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ExpTopKROIs (125): the boxes of the greatest probabilities."""
    must_fill(outputs[0], (params.max_rois, 4))
    rois, chances = inputs[0].values.reshape(-1, 4), inputs[1].values.ravel()
    best = by_falling_score(chances)[: params.max_rois]
    out = np.zeros((params.max_rois, 4), np.float32)
    out[: len(best)] = rois[best]
    return out.reshape(outputs[0].shape)
