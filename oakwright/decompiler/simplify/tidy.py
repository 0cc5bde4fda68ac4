"""Slices, concatenations, reshapes and transpositions: each as near to its source as possible."""

from __future__ import annotations

import numpy as np

from ..graph import Value, make
from ..ops import ARITHMETIC, ELEMENTWISE, binary, concat, constant, reshape, slice_box, transpose
from .rewrite import Uses


def slice_of_concat(value: Value, uses: Uses) -> Value | None:
    """Slice(Concat): of the operands it touches, where it takes whole ones or a part of one."""
    source = value.node.inputs[0]
    a = value.node.attributes
    if source.node.op != "Concat":
        return None
    axis = source.node.attributes["axis"]
    low, high = a["begin"][axis], a["end"][axis]
    if a["step"][axis] != 1 or (low, high) == (0, source.shape[axis]):
        return None
    kept: list[Value] = []
    at = 0
    for part in source.node.inputs:
        size = part.shape[axis]
        start, stop = max(low - at, 0), min(high - at, size)
        if start < stop:
            begin, end = list(a["begin"]), list(a["end"])
            begin[axis], end[axis] = start, stop
            kept.append(slice_box(part, begin, end, a["step"]))
        at += size
    return concat(kept, axis)


def slice_before(value: Value, uses: Uses) -> Value | None:
    """Slice(f(x)) of a function of single elements: f(Slice(x))."""
    source = value.node.inputs[0]
    node, a = source.node, value.node.attributes
    if not uses.single(source):
        return None

    def cut(x: Value) -> Value | None:
        """The part of a broadcast operand that the slice needs."""
        lead = source.rank - x.rank
        begin, end, step = [], [], []
        for i, dim in enumerate(x.shape):
            whole = dim == 1
            begin.append(0 if whole else a["begin"][lead + i])
            end.append(1 if whole else a["end"][lead + i])
            step.append(1 if whole else a["step"][lead + i])
        return slice_box(x, begin, end, step)

    if node.op in ELEMENTWISE:
        x = cut(node.inputs[0])
        return (
            None if x is None else make(node.op, (x,), value.shape, value.dtype, **node.attributes)
        )
    if node.op in ARITHMETIC and any(v.constant is not None for v in node.inputs):
        x, y = (cut(v) for v in node.inputs)
        if x is None or y is None:
            return None
        made = binary(node.op, x, y)
        return made if made.shape == value.shape else None
    if node.op == "PRelu" and node.inputs[1].size == 1:
        x = cut(node.inputs[0])
        return None if x is None else make("PRelu", (x, node.inputs[1]), value.shape)
    return None


def reshape_before(value: Value, uses: Uses) -> Value | None:
    """Reshape(f(Reshape(x))): f(Reshape(x)), so that reshapes meet and cancel."""
    source = value.node.inputs[0]
    node = source.node
    if not uses.single(source):
        return None
    if node.op in ELEMENTWISE and node.inputs[0].node.op == "Reshape":
        return _through(node.inputs[0], value, source)
    if node.op not in ARITHMETIC:
        return None
    inner = [v for v in node.inputs if v.node.op == "Reshape"]
    others = [v for v in node.inputs if v.constant is not None]
    if len(inner) != 1 or len(others) != 1 or inner[0].shape != source.shape:
        return None
    base = inner[0].node.inputs[0]
    data = others[0].constant
    if base.shape != value.shape or data is None:
        return None
    fitted = _reshaped_constant(data, source.shape, value.shape)
    if fitted is None:
        return None
    operands = [base if v is inner[0] else constant(fitted) for v in node.inputs]
    return binary(node.op, operands[0], operands[1])


def _through(inner: Value, value: Value, source: Value) -> Value | None:
    moved = reshape(inner, value.shape)
    if moved.node.op == "Reshape" and moved.node.inputs[0].shape == source.shape:
        return None
    return make(source.node.op, (moved,), value.shape, source.dtype, **source.node.attributes)


def _reshaped_constant(
    data: np.ndarray, old: tuple[int, ...], new: tuple[int, ...]
) -> np.ndarray | None:
    """A broadcast constant under another shape, kept small; None where it would grow."""
    if data.size == 1:
        return data.reshape([1] * len(new))
    full = data.reshape([1] * (len(old) - data.ndim) + list(data.shape))
    # Long axes must correspond one to one, in order.
    olds = [i for i, d in enumerate(old) if d > 1]
    news = [i for i, d in enumerate(new) if d > 1]
    if [old[i] for i in olds] != [new[i] for i in news]:
        return None
    shape = [1] * len(new)
    for i, j in zip(olds, news, strict=True):
        shape[j] = full.shape[i]
    return full.reshape(shape)


