"""Constructors of the graph's ops: each knows its result's shape, and folds what is trivial.

Names and attributes are OpenVINO's (opset 1 to 7). A constructor may give back something simpler
than asked for, as long as it computes the same: a reshape to the same shape is its operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .graph import BOOL, F32, I32, Value, make


def constant(data: np.ndarray | np.generic | float | int | Sequence[int]) -> Value:
    """A constant; FP16 is widened, because the graph computes in FP32. Integers become I32."""
    array = np.asarray(data)
    if array.dtype in (np.float16, np.float64):
        array = array.astype(np.float32)
    elif array.dtype.kind in "iu" and array.dtype.itemsize != 1 and array.dtype != I32:
        array = array.astype(np.int32)
    return make("Constant", (), array.shape, array.dtype, data=array)


def reshape(x: Value, shape: Sequence[int]) -> Value:
    """The same elements in the same order."""
    shape = tuple(int(d) for d in shape)
    if x.node.op == "Reshape":
        x = x.node.inputs[0]
    if x.shape == shape:
        return x
    if x.constant is not None:
        return constant(x.constant.reshape(shape))
    return make("Reshape", (x,), shape, x.dtype)


def transpose(x: Value, order: Sequence[int]) -> Value:
    """Axis ``i`` of the result is axis ``order[i]`` of ``x``."""
    order = tuple(int(i) for i in order)
    if x.node.op == "Transpose":
        inner = x.node.attributes["order"]
        x, order = x.node.inputs[0], tuple(inner[i] for i in order)
    if order == tuple(range(x.rank)):
        return x
    shape = tuple(x.shape[i] for i in order)
    if x.constant is not None:
        return constant(np.ascontiguousarray(x.constant.transpose(order)))
    moved = [i for i in order if x.shape[i] > 1]
    if moved == sorted(moved):
        return reshape(x, shape)
    return make("Transpose", (x,), shape, x.dtype, order=order)


def slice_box(
    x: Value, begin: Sequence[int], end: Sequence[int], step: Sequence[int] | None = None
) -> Value:
    """``x[begin:end:step]`` on every axis; begin and end are absolute, step at least 1."""
    begin, end = tuple(map(int, begin)), tuple(map(int, end))
    step = (1,) * x.rank if step is None else tuple(map(int, step))
    shape = tuple(-(-(e - b) // s) for b, e, s in zip(begin, end, step, strict=True))
    # The tightest end, so that equal boxes are written equally.
    end = tuple(b + (n - 1) * s + 1 for b, n, s in zip(begin, shape, step, strict=True))
    step = tuple(1 if n == 1 else s for n, s in zip(shape, step, strict=True))
    if shape == x.shape:
        return x
    if x.constant is not None:
        box = tuple(slice(b, e, s) for b, e, s in zip(begin, end, step, strict=True))
        return constant(np.ascontiguousarray(x.constant[box]))
    if x.node.op == "Slice":
        a = x.node.attributes
        outer = list(zip(a["begin"], a["step"], strict=True))
        begin = tuple(o + b * s for (o, s), b in zip(outer, begin, strict=True))
        end = tuple(
            b + (n - 1) * s * t + 1
            for b, n, s, (_, t) in zip(begin, shape, step, outer, strict=True)
        )
        step = tuple(
            1 if n == 1 else s * t for n, s, (_, t) in zip(shape, step, outer, strict=True)
        )
        x = x.node.inputs[0]
    return make("Slice", (x,), shape, x.dtype, begin=begin, end=end, step=step)


def slice_axis(x: Value, axis: int, begin: int, end: int) -> Value:
    """``x`` from ``begin`` to ``end`` along one axis."""
    start, stop = [0] * x.rank, list(x.shape)
    start[axis], stop[axis] = begin, end
    return slice_box(x, start, stop)


def concat(values: Sequence[Value], axis: int) -> Value:
    """Values side by side along ``axis``; nested concatenations become one."""
    flat: list[Value] = []
    for value in values:
        if value.node.op == "Concat" and value.node.attributes["axis"] == axis:
            flat.extend(value.node.inputs)
        else:
            flat.append(value)
    if len(flat) == 1:
        return flat[0]
    shape = list(flat[0].shape)
    shape[axis] = sum(v.shape[axis] for v in flat)
    arrays = [v.constant for v in flat]
    if all(a is not None for a in arrays):
        return constant(np.concatenate([a for a in arrays if a is not None], axis))
    return make("Concat", tuple(flat), tuple(shape), flat[0].dtype, axis=axis)


def convert(x: Value, dtype: np.dtype) -> Value:
    """Cast; towards integers this truncates."""
    if x.dtype == dtype:
        return x
    if x.constant is not None:
        return constant(x.constant.astype(dtype))
    return make("Convert", (x,), x.shape, dtype)


def unary(op: str, x: Value, **attributes: Any) -> Value:
    """An op that works on each element alone."""
    return make(op, (x,), x.shape, x.dtype, **attributes)


def binary(op: str, a: Value, b: Value) -> Value:
    """An op on two broadcast operands (numpy rules); comparisons give BOOL."""
    comparison = op in COMPARISONS or op in LOGICAL
    shape = tuple(np.broadcast_shapes(a.shape, b.shape))
    return make(op, (a, b), shape, BOOL if comparison else a.dtype)


def scale(x: Value, factor: float) -> Value:
    """``x * factor``, or ``x`` where the factor is 1."""
    return x if factor == 1 else binary("Multiply", x, constant(np.array(factor, x.dtype)))


def shift(x: Value, offset: float) -> Value:
    """``x + offset``, or ``x`` where the offset is 0."""
    return x if offset == 0 else binary("Add", x, constant(np.array(offset, x.dtype)))


def per_channel(data: np.ndarray, rank: int, axis: int = 1) -> Value:
    """A 1-D constant shaped to broadcast along ``axis`` of a tensor of ``rank``."""
    shape = [1] * rank
    shape[axis] = data.size
    return constant(data.reshape(shape))


def reduce(op: str, x: Value, axes: Sequence[int], keep_dims: bool) -> Value:
    """A reduction over ``axes``."""
    axes = sorted(axes)
    if keep_dims:
        shape = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
    else:
        shape = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    return make(op, (x, constant(np.array(axes, np.int32))), shape, x.dtype, keep_dims=keep_dims)


def matmul(a: Value, b: Value, transpose_a: bool = False, transpose_b: bool = False) -> Value:
    """Matrix product of the two innermost axes, broadcast over the others."""
    rows = a.shape[-1] if transpose_a else a.shape[-2]
    columns = b.shape[-2] if transpose_b else b.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return make(
        "MatMul",
        (a, b),
        (*batch, rows, columns),
        F32,
        transpose_a=transpose_a,
        transpose_b=transpose_b,
    )


def gather(x: Value, indices: Value, axis: int) -> Value:
    """``numpy.take(x, indices, axis)``."""
    shape = x.shape[:axis] + indices.shape + x.shape[axis + 1 :]
    return make("Gather", (x, indices, constant(np.array(axis, np.int32))), shape, x.dtype)


def pad(
    x: Value, begin: Sequence[int], end: Sequence[int], mode: str = "constant", value: float = 0.0
) -> Value:
    """Pad every axis; ``mode`` is OpenVINO's name. Nothing to pad gives ``x``."""
    begin, end = tuple(begin), tuple(end)
    if not any(begin) and not any(end):
        return x
    shape = tuple(b + d + e for b, d, e in zip(begin, x.shape, end, strict=True))
    return make("Pad", (x,), shape, x.dtype, begin=begin, end=end, mode=mode, value=value)


COMPARISONS = frozenset(["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"])
LOGICAL = frozenset(["LogicalAnd", "LogicalOr", "LogicalXor"])
ARITHMETIC = frozenset(
    [
        *("Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum"),
        *("SquaredDifference", "Power", "FloorMod"),
    ]
)
# Ops that work on each element alone, whatever the shape.
ELEMENTWISE = frozenset(
    [
        *("Relu", "Clamp", "Sigmoid", "Tanh", "Elu", "Exp", "Log", "Floor", "Ceiling", "Erf"),
        *(
            "Mish",
            "Gelu",
            "SoftPlus",
            "HSigmoid",
            "HSwish",
            "Swish",
            "Round",
            "Sqrt",
            "Abs",
            "Negative",
        ),
        *("LogicalNot", "Convert"),
    ]
)
