"""Pooling: MaxPool and AvgPool newer than opset 1, adaptive pooling."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .matrices import along_axis
from .rewrite import Refusal, Rule, const, dtype_of, op, shape_of

# A window that is taken apart becomes one slice per tap.
_MAX_TAPS = 64


@dataclass(frozen=True)
class _Window:
    """Geometry of a pooling with explicit pads; one entry per spatial axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    @classmethod
    def of(cls, node: Node) -> _Window:
        """Pads such that floor rounding gives the node's own output size.

        Ceil rounding (also torch's, which drops windows that start in the padding) and automatic
        padding all come down to how far the last window reaches.
        """
        attrs = node.get_attributes()
        kernel = tuple(int(k) for k in attrs["kernel"])
        strides = tuple(int(s) for s in attrs["strides"])
        dilations = tuple(int(d) for d in attrs.get("dilations", [1] * len(kernel)))
        given = [int(p) for p in attrs["pads_begin"]]
        sizes_in, sizes_out = shape_of(node.input_value(0))[2:], shape_of(node.output(0))[2:]
        begin, end = [], []
        for axis, (size_in, size_out) in enumerate(zip(sizes_in, sizes_out, strict=True)):
            reach = (size_out - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
            total = max(reach - size_in, 0)
            before = {
                "same_upper": total // 2,
                "same_lower": total - total // 2,
                "valid": 0,
            }.get(attrs["auto_pad"], given[axis])
            begin.append(before)
            # Less than nothing means that the last rows are not looked at.
            end.append(max(reach - size_in - before, 0))
        return cls(kernel, strides, dilations, tuple(begin), tuple(end))

    def attributes(self) -> dict[str, object]:
        """As MaxPool-1 and AvgPool-1 take them (they know no dilation)."""
        return {
            "kernel": list(self.kernel),
            "strides": list(self.strides),
            "pads_begin": list(self.begin),
            "pads_end": list(self.end),
            "rounding_type": "floor",
            "auto_pad": "explicit",
        }


def max_pool_of_pad(node: Node) -> Sequence[Output] | None:
    """A product with one between zero padding and a maximum; the engine takes it out again.

    Without it the engine joins the two into a pooling whose padding repeats the edge, which is
    another maximum wherever numbers are negative.
    """
    pad = node.input_value(0).get_node()
    if node.type_info.version_id != "opset1" or pad.get_type_name() != "Pad":
        return None
    if pad.get_attributes()["pad_mode"] != "constant":
        return None
    one = const(np.ones([1] * len(shape_of(node.output(0)))), dtype_of(node.input_value(0)))
    apart = op("Multiply", [node.input_value(0), one]).output(0)
    return [op("MaxPool", [apart], _Window.of(node).attributes()).output(0)]


def max_pool(node: Node) -> Sequence[Output] | None:
    """MaxPool-8/14 is MaxPool-1 with explicit pads, where nobody reads its indices."""
    if node.type_info.version_id == "opset1":
        return None
    if node.output(1).get_target_inputs():
        raise Refusal(
            "the positions of the maxima (MaxPool's second output) are used",
            "use an upsampling that needs no positions, or cut the model before this layer",
        )
    window, source = _Window.of(node), node.input_value(0)
    if any(d > 1 and k > 1 for d, k in zip(window.dilations, window.kernel, strict=True)):
        pooled = _dilated_max(source, window, shape_of(node.output(0)))
    else:
        pooled = op("MaxPool", [source], window.attributes()).output(0)
    unread = const(0, node.get_output_element_type(1))
    return [pooled, unread]


def _dilated_max(source: Output, window: _Window, wanted: list[int]) -> Output:
    """The maximum over one strided slice per tap of the window."""
    if math.prod(window.kernel) > _MAX_TAPS:
        raise Refusal(
            f"a dilated MaxPool over {math.prod(window.kernel)} positions",
            f"use a window of at most {_MAX_TAPS} positions, or one without dilation",
        )
    rank = len(wanted)
    pads = [[0, 0, *window.begin], [0, 0, *window.end]]
    if any(map(any, pads)):
        lowest = const(np.finfo(np.float16).min, dtype_of(source))
        source = op("Pad", [source, *pads, lowest], {"pad_mode": "constant"}).output(0)
    best: Output | None = None
    for tap in itertools.product(*(range(k) for k in window.kernel)):
        begin = [0, 0, *(t * d for t, d in zip(tap, window.dilations, strict=True))]
        step = [1, 1, *window.strides]
        last = [b + (n - 1) * s for b, n, s in zip(begin, wanted, step, strict=True)]
        masks = {"begin_mask": [0] * rank, "end_mask": [0] * rank}
        taken = op("StridedSlice", [source, begin, [at + 1 for at in last], step], masks).output(0)
        best = taken if best is None else op("Maximum", [best, taken]).output(0)
    assert best is not None
    return best


def avg_pool(node: Node) -> Sequence[Output] | None:
    """A mean over whole windows, then put right where a window holds padding that does not count.

    The engine would take AvgPool-1 without the padding as it is, but runs it on hardware that
    divides by the whole window: wrong along the border wherever the result is larger than 5 x 5.
    """
    old = node.type_info.version_id == "opset1"
    window, attrs = _Window.of(node), node.get_attributes()
    exclude = bool(attrs["exclude-pad"])
    if any(d > 1 and k > 1 for d, k in zip(window.dilations, window.kernel, strict=True)):
        return [_dilated_mean(node, window, exclude)]
    correction = _correction(node, window, exclude)
    right = bool(np.all(correction == 1.0))
    if old and (right or not exclude):
        return None
    pooled = op("AvgPool", [node.input_value(0)], {**window.attributes(), "exclude-pad": False})
    return [pooled if right else op("Multiply", [pooled, correction.astype(np.float32)])]


def _dilated_mean(node: Node, window: _Window, exclude: bool) -> Output:
    """Sums by a dilated convolution of ones per channel, over the number of summands."""
    source, channels = node.input_value(0), shape_of(node.input_value(0))[1]
    counts = np.ones([1, 1, *shape_of(node.output(0))[2:]])
    given_end = [int(p) for p in node.get_attributes()["pads_end"]]
    for axis, size in enumerate(shape_of(source)[2:]):
        starts = np.arange(counts.shape[axis + 2]) * window.strides[axis] - window.begin[axis]
        at = starts[:, None] + np.arange(window.kernel[axis]) * window.dilations[axis]
        first, last = (0, size) if exclude else (-window.begin[axis], size + given_end[axis])
        inside = ((at >= first) & (at < last)).sum(1)
        counts = counts * inside.reshape([-1 if a == axis + 2 else 1 for a in range(counts.ndim)])
    ones = np.ones([channels, 1, 1, *window.kernel], np.float32)
    attrs = {
        "strides": list(window.strides),
        "dilations": list(window.dilations),
        "pads_begin": list(window.begin),
        "pads_end": list(window.end),
        "auto_pad": "explicit",
    }
    sums = op("GroupConvolution", [source, ones], attrs)
    return op("Multiply", [sums, (1 / np.maximum(counts, 1)).astype(np.float32)]).output(0)


def _correction(node: Node, window: _Window, exclude: bool) -> NDArray[np.float64]:
    """Window size over the number of positions the mean divides by, for every output."""
    sizes_in, sizes_out = shape_of(node.input_value(0))[2:], shape_of(node.output(0))[2:]
    given_end = [int(p) for p in node.get_attributes()["pads_end"]]
    explicit = node.get_attributes()["auto_pad"] == "explicit"
    result = np.ones([1, 1, *sizes_out])
    for axis, (size_in, size_out) in enumerate(zip(sizes_in, sizes_out, strict=True)):
        kernel = window.kernel[axis]
        start = np.arange(size_out) * window.strides[axis] - window.begin[axis]
        first, limit = 0, size_in
        if not exclude:
            first, limit = -window.begin[axis], size_in
            limit += given_end[axis] if explicit else window.end[axis]
        counted = np.minimum(start + kernel, limit) - np.maximum(start, first)
        shape = [1] * (axis + 2) + [size_out] + [1] * (len(sizes_in) - axis - 1)
        result = result * (kernel / np.maximum(counted, 1)).reshape(shape)
    return result


def adaptive_avg_pool(node: Node) -> Sequence[Output]:
    """A mean, a pooling where the sizes divide, else one averaging matrix per axis."""
    source = node.input_value(0)
    sizes_in, sizes_out = shape_of(source)[2:], shape_of(node.output(0))[2:]
    spatial = list(range(2, 2 + len(sizes_in)))
    if all(size == 1 for size in sizes_out):
        return [op("ReduceMean", [source, spatial], {"keep_dims": True})]
    if all(a % b == 0 for a, b in zip(sizes_in, sizes_out, strict=True)):
        return [op("AvgPool", [source], {**_dividing(sizes_in, sizes_out), "exclude-pad": True})]
    result = source
    for axis, size_in, size_out in zip(spatial, sizes_in, sizes_out, strict=True):
        if size_in != size_out:
            result = along_axis(result, axis, _averaging(size_in, size_out))
    return [result]


def adaptive_max_pool(node: Node) -> Sequence[Output]:
    """A maximum, a pooling where the sizes divide, else one maximum per output position."""
    if node.output(1).get_target_inputs():
        raise Refusal(
            "the positions of the maxima (AdaptiveMaxPool's second output) are used",
            "use an upsampling that needs no positions, or cut the model before this layer",
        )
    source = node.input_value(0)
    sizes_in, sizes_out = shape_of(source)[2:], shape_of(node.output(0))[2:]
    spatial = list(range(2, 2 + len(sizes_in)))
    if all(size == 1 for size in sizes_out):
        result = op("ReduceMax", [source, spatial], {"keep_dims": True}).output(0)
    elif all(a % b == 0 for a, b in zip(sizes_in, sizes_out, strict=True)):
        result = op("MaxPool", [source], _dividing(sizes_in, sizes_out)).output(0)
    else:
        result = source
        for axis, size_in, size_out in zip(spatial, sizes_in, sizes_out, strict=True):
            result = _max_per_position(result, axis, size_in, size_out)
    return [result, const(0, node.get_output_element_type(1))]


def _dividing(sizes_in: list[int], sizes_out: list[int]) -> dict[str, object]:
    steps = [a // b for a, b in zip(sizes_in, sizes_out, strict=True)]
    nothing = (0,) * len(steps)
    return _Window(tuple(steps), tuple(steps), nothing, nothing, nothing).attributes()


def _ranges(size_in: int, size_out: int) -> list[tuple[int, int]]:
    """First and one past the last input position of every output position."""
    return [(i * size_in // size_out, -(-(i + 1) * size_in // size_out)) for i in range(size_out)]


def _averaging(size_in: int, size_out: int) -> NDArray[np.float64]:
    matrix = np.zeros((size_out, size_in))
    for row, (first, end) in enumerate(_ranges(size_in, size_out)):
        matrix[row, first:end] = 1 / (end - first)
    return matrix


def _max_per_position(source: Output, axis: int, size_in: int, size_out: int) -> Output:
    if size_in == size_out:
        return source
    shape = shape_of(source)
    parts = []
    for first, end in _ranges(size_in, size_out):
        begin, stop = [0] * len(shape), list(shape)
        begin[axis], stop[axis] = first, end
        masks = {"begin_mask": [0] * len(shape), "end_mask": [0] * len(shape)}
        part = op("StridedSlice", [source, begin, stop, [1] * len(shape)], masks)
        parts.append(op("ReduceMax", [part, [axis]], {"keep_dims": True}).output(0))
    return op("Concat", parts, {"axis": axis}).output(0)


RULES: dict[str, Sequence[Rule]] = {
    "MaxPool": [max_pool, max_pool_of_pad],
    "AvgPool": [avg_pool],
    "AdaptiveAvgPool": [adaptive_avg_pool],
    "AdaptiveMaxPool": [adaptive_max_pool],
}