def transpose_before(value: Value, uses: Uses) -> Value | None:
    """Transpose(f(Transpose(x))): f of both, which may be none."""
    source = value.node.inputs[0]
    node = source.node
    if node.op not in ELEMENTWISE or not uses.single(source):
        return None
    inner = node.inputs[0]
    if inner.node.op != "Transpose":
        return None
    moved = transpose(inner, value.node.attributes["order"])
    if moved.node.op == "Transpose":
        return None
    return make(node.op, (moved,), value.shape, source.dtype, **node.attributes)


def reshape_of_reshape(value: Value, uses: Uses) -> Value | None:
    """Only the last of several reshapes matters, and none if the shape is as before."""
    source = value.node.inputs[0]
    if source.node.op == "Reshape" or source.shape == value.shape:
        return reshape(source, value.shape)
    return None


def transpose_of_transpose(value: Value, uses: Uses) -> Value | None:
    """Two transpositions are one."""
    source = value.node.inputs[0]
    if source.node.op == "Transpose":
        return transpose(source, value.node.attributes["order"])
    return None


def slice_of_slice(value: Value, uses: Uses) -> Value | None:
    """A box of a box is a box."""
    source = value.node.inputs[0]
    if source.node.op == "Slice" or source.shape == value.shape:
        a = value.node.attributes
        return slice_box(source, a["begin"], a["end"], a["step"])
    return None


def concat_of_concat(value: Value, uses: Uses) -> Value | None:
    """Nested concatenations along one axis are one."""
    axis = value.node.attributes["axis"]
    if any(v.node.op == "Concat" and v.node.attributes["axis"] == axis for v in value.node.inputs):
        return concat(value.node.inputs, axis)
    return None


def concat_of_slices(value: Value, uses: Uses) -> Value | None:
    """The same box, across the axis, of several tensors: that box of their Concat."""
    axis = value.node.attributes["axis"]
    parts = value.node.inputs
    if any(v.node.op != "Slice" for v in parts):
        return None
    bases = [v.node.inputs[0] for v in parts]
    first = parts[0].node.attributes
    for part, base in zip(parts, bases, strict=True):
        a = part.node.attributes
        if part.shape[axis] != base.shape[axis]:
            return None
        for i in range(base.rank):
            box = [each[key][i] for each in (a, first) for key in ("begin", "end", "step")]
            if i != axis and (box[:3] != box[3:] or base.shape[i] != bases[0].shape[i]):
                return None
    whole = concat(bases, axis)
    begin, end, step = (list(first[key]) for key in ("begin", "end", "step"))
    begin[axis], end[axis], step[axis] = 0, whole.shape[axis], 1
    return slice_box(whole, begin, end, step)


def concat_of_reshapes(value: Value, uses: Uses) -> Value | None:
    """Reshaped tensors one behind the other in memory: one reshape of their Concat."""
    axis = value.node.attributes["axis"]
    parts = value.node.inputs
    if any(v.node.op != "Reshape" for v in parts) or any(d != 1 for d in value.shape[:axis]):
        return None
    bases = [v.node.inputs[0] for v in parts]
    first = next((i for i, d in enumerate(bases[0].shape) if d > 1), -1)
    outer, inner = bases[0].shape[:first], bases[0].shape[first + 1 :]
    if first < 0 or any(b.shape[:first] != outer or b.shape[first + 1 :] != inner for b in bases):
        return None
    if len({b.rank for b in bases}) > 1:
        return None
    return reshape(concat(bases, first), value.shape)


def slice_of_reshape(value: Value, uses: Uses) -> Value | None:
    """Slice(Reshape(x)) where the reshape only adds or drops axes of length 1: slice first."""
    source = value.node.inputs[0]
    if source.node.op != "Reshape":
        return None
    base = source.node.inputs[0]
    inside = [i for i, d in enumerate(base.shape) if d > 1]
    outside = [i for i, d in enumerate(source.shape) if d > 1]
    if [base.shape[i] for i in inside] != [source.shape[i] for i in outside]:
        return None
    begin, end, step = [0] * base.rank, list(base.shape), [1] * base.rank
    a = value.node.attributes
    for i, j in zip(inside, outside, strict=True):
        begin[i], end[i], step[i] = a["begin"][j], a["end"][j], a["step"][j]
    return reshape(slice_box(base, begin, end, step), value.shape)
