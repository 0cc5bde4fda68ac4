"""Convolutions of one and three spatial axes, where the engine's own have gaps.

Found by compiling them alone: a 3-D convolution is taken with a bias and refused without; grouped
3-D ones and transposed 1-D ones are refused; so are weights known only at run time. A dilated
transposed convolution is taken, but its stage has no field for the dilation, and a grouped one
gets its weights in the wrong order: the blob would compute something else without a word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .indexing import slice_axis
from .rewrite import Refusal, Rule, array_of, const, constant_input, dtype_of, op, reshape, shape_of

# Each group becomes a convolution of its own.
_MAX_GROUPS = 64
_WEIGHTS = "make the weights a constant in the source model, or cut the model before this layer"


def convolution_3d(node: Node) -> Sequence[Output] | None:
    """A 3-D convolution without a bias gets one of zeros."""
    weights = constant_input(node, 1, _WEIGHTS)
    if len(shape_of(node.input_value(0))) != 5 or (_has_bias(node) and len(weights) > 1):
        return None
    return [_biased_3d(node.input_value(0), weights, node)]


def convolution_16_wide(node: Node) -> Sequence[Output] | None:
    """A kernel of 1x16 is taken apart before the engine does it and adds the bias twice."""
    weights = constant_input(node, 1, _WEIGHTS)
    attrs = node.get_attributes()
    biased = any(t.get_node().get_type_name() == "Add" for t in node.output(0).get_target_inputs())
    if weights.shape[2:] != (1, 16) or list(attrs["strides"]) != [1, 1] or not biased:
        return None
    size, given = shape_of(node.input_value(0)), shape_of(node.output(0))
    reach = given[3] + 15
    before = int(attrs["pads_begin"][1])
    if str(attrs["auto_pad"]) in ("same_upper", "same_lower"):
        before = 7 if str(attrs["auto_pad"]) == "same_upper" else 8
    elif str(attrs["auto_pad"]) == "valid":
        before = 0
    x = node.input_value(0)
    if reach > size[3]:
        pads = [[0, 0, 0, before], [0, 0, 0, reach - size[3] - before]]
        x = op("Pad", [x, *pads, const(0, dtype_of(x))], {"pad_mode": "constant"}).output(0)
    plain = {
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads_begin": [0, 0],
        "pads_end": [0, 0],
        "auto_pad": "explicit",
    }
    halves = []
    for first in (0, 8):
        part = slice_axis(x, 3, first, first + reach - 8)
        kernel = const(weights[..., first : first + 8], dtype_of(x))
        halves.append(op("Convolution", [part, kernel], plain))
    return [op("Add", halves).output(0)]


def group_convolution_3d(node: Node) -> Sequence[Output] | None:
    """A grouped 3-D convolution is one convolution per group."""
    weights = constant_input(node, 1, _WEIGHTS)
    if len(shape_of(node.input_value(0))) != 5:
        return None
    groups, depth = weights.shape[0], weights.shape[2]
    if groups > _MAX_GROUPS:
        raise Refusal(
            f"a 3-D convolution in {groups} groups",
            f"use at most {_MAX_GROUPS} groups, or 2-D convolutions",
        )
    parts = []
    for group in range(groups):
        part = slice_axis(node.input_value(0), 1, group * depth, (group + 1) * depth)
        parts.append(_biased_3d(part, weights[group], node))
    return [op("Concat", parts, {"axis": 1})] if groups > 1 else parts


def deconvolution(node: Node) -> Sequence[Output] | None:
    """A transposed 1-D convolution is a 2-D one of height 1; a dilated one gets a sparse kernel."""
    weights = constant_input(node, 1, _WEIGHTS)
    shape = shape_of(node.input_value(0))
    if len(shape) == 4:
        if weights.ndim == 5 and weights.shape[0] > 1 and weights.shape[1] > 1:
            return _by_group(node, weights)
        return _undilated(node, weights)
    if len(shape) == 5:
        raise Refusal(
            "a transposed convolution over three axes",
            "upsample (Interpolate, nearest) and convolve instead, or cut the model here",
        )
    attrs = dict(node.get_attributes())
    for key in ("strides", "dilations"):
        attrs[key] = [1, *attrs[key]]
    for key in ("pads_begin", "pads_end", "output_padding"):
        if key in attrs:
            attrs[key] = [0, *attrs[key]]
    kernel = const(np.expand_dims(weights, -2), dtype_of(node.input_value(1)))
    source = reshape(node.input_value(0), [*shape[:2], 1, shape[2]])
    inputs = [source, kernel]
    if node.get_input_size() > 2:
        inputs.append(const([1, *constant_input(node, 2).ravel().tolist()], np.int64))
    wide = op(node.get_type_name(), inputs, attrs)
    return [reshape(wide.output(0), shape_of(node.output(0)))]


def _by_group(node: Node, weights: NDArray[np.floating]) -> list[Output]:
    """A transposed convolution for each group: the engine mixes up their weights.

    It reads weights (group, in, out) as (in, group, out), which is the same only where a group
    has one input channel.
    """
    groups, depth = weights.shape[:2]
    if groups > _MAX_GROUPS:
        raise Refusal(
            f"a transposed convolution in {groups} groups of {depth} channels",
            f"use at most {_MAX_GROUPS} groups, or one channel in each",
        )
    rest = node.input_values()[2:]
    parts = []
    for group in range(groups):
        part = slice_axis(node.input_value(0), 1, group * depth, (group + 1) * depth)
        kernel = const(weights[group], dtype_of(part))
        parts.append(op("ConvolutionBackpropData", [part, kernel, *rest], node.get_attributes()))
    joined: list[Output] = op("Concat", parts, {"axis": 1}).outputs()
    return joined


def _undilated(node: Node, weights: NDArray[np.floating]) -> list[Output] | None:
    """Zeros between the weights: the engine compiles dilations and forgets them."""
    dilations = [int(d) for d in node.get_attributes()["dilations"]]
    steps = [d if k > 1 else 1 for d, k in zip(dilations, weights.shape[-2:], strict=True)]
    if dilations == [1, 1]:
        return None
    sizes = [(k - 1) * s + 1 for k, s in zip(weights.shape[-2:], steps, strict=True)]
    spread = np.zeros((*weights.shape[:-2], *sizes), weights.dtype)
    spread[..., :: steps[0], :: steps[1]] = weights
    rest = node.input_values()[2:]
    inputs = [node.input_value(0), const(spread, dtype_of(node.input_value(1))), *rest]
    attrs = node.get_attributes() | {"dilations": [1, 1]}
    made: list[Output] = op(node.get_type_name(), inputs, attrs).outputs()
    return made


def _has_bias(node: Node) -> bool:
    readers = [target.get_node() for target in node.output(0).get_target_inputs()]
    if len(readers) != 1 or readers[0].get_type_name() != "Add":
        return False
    channels = shape_of(node.output(0))[1]
    return any(
        values is not None and list(values.shape) == [1, channels, 1, 1, 1]
        for values in map(array_of, readers[0].input_values())
    )


def _biased_3d(x: Output, weights: NDArray[np.generic], node: Node) -> Output:
    """A 3-D convolution with a bias of zeros.

    A bias of one number the engine loses: it leaves a stage that adds a tensor which is not
    there. So a single channel is computed together with one of zeros.
    """
    alone = len(weights) == 1
    if alone:
        weights = np.concatenate([weights, np.zeros_like(weights)])
    made = op("Convolution", [x, const(weights, dtype_of(x))], node.get_attributes())
    zeros = const(np.zeros((1, len(weights), 1, 1, 1)), dtype_of(x))
    result = op("Add", [made, zeros]).output(0)
    return slice_axis(result, 1, 0, 1) if alone else result


RULES: dict[str, Sequence[Rule]] = {
    "Convolution": [convolution_3d, convolution_16_wide],
    "GroupConvolution": [group_convolution_3d],
    "ConvolutionBackpropData": [deconvolution],
    "GroupConvolutionBackpropData": [deconvolution],
}
