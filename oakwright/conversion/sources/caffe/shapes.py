"""Layers that move values, and those of SSD and segmentation heads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from openvino import opset8 as ops
from openvino import opset11

from .basic import Builder, Tensor, along, axis_of, sizes, whole
from .layer import Layer, LayerError


def flatten(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Several axes as one."""
    x, shape = inputs[0], sizes(inputs[0])
    first, last = axis_of(layer, x), axis_of(layer, x, "end_axis", -1)
    flat = [*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]]
    return [ops.reshape(x, whole(flat), False).output(0)]


def permute(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Axes in another order."""
    order = layer.integers("order")
    rank = len(sizes(inputs[0]))
    order += [axis for axis in range(rank) if axis not in order]
    if sorted(order) != list(range(rank)):
        raise LayerError(f"order {order} of {rank} dimensions")
    return [ops.transpose(inputs[0], whole(order)).output(0)]


def reshape(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """0 keeps a size, -1 is what remains; ``axis`` and ``num_axes`` say which sizes are meant."""
    shape = sizes(inputs[0])
    dims = [int(d) for entry in layer.parameters.get("shape", []) for d in entry.get("dim", [])]
    first = axis_of(layer, inputs[0], "axis", 0)
    span = layer.integer("num_axes", -1)
    last = len(shape) if span == -1 else first + span
    if any(d == 0 and first + i >= len(shape) for i, d in enumerate(dims)):
        raise LayerError(f"shape {dims} of {shape}")
    inner = [shape[first + i] if d == 0 else d for i, d in enumerate(dims)]
    return [ops.reshape(inputs[0], whole([*shape[:first], *inner, *shape[last:]]), False).output(0)]


def crop(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The part as large as the second input, at an offset."""
    x, first = inputs[0], axis_of(layer, inputs[0], "axis", 2)
    shape, wanted = sizes(x), sizes(inputs[1])
    offsets = layer.integers("offset") or [0]
    count = len(shape) - first
    offsets = offsets * count if len(offsets) == 1 else offsets
    begin, end = [0] * len(shape), list(shape)
    for axis, offset in zip(range(first, len(shape)), offsets, strict=True):
        begin[axis], end[axis] = offset, offset + wanted[axis]
        if end[axis] > shape[axis] or offset < 0:
            raise LayerError(f"{wanted} at {offsets} does not lie in {shape}")
    y = ops.strided_slice(
        x, whole(begin), whole(end), whole([1] * len(shape)), [0] * len(shape), [0] * len(shape)
    )
    return [y.output(0)]


def normalize(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """x / sqrt(sum(x^2) + eps) over channels (and space), times a learned scale."""
    x = inputs[0]
    axes = [1, 2, 3] if layer.flag("across_spatial", True) else [1]
    y = ops.normalize_l2(x, whole(axes), layer.number("eps", 1e-10), "add")
    count = 1 if layer.flag("channel_shared", True) else sizes(x)[1]
    return [ops.multiply(y, along(layer.weight(0, [count]), 4)).output(0)]


def prior_box(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Boxes of SSD for every place of a feature map: [1, 2, 4 x boxes], corners and variances."""
    if not layer.numbers("min_size"):
        raise LayerError("it has no min_size")
    step_h, step_w = layer.number("step_h"), layer.number("step_w")
    step = layer.number("step")
    image = sizes(inputs[1])[2:]
    given = layer.integer("img_size")
    image = [layer.integer("img_h", given) or image[0], layer.integer("img_w", given) or image[1]]
    if (step_h or step_w) and step_h != step_w:
        raise LayerError("different steps for height and width")
    attributes = {
        "min_size": layer.numbers("min_size"),
        "max_size": layer.numbers("max_size"),
        "aspect_ratio": layer.numbers("aspect_ratio"),
        "flip": layer.flag("flip", True),
        "clip": layer.flag("clip"),
        "step": step or step_h,
        "offset": layer.number("offset", 0.5),
        "variance": layer.numbers("variance") or [0.1],
        "scale_all_sizes": True,
        "min_max_aspect_ratios_order": True,
    }
    y = ops.prior_box(whole(sizes(inputs[0])[2:]), whole(image), attributes)
    return [ops.unsqueeze(y, whole(0)).output(0)]


def detection_output(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Decoding and suppression of SSD: [1, 1, N, 7] as MobileNetDetectionNetwork reads it."""
    nms = (layer.parameters.get("nms_param") or [{}])[-1]
    keep = layer.integer("keep_top_k", -1)
    names = {"1": "CORNER", "2": "CENTER_SIZE", "3": "CORNER_SIZE"}
    code = layer.text("code_type", "CORNER")
    attributes = {
        "background_label_id": layer.integer("background_label_id"),
        "top_k": int(float((nms.get("top_k") or [-1])[-1])),
        "keep_top_k": [keep],
        "code_type": f"caffe.PriorBoxParameter.{names.get(code, code)}",
        "share_location": layer.flag("share_location", True),
        "nms_threshold": float((nms.get("nms_threshold") or [0.3])[-1]),
        "confidence_threshold": layer.number("confidence_threshold"),
        "variance_encoded_in_target": layer.flag("variance_encoded_in_target"),
        "normalized": True,
        "input_height": 1,
        "input_width": 1,
    }
    return [ops.detection_output(*inputs[:3], attributes).output(0)]


def interpolate(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Interp: linear, corners aligned. Upsample: nearest, by a whole factor."""
    x = inputs[0]
    height, width = sizes(x)[2:]
    if layer.kind == "Upsample":
        factor = layer.integer("scale", 2)
        wanted, how, where = [height * factor, width * factor], "nearest", "asymmetric"
    else:
        zoom, shrink = layer.integer("zoom_factor", 1), layer.integer("shrink_factor", 1)
        if layer.integer("pad_beg") or layer.integer("pad_end") or min(zoom, shrink) < 1:
            raise LayerError("pads have no place here")
        wanted = [(n - 1) // shrink + 1 for n in (height, width)]
        wanted = [n + (n - 1) * (zoom - 1) for n in wanted]
        if len(inputs) > 1:
            wanted = sizes(inputs[1])[2:]
        elif "height" in layer.parameters:
            wanted = [layer.integer("height"), layer.integer("width")]
        how, where = "linear_onnx", "align_corners"
    y = opset11.interpolate(
        x, whole(wanted), how, "sizes", coordinate_transformation_mode=where,
        nearest_mode="floor", axes=whole([2, 3]),
    )  # fmt: skip
    return [y.output(0)]


def shuffle_channel(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Channels of groups taken in turns."""
    shape, groups = sizes(inputs[0]), layer.integer("group", 1)
    if groups < 1 or shape[1] % groups:
        raise LayerError(f"{shape[1]} channels in {groups} groups")
    apart = ops.reshape(inputs[0], whole([shape[0], groups, shape[1] // groups, *shape[2:]]), False)
    turned = ops.transpose(apart, whole([0, 2, 1, 3, 4]))
    return [ops.reshape(turned, whole(shape), False).output(0)]


def axpy(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """a * x + y, a one number per channel (squeeze and excitation)."""
    shape = sizes(inputs[0])[:2]
    factor = ops.reshape(inputs[0], whole([*shape, 1, 1]), False)
    return [ops.add(ops.multiply(factor, inputs[1]), inputs[2]).output(0)]


def argmax(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Index of the largest value, in f32."""
    axis = axis_of(layer, inputs[0])
    if (
        layer.integer("top_k", 1) != 1
        or layer.flag("out_max_val")
        or "axis" not in layer.parameters
    ):
        raise LayerError("only the index of the largest value along an axis is known")
    top = ops.topk(inputs[0], whole(1), axis, "max", "value", "i32")
    return [ops.convert(top.output(1), np.float32).output(0)]


SHAPES: dict[str, Builder] = {
    "Flatten": flatten,
    "Permute": permute,
    "Reshape": reshape,
    "Crop": crop,
    "Normalize": normalize,
    "PriorBox": prior_box,
    "DetectionOutput": detection_output,
    "Interp": interpolate,
    "Upsample": interpolate,
    "ShuffleChannel": shuffle_channel,
    "Axpy": axpy,
    "ArgMax": argmax,
}
