"""Layers of classification networks, as openvino operations.

Each function takes the layer and its inputs and gives its outputs. The formulas are those of
Caffe's layer catalogue; OpenCV's importer is what they are tested against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from openvino import opset8 as ops

from .layer import Layer, LayerError

Tensor = Any  # openvino.Output
Builder = Callable[[Layer, Sequence[Tensor]], list[Tensor]]


def real(values: Any) -> Tensor:
    """A constant in f32."""
    return ops.constant(np.asarray(values, np.float32)).output(0)


def whole(values: Any) -> Tensor:
    """A constant in i64."""
    return ops.constant(np.asarray(values, np.int64)).output(0)


def sizes(x: Tensor) -> list[int]:
    """The static shape."""
    return [int(size) for size in x.get_shape()]


def along(values: np.ndarray, rank: int, axis: int = 1) -> Tensor:
    """A constant that meets a tensor of ``rank`` from ``axis`` on."""
    return real(values.reshape([1] * axis + list(values.shape) + [1] * (rank - axis - values.ndim)))


def axis_of(layer: Layer, x: Tensor, key: str = "axis", default: int = 1) -> int:
    """An axis parameter, counted from the front."""
    rank = len(sizes(x))
    axis = layer.integer(key, default)
    if not -rank <= axis < rank:
        raise LayerError(f"{key} {axis} of a tensor with {rank} dimensions")
    return axis % rank


def convolution(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Convolution, depthwise convolution and transposed convolution, grouped and dilated."""
    x = inputs[0]
    channels, outputs = sizes(x)[1], layer.integer("num_output")
    depthwise = layer.kind in ("ConvolutionDepthwise", "DepthwiseConvolution")
    groups = channels if depthwise else layer.integer("group", 1)
    kernel = layer.pair("kernel", 1, "kernel_size")
    stride, pad = layer.pair("stride", 1), layer.pair("pad", 0)
    dilation = layer.integers("dilation") or [1]
    dilations = [dilation[0], dilation[-1]]
    if min(groups, outputs) < 1 or channels % groups or outputs % groups or min(stride) < 1:
        raise LayerError(f"{channels} channels to {outputs} in {groups} groups, stride {stride}")
    inner = (channels // groups, outputs // groups)
    is_back = layer.kind == "Deconvolution"
    shape = [groups, *(inner if is_back else inner[::-1]), *kernel]
    weights = layer.weight(0, shape)
    plain = ops.convolution_backprop_data if is_back else ops.convolution
    grouped = ops.group_convolution_backprop_data if is_back else ops.group_convolution
    where = {
        "strides": list(stride), "pads_begin": list(pad), "pads_end": list(pad),
        "dilations": dilations,
    }  # fmt: skip
    y = plain(x, real(weights[0]), **where) if groups == 1 else grouped(x, real(weights), **where)
    if layer.flag("bias_term", True):
        y = ops.add(y, along(layer.weight(1, [outputs]), 4))
    return [y.output(0)]


def inner_product(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """x W^T + b over everything from an axis on."""
    x, outputs = inputs[0], layer.integer("num_output")
    axis = axis_of(layer, x)
    shape = sizes(x)
    length = math.prod(shape[axis:])
    is_turned = layer.flag("transpose")
    weights = layer.weight(0, [length, outputs] if is_turned else [outputs, length])
    flat = ops.reshape(x, whole([*shape[:axis], length]), False)
    y = ops.matmul(flat, real(weights), False, not is_turned)
    if layer.flag("bias_term", True):
        y = ops.add(y, real(layer.weight(1, [outputs])))
    return [y.output(0)]


def pooling(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Windows start as long as they touch the input; an average divides by what lies in h + pad."""
    x, how = inputs[0], layer.text("pool", "MAX")
    if how not in ("MAX", "AVE", "0", "1"):
        raise LayerError(f"{how} pooling has no place on the chip")
    is_max = how in ("MAX", "0")
    size = sizes(x)[2:]
    if layer.flag("global_pooling"):
        reduce = ops.reduce_max if is_max else ops.reduce_mean
        return [reduce(x, whole([2, 3]), True).output(0)]
    kernel = layer.pair("kernel", 1, "kernel_size")
    stride, pad = layer.pair("stride", 1), layer.pair("pad", 0)
    if min(*kernel, *stride) < 1 or any(p >= k for p, k in zip(pad, kernel, strict=True)):
        raise LayerError(f"kernel {kernel}, stride {stride}, pad {pad}")
    up = math.floor if layer.text("round_mode", "CEIL") in ("FLOOR", "1") else math.ceil
    ends = []
    for n, k, s, p in zip(size, kernel, stride, pad, strict=True):
        count = up((n + 2 * p - k) / s) + 1
        if p and (count - 1) * s >= n + p:
            count -= 1
        if (count - 1) * s - p >= n:
            raise LayerError(f"the last window of {k} every {s} lies outside of {n}")
        ends.append(max((count - 1) * s + k - n - p, 0))
    if is_max:
        return [ops.max_pool(x, list(stride), [1, 1], list(pad), ends, list(kernel)).output(0)]
    beyond = [max(end - p, 0) for end, p in zip(ends, pad, strict=True)]
    if any(pad) and any(beyond):
        edges = whole([0, 0, *pad])
        x = ops.pad(x, edges, edges, "constant", ops.constant(np.float32(0))).output(0)
        pad, ends = (0, 0), beyond
    exclude = not any(pad)
    pooled = ops.avg_pool(x, list(stride), list(pad), ends, list(kernel), exclude)
    return [pooled.output(0)]


def batch_norm(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """(x - mean / f) / sqrt(var / f + eps), f the third array: a count of the averages."""
    x = inputs[0]
    channels, rank = sizes(x)[1], len(sizes(x))
    factor = float(layer.weight(2, [1])[0]) if len(layer.blobs) > 2 else 1.0
    factor = 0.0 if factor == 0 else 1 / factor
    mean, var = (layer.weight(i, [channels]) * np.float32(factor) for i in (0, 1))
    gain = 1 / np.sqrt(var + np.float32(layer.number("eps", 1e-5)))
    scaled = ops.multiply(x, along(gain, rank))
    return [ops.add(scaled, along(-mean * gain, rank)).output(0)]


def scale(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """A factor (and a term) along axes: learned ones, or a second input."""
    x = inputs[0]
    rank, axis = len(sizes(x)), axis_of(layer, x)
    operation = ops.add if layer.kind == "Bias" else ops.multiply
    if len(inputs) > 1:
        other = sizes(inputs[1])
        shape = [1] * axis + other + [1] * (rank - axis - len(other))
        y, taken = operation(x, ops.reshape(inputs[1], whole(shape), False)), 0
    else:
        span = layer.integer("num_axes", 1)
        shape = sizes(x)[axis:] if span == -1 else sizes(x)[axis : axis + span]
        y, taken = operation(x, along(layer.weight(0, shape), rank, axis)), 1
    if layer.kind == "Scale" and layer.flag("bias_term"):
        shape = list(layer.blobs[taken].shape) if taken < len(layer.blobs) else []
        y = ops.add(y, along(layer.weight(taken, shape), rank, axis))
    return [y.output(0)]


def eltwise(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Sum with factors, product or maximum."""
    how = layer.text("operation", "SUM")
    table = {"SUM": ops.add, "1": ops.add, "PROD": ops.multiply, "0": ops.multiply}
    operation = table.get(how, ops.maximum)
    values = list(inputs)
    factors = layer.numbers("coeff")
    if factors and operation is ops.add:
        if len(factors) != len(values):
            raise LayerError(f"{len(factors)} coefficients for {len(values)} inputs")
        values = [
            v if f == 1 else ops.multiply(v, real(f)) for v, f in zip(values, factors, strict=True)
        ]
    y = values[0]
    for value in values[1:]:
        y = operation(y, value)
    return [y if not hasattr(y, "output") else y.output(0)]


def concat(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Along an axis."""
    key = "concat_dim" if "concat_dim" in layer.parameters else "axis"
    return [ops.concat(list(inputs), axis_of(layer, inputs[0], key)).output(0)]


def slice_(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Parts along an axis, equal ones unless points are given."""
    x = inputs[0]
    key = "slice_dim" if "slice_dim" in layer.parameters else "axis"
    axis, count = axis_of(layer, x, key), len(layer.tops)
    total = sizes(x)[axis]
    points = layer.integers("slice_point") or [total * i // count for i in range(1, count)]
    edges = [0, *points, total]
    lengths = [int(length) for length in np.diff(edges)]
    if len(lengths) != count or min(lengths) < 1:
        raise LayerError(f"slices at {points} of {total} into {count}")
    return list(ops.variadic_split(x, whole(axis), whole(lengths)).outputs())


def lrn(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """x / (k + alpha / n * sum(x^2))^beta over neighbours in channels or space."""
    within = layer.text("norm_region", "ACROSS_CHANNELS") in ("WITHIN_CHANNEL", "1")
    y = ops.lrn(
        inputs[0], whole([2, 3] if within else [1]), layer.number("alpha", 1.0),
        layer.number("beta", 0.75), layer.number("k", 1.0), layer.integer("local_size", 5),
    )  # fmt: skip
    return [y.output(0)]


def relu(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """max(x, 0), or a slope below zero."""
    slope = layer.number("negative_slope")
    y = ops.prelu(inputs[0], real([slope])) if slope else ops.relu(inputs[0])
    return [y.output(0)]


def prelu(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """A slope per channel below zero."""
    count = 1 if layer.flag("channel_shared") else sizes(inputs[0])[1]
    return [ops.prelu(inputs[0], real(layer.weight(0, [count]))).output(0)]


def power(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """(shift + scale * x) ** power."""
    y: Any = inputs[0]
    for key, default, operation in (
        ("scale", 1.0, ops.multiply),
        ("shift", 0.0, ops.add),
        ("power", 1.0, ops.power),
    ):
        if (value := layer.number(key, default)) != default:
            y = operation(y, real(value))
    return [y.output(0) if hasattr(y, "output") else y]


def softmax(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Along an axis."""
    return [ops.softmax(inputs[0], axis_of(layer, inputs[0])).output(0)]


def elu(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """alpha (exp(x) - 1) below zero."""
    return [ops.elu(inputs[0], layer.number("alpha", 1.0)).output(0)]


def same(layer: Layer, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What only training changes."""
    return [inputs[0]] * max(len(layer.tops), 1)


def _plain(operation: Callable[..., Any], *more: Any) -> Builder:
    return lambda layer, inputs: [operation(inputs[0], *more).output(0)]


BASIC: dict[str, Builder] = {
    **dict.fromkeys(
        ("Convolution", "ConvolutionDepthwise", "DepthwiseConvolution", "Deconvolution"),
        convolution,
    ),
    "InnerProduct": inner_product,
    "Pooling": pooling,
    "BatchNorm": batch_norm,
    "Scale": scale,
    "Bias": scale,
    "Eltwise": eltwise,
    "Concat": concat,
    "Slice": slice_,
    "LRN": lrn,
    "ReLU": relu,
    "PReLU": prelu,
    "ELU": elu,
    "Power": power,
    "Softmax": softmax,
    "ReLU6": _plain(ops.clamp, 0.0, 6.0),
    "Sigmoid": _plain(ops.sigmoid),
    "TanH": _plain(ops.tanh),
    "AbsVal": _plain(ops.abs),
    **dict.fromkeys(("Dropout", "Split"), same),
}
