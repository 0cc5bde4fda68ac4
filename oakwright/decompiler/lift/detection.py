"""Detectors' last layers, and pooling of regions."""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import (
    Buffer,
    CodeType,
    DetectionOutputParams,
    ProposalParams,
    PSROIPoolingParams,
    RegionYoloParams,
    RoiAlignMode,
    ROIAlignParams,
    RoiPoolingMethod,
    ROIPoolingParams,
    Stage,
)
from oakwright.errors import RunError

from ..graph import F32, I32, Value, make, make_many
from ..lifter import Lifter
from ..ops import convert, reshape
from .windows import planes

_CODES = {
    CodeType.CORNER: "caffe.PriorBoxParameter.CORNER",
    CodeType.CENTER_SIZE: "caffe.PriorBoxParameter.CENTER_SIZE",
}
ROW = 7  # image, label, confidence, x0, y0, x1, y1


def region_yolo(lift: Lifter, stage: Stage) -> None:
    """RegionYolo: sigmoid on x, y and objectness; classes softmax or sigmoid."""
    params = cast(RegionYoloParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    n, _, h, w = x.shape
    regions = params.num if params.do_softmax else params.mask_size
    entries = regions * (params.classes + params.coords + 1)
    if entries != x.shape[1]:
        raise RunError(f"{regions} regions of {params.classes} classes in {x.shape}")
    y = make(
        "RegionYolo",
        (x,),
        (n, entries * h * w) if params.do_softmax else (n, entries, h, w),
        coords=params.coords,
        classes=params.classes,
        num=params.num,
        do_softmax=params.do_softmax,
        mask=list(range(params.mask_size)),
        axis=1,
        end_axis=3,
    )
    lift.write(stage.buffer("output"), y)


def detection_output(lift: Lifter, stage: Stage) -> None:
    """DetectionOutput: SSD decoding and suppression; rows of seven."""
    params = cast(DetectionOutputParams, stage.params)
    if params.code_type not in _CODES:
        raise RunError(f"boxes coded as {params.code_type.name}, which OpenVINO does not have")
    image = params.num
    roles = ["loc", "conf", "arm_conf", "arm_loc"][: 4 if params.has_arm_inputs else 2]
    per_image = {role: _rows(lift, stage.buffer(role), image) for role in roles}
    priors = lift.read(stage.buffer("priors"))
    size = params.num_priors * (4 if params.normalized else 5)
    if not size or priors.size % size:
        raise RunError(f"{params.num_priors} priors in {priors.shape}")
    rows = priors.size // size
    priors = reshape(priors, (1, rows, size))
    operands = [per_image["loc"], per_image["conf"], priors]
    operands += [per_image[role] for role in roles[2:]]
    output = stage.buffer("output")
    attributes = {
        "background_label_id": params.background_label_id,
        "top_k": params.top_k,
        "keep_top_k": [params.keep_top_k],
        "code_type": _CODES[params.code_type],
        "share_location": params.share_location,
        "nms_threshold": params.nms_threshold,
        "confidence_threshold": params.confidence_threshold,
        "variance_encoded_in_target": params.variance_encoded_in_target,
        "clip_before_nms": params.clip_before_nms,
        "clip_after_nms": params.clip_after_nms,
        "decrease_label_id": params.decrease_label_id,
        "normalized": params.normalized,
        "input_height": params.image_height,
        "input_width": params.image_width,
        "objectness_score": params.objectness_score,
        "num_classes": params.num_classes,
    }
    count = output.desc.element_count // ROW
    y = make("DetectionOutput", tuple(operands), (1, 1, count, ROW), F32, attrs=attributes)
    lift.write(output, y)


def _rows(lift: Lifter, buffer: Buffer, images: int) -> Value:
    value = lift.read(buffer)
    if images < 1 or value.size % images:
        raise RunError(f"{images} images in {value.shape}")
    return reshape(value, (images, value.size // images))


def proposal(lift: Lifter, stage: Stage) -> None:
    """Proposal: region proposals from anchors, and their scores where asked for."""
    params = cast(ProposalParams, stage.params)
    scores, shifts = (planes(lift.read(stage.buffer(role))) for role in ("cls", "bbox"))
    info = lift.read(stage.buffer("im_info"))
    attributes = {
        "base_size": np.uint32(params.base_size),
        "pre_nms_topn": np.uint32(params.pre_nms_topn),
        "post_nms_topn": np.uint32(params.post_nms_topn),
        "nms_thresh": params.nms_thresh,
        "feat_stride": np.uint32(params.feat_stride),
        "min_size": np.uint32(params.min_size),
        "ratio": list(params.ratios),
        "scale": list(params.scales),
        "clip_before_nms": params.clip_before_nms,
        "clip_after_nms": params.clip_after_nms,
        "normalize": params.normalize,
        "box_size_scale": params.box_size_scale,
        "box_coordinate_scale": params.box_coordinate_scale,
        "framework": "tensorflow" if params.swap_xy else "",
    }
    rows = scores.shape[0] * params.post_nms_topn
    rois, probs = make_many(
        "Proposal",
        (scores, shifts, reshape(info, (info.size,))),
        [((rows, 5), F32), ((rows,), F32)],
        attrs=attributes,
    )
    lift.write(stage.buffer("rois"), rois)
    if "probs" in stage.operands:
        lift.write(stage.buffer("probs"), probs)


def roi_pooling(lift: Lifter, stage: Stage) -> None:
    """ROIPooling: each region to pooled_h x pooled_w, by maximum or bilinear samples."""
    params = cast(ROIPoolingParams, stage.params)
    x, rois = _regions(lift, stage)
    y = make(
        "ROIPooling",
        (x, rois),
        (rois.shape[0], x.shape[1], params.pooled_h, params.pooled_w),
        output_roi=[params.pooled_h, params.pooled_w],
        spatial_scale=params.spatial_scale,
        method="bilinear" if params.method is RoiPoolingMethod.BILINEAR else "max",
    )
    lift.write(stage.buffer("output"), y)


def psroi_pooling(lift: Lifter, stage: Stage) -> None:
    """PSROIPooling: position-sensitive average."""
    params = cast(PSROIPoolingParams, stage.params)
    x, rois = _regions(lift, stage)
    y = make(
        "PSROIPooling",
        (x, rois),
        (rois.shape[0], params.output_dim, params.group_size, params.group_size),
        output_dim=params.output_dim,
        group_size=params.group_size,
        spatial_scale=params.spatial_scale,
        spatial_bins_x=1,
        spatial_bins_y=1,
        mode="average",
    )
    lift.write(stage.buffer("output"), y)


def _regions(lift: Lifter, stage: Stage) -> tuple[Value, Value]:
    rois = lift.read(stage.buffer("rois"))
    if rois.size % 5:
        raise RunError(f"regions of five numbers in {rois.shape}")
    return planes(lift.read(stage.buffer("input"))), reshape(rois, (rois.size // 5, 5))


def roi_align(lift: Lifter, stage: Stage) -> None:
    """ROIAlign. For wide maps a first stage (step 0) puts channels into an order that only the
    second knows; nothing else sees it, so both keep the usual one here.
    """
    params = cast(ROIAlignParams, stage.params)
    if params.step == 0:
        lift.write(stage.buffer("output"), lift.read(stage.buffer("input")))
        return
    x = planes(lift.read(stage.buffer("input")))
    rois = lift.read(stage.buffer("rois"))
    batch = convert(lift.read(stage.buffer("batch_indices")), I32)
    count = batch.size
    if rois.size != count * 4:
        raise RunError(f"{count} regions in {rois.shape}")
    y = make(
        "ROIAlign",
        (x, reshape(rois, (count, 4)), reshape(batch, (count,))),
        (count, x.shape[1], params.pooled_h, params.pooled_w),
        pooled_h=params.pooled_h,
        pooled_w=params.pooled_w,
        sampling_ratio=params.sampling_ratio,
        spatial_scale=params.spatial_scale,
        mode="avg" if params.mode is RoiAlignMode.AVERAGE else "max",
    )
    lift.write(stage.buffer("output"), y)


def ctc_decoder(lift: Lifter, stage: Stage) -> None:
    """CTCDecoder: [T, N, C] with [T, N] marks -> [N, T, 1, 1]; the blank is the last class."""
    x = lift.read(stage.buffer("input"))
    marks = lift.read(stage.buffer("sequence"))
    if x.rank < 3 or marks.size != x.shape[-3] * x.shape[-2]:
        raise RunError(f"marks of shape {marks.shape} for {x.shape}")
    x = reshape(x, x.shape[-3:])
    marks = reshape(marks, x.shape[:2])
    y = make("CTCGreedyDecoder", (x, marks), (x.shape[1], x.shape[0], 1, 1), merge_repeated=True)
    lift.write(stage.buffer("output"), y)
