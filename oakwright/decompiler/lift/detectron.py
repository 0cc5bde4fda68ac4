"""The ExperimentalDetectron operations (opset 6) and the newer CTC decoder: stages that are one
operation each, with operands in other ranks.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import (
    CTCGreedyDecoderSeqLenParams,
    ExpDetectionOutputParams,
    ExpGenerateProposalsParams,
    ExpPriorGridGeneratorParams,
    ExpTopKROIsParams,
    ROIFeatureExtractorParams,
    Stage,
)
from oakwright.errors import RunError

from ..graph import F32, I32, Value, make, make_many
from ..lifter import Lifter
from ..ops import constant, convert, reshape
from .windows import planes

CORNERS = 4


def detection_output(lift: Lifter, stage: Stage) -> None:
    """ExpDetectionOutput: boxes, classes, scores of the second stage."""
    params = cast(ExpDetectionOutputParams, stage.params)
    boxes = _rows(lift, stage, "boxes", CORNERS)
    count, classes = boxes.shape[0], params.num_classes
    operands = (
        boxes,
        _table(lift, stage, "deltas", (count, classes * CORNERS)),
        _table(lift, stage, "scores", (count, classes)),
        _table(lift, stage, "im_info", (1, 3)),
    )
    total = params.max_detections_per_image
    results = make_many(
        "ExperimentalDetectronDetectionOutput",
        operands,
        [((total, CORNERS), F32), ((total,), I32), ((total,), F32)],
        score_threshold=params.score_threshold,
        nms_threshold=params.nms_threshold,
        num_classes=classes,
        post_nms_count=params.post_nms_count,
        max_detections_per_image=total,
        class_agnostic_box_regression=bool(params.class_agnostic_box_regression),
        max_delta_log_wh=params.max_delta_log_wh,
        deltas_weights=list(params.deltas_weights),
    )
    for role, value in zip(
        ("output_boxes", "output_classes", "output_scores"), results, strict=True
    ):
        _write(lift, stage, role, value)


def proposals(lift: Lifter, stage: Stage) -> None:
    """ExpGenerateProposals: boxes and scores for one image."""
    params = cast(ExpGenerateProposalsParams, stage.params)
    scores, deltas = (lift.read(stage.buffer(role)) for role in ("scores", "deltas"))
    if scores.rank < 3 or deltas.size != scores.size * CORNERS:
        raise RunError(f"shifts of shape {deltas.shape} for scores of shape {scores.shape}")
    height, width = scores.shape[-2:]
    anchors = scores.size // (height * width)
    operands = (
        _table(lift, stage, "im_info", (3,)),
        _rows(lift, stage, "anchors", CORNERS),
        reshape(deltas, (anchors * CORNERS, height, width)),
        reshape(scores, (anchors, height, width)),
    )
    rois, chances = make_many(
        "ExperimentalDetectronGenerateProposalsSingleImage",
        operands,
        [((params.post_nms_topn, CORNERS), F32), ((params.post_nms_topn,), F32)],
        min_size=params.min_size,
        nms_threshold=params.nms_threshold,
        post_nms_count=params.post_nms_topn,
        pre_nms_count=params.pre_nms_topn,
    )
    _write(lift, stage, "output_rois", rois)
    _write(lift, stage, "output_scores", chances)


def prior_grid(lift: Lifter, stage: Stage) -> None:
    """ExpPriorGridGenerator: the priors around every cell of a feature map."""
    params = cast(ExpPriorGridGeneratorParams, stage.params)
    priors = _rows(lift, stage, "priors", CORNERS)
    features, image = (planes(lift.read(stage.buffer(role))) for role in ("feature_map", "image"))
    height, width = params.grid_h or features.shape[2], params.grid_w or features.shape[3]
    count = priors.shape[0]
    shape = (height * width * count, CORNERS) if params.flatten else (height, width, count, CORNERS)
    y = make(
        "ExperimentalDetectronPriorGridGenerator",
        (priors, features, image),
        shape,
        flatten=bool(params.flatten),
        h=params.grid_h,
        w=params.grid_w,
        stride_x=params.stride_w,
        stride_y=params.stride_h,
    )
    _write(lift, stage, "output", y)


def top_rois(lift: Lifter, stage: Stage) -> None:
    """ExpTopKROIs: the boxes of the greatest probabilities."""
    params = cast(ExpTopKROIsParams, stage.params)
    rois = _rows(lift, stage, "rois", CORNERS)
    chances = _table(lift, stage, "probs", (rois.shape[0],))
    y = make(
        "ExperimentalDetectronTopKROIs",
        (rois, chances),
        (params.max_rois, CORNERS),
        max_rois=params.max_rois,
    )
    _write(lift, stage, "output", y)


def roi_features(lift: Lifter, stage: Stage) -> None:
    """ROIFeatureExtractor: each region from the level of the pyramid that suits its size."""
    params = cast(ROIFeatureExtractorParams, stage.params)
    rois = _rows(lift, stage, "rois", CORNERS)
    levels = [planes(lift.read(stage.buffer(f"level{i}"))) for i in range(params.levels)]
    if params.pooled_w != params.pooled_h or not levels:
        raise RunError(f"features of {params.pooled_w}x{params.pooled_h}, OpenVINO's are square")
    features, same = make_many(
        "ExperimentalDetectronROIFeatureExtractor",
        (rois, *levels),
        [
            ((rois.shape[0], levels[0].shape[1], params.pooled_h, params.pooled_w), F32),
            (rois.shape, F32),
        ],
        output_size=params.pooled_w,
        sampling_ratio=params.sampling_ratio,
        pyramid_scales=list(params.pyramid_scales[: params.levels]),
        aligned=False,
    )
    _write(lift, stage, "output", features)
    _write(lift, stage, "output_rois", same)


def ctc_decoder(lift: Lifter, stage: Stage) -> None:
    """CTCGreedyDecoderSeqLen: [N, T, C] with lengths [N] -> classes [N, T], lengths [N]."""
    params = cast(CTCGreedyDecoderSeqLenParams, stage.params)
    x = lift.read(stage.buffer("input"))
    if x.rank != 3:
        raise RunError(f"sequences of shape {x.shape}")
    lengths = convert(_table(lift, stage, "sequence_lengths", x.shape[:1]), I32)
    blank = constant(np.array(params.blank_index, np.int32))
    classes, found = make_many(
        "CTCGreedyDecoderSeqLen",
        (x, lengths, blank),
        [(x.shape[:2], I32), (x.shape[:1], I32)],
        merge_repeated=params.merge_repeated,
        classes_index_type="i32",
        sequence_length_type="i32",
    )
    _write(lift, stage, "classes", classes)
    _write(lift, stage, "lengths", found)


def _rows(lift: Lifter, stage: Stage, role: str, width: int) -> Value:
    value = lift.read(stage.buffer(role))
    if value.size % width:
        raise RunError(f"rows of {width} in {value.shape}")
    return reshape(value, (value.size // width, width))


def _table(lift: Lifter, stage: Stage, role: str, shape: tuple[int, ...]) -> Value:
    value = lift.read(stage.buffer(role))
    if value.size != int(np.prod(shape)):
        raise RunError(f"the operand '{role}' has shape {value.shape}, {shape} belongs there")
    return reshape(value, shape)


def _write(lift: Lifter, stage: Stage, role: str, value: Value) -> None:
    if role in stage.operands:
        lift.write(stage.buffer(role), value)
