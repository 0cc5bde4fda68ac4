"""Reductions without a stage of their own, and running sums."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from openvino import Node, Output

from .activations import absolute
from .matrices import along_axis
from .rewrite import Refusal, Rule, constant_input, dtype_of, op, reshape, shape_of, transpose

MAX_FACTORS = 64
"""Factors of one product; each halving costs two stages, and FP16 overflows long before."""


def reduce_l1(node: Node) -> Sequence[Node]:
    """The sum of absolute values."""
    inputs = [absolute(node.input_value(0)), node.input_value(1)]
    return [op("ReduceSum", inputs, {"keep_dims": bool(node.get_attributes()["keep_dims"])})]


def reduce_prod(node: Node) -> Sequence[Output]:
    """A product, by multiplying one half with the other until one is left."""
    x = node.input_value(0)
    shape = shape_of(x)
    axes = sorted({int(a) % len(shape) for a in constant_input(node, 1).ravel()})
    count = math.prod(shape[a] for a in axes)
    if count > MAX_FACTORS:
        raise Refusal(
            f"a product of {count} factors: the engine has no stage for it",
            f"multiply at most {MAX_FACTORS} values, or sum their logarithms",
        )
    kept = [a for a in range(len(shape)) if a not in axes]
    rows = math.prod(shape[a] for a in kept)
    factors = reshape(transpose(x, kept + axes), [rows, count])
    while count > 1:
        half, odd = divmod(count, 2)
        parts = op("VariadicSplit", [factors, 1, [half, half] + [1] * odd]).outputs()
        factors = op("Multiply", parts[:2]).output(0)
        if odd:
            factors = op("Concat", [factors, parts[2]], {"axis": 1}).output(0)
        count = half + odd
    return [reshape(factors, shape_of(node.output(0)))]


def cumulative_sum(node: Node) -> Sequence[Output | Node]:
    """A running sum is the product with a triangular matrix of ones."""
    x = node.input_value(0)
    shape = shape_of(x)
    axis = int(constant_input(node, 1).ravel()[0]) % len(shape)
    attrs = node.get_attributes()
    length = shape[axis]
    # Row m sums what stands up to it; without the diagonal, what stands before it.
    ones = np.tri(length, k=-1 if attrs["exclusive"] else 0, dtype=np.float32)
    matrix = ones[::-1, ::-1] if attrs["reverse"] else ones
    dtype = dtype_of(x)
    if dtype.is_real():
        return [along_axis(x, axis, matrix)]
    wide = op("Convert", [x], {"destination_type": "f32"})
    total = along_axis(wide, axis, matrix)
    return [op("Convert", [total], {"destination_type": dtype.get_type_name()})]


RULES: dict[str, Sequence[Rule]] = {
    "ReduceL1": [reduce_l1],
    "ReduceProd": [reduce_prod],
    "CumSum": [cumulative_sum],
}
