"""What joining asks of each op: which operands to join along which axis, and what to build.

A plan function takes values of one op, side by side along an axis, and says how one value of
that op can stand for all; or None. ``join`` follows the plans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..graph import Value, make
from ..ops import (
    ARITHMETIC,
    COMPARISONS,
    ELEMENTWISE,
    binary,
    concat,
    constant,
    reshape,
    slice_box,
    transpose,
)
from .channels import join_channels
from .rewrite import same
from .windows import WINDOW_OPS, join_tiles, rebuilt, windows_of

Values = tuple[Value, ...]


@dataclass
class Plan:
    """What to join first, and what to make of it."""

    build: Callable[[list[Value]], Value | None]
    parts: list[tuple[Values, int]] = field(default_factory=list)
    # Whether the parts are ranges of output channels over one and the same input.
    is_range: bool = False


def plan_for(values: Values, axis: int) -> Plan | None:
    """How to join ``values`` along ``axis``, or None where nothing is known."""
    first = values[0]
    op = first.node.op
    if any(_kind(v) != _kind(first) or v.rank != first.rank for v in values):
        return None
    if op == "Constant":
        return Plan(lambda _: concat(values, axis))
    if op == "Slice":
        return Plan(lambda _: _slices(values, axis) or _rows(values, axis))
    if any(v.node.attributes != first.node.attributes for v in values) and op not in _VARIED:
        return None
    make_plan = _PLANS.get(op)
    return make_plan(values, axis) if make_plan is not None else None


def _kind(value: Value) -> str:
    """The op; a convolution is one whether in groups or not."""
    return value.node.op.removeprefix("Group")


def _slices(values: Values, axis: int) -> Value | None:
    """Boxes of one tensor that lie side by side."""
    base = values[0].node.inputs[0]
    a = values[0].node.attributes
    at = a["begin"][axis]
    for value in values:
        b = value.node.attributes
        if value.node.inputs[0] is not base or b["step"] != a["step"] or a["step"][axis] != 1:
            return None
        if b["begin"][axis] != at:
            return None
        for i in range(base.rank):
            if i != axis and (b["begin"][i], b["end"][i]) != (a["begin"][i], a["end"][i]):
                return None
        at = b["end"][axis]
    end = list(a["end"])
    end[axis] = at
    return slice_box(base, a["begin"], end, a["step"])


def _rows(values: Values, axis: int) -> Value | None:
    """Equal stretches of one tensor, one behind the other in memory, as rows of it."""
    base = values[0].node.inputs[0]
    cut = next((i for i, d in enumerate(base.shape) if d > 1), base.rank)
    if axis >= cut or any(v.node.inputs[0] is not base for v in values):
        return None
    length = values[0].shape[cut]
    first = values[0].node.attributes["begin"][cut]
    for number, value in enumerate(values):
        a = value.node.attributes
        begin = first + number * length
        box = [(0, d) for d in base.shape]
        box[cut] = (begin, begin + length)
        if list(zip(a["begin"], a["end"], strict=True)) != box or any(s != 1 for s in a["step"]):
            return None
    low, high = [0] * base.rank, list(base.shape)
    low[cut], high[cut] = first, first + len(values) * length
    shape = list(values[0].shape)
    shape[axis] = len(values)
    return reshape(slice_box(base, low, high), shape)


def _operands(values: Values, index: int) -> Values:
    return tuple(v.node.inputs[index] for v in values)


def _with_inputs(value: Value, inputs: Values, axis: int, size: int) -> Value:
    """The node of ``value`` on other operands, ``size`` long along ``axis``."""
    shape = list(value.shape)
    shape[axis] = size
    return make(value.node.op, inputs, tuple(shape), value.dtype, **value.node.attributes)


def _total(values: Values, axis: int) -> int:
    return sum(v.shape[axis] for v in values)


def _elementwise(values: Values, axis: int) -> Plan:
    return Plan(
        lambda parts: _with_inputs(values[0], (parts[0],), axis, _total(values, axis)),
        [(_operands(values, 0), axis)],
    )


def _softmax(values: Values, axis: int) -> Plan | None:
    return None if values[0].node.attributes["axis"] == axis else _elementwise(values, axis)


def _binary(values: Values, axis: int) -> Plan | None:
    """Two operands, each joined, or broadcast along ``axis`` and the same for all."""
    parts: list[tuple[Values, int]] = []
    fixed: dict[int, Value] = {}
    for index in range(2):
        side = _operands(values, index)
        own = axis - (values[0].rank - side[0].rank)
        if any(s.rank != side[0].rank for s in side):
            return None
        if own < 0 or all(s.shape[own] == 1 for s in side):
            if all(same(s, side[0]) for s in side) and (
                own < 0 or any(v.shape[axis] != 1 for v in values) or side[0].constant is not None
            ):
                fixed[index] = side[0]
                continue
            if own < 0:
                return None
        if all(s.constant is not None for s in side):
            fixed[index] = _spread(values, side, axis, own)
            continue
        if any(s.shape[own] != v.shape[axis] for s, v in zip(side, values, strict=True)):
            return None
        parts.append((side, own))
    if not parts:
        return None

    def build(joined: list[Value]) -> Value:
        rest = iter(joined)
        a, b = (fixed[i] if i in fixed else next(rest) for i in range(2))
        return binary(values[0].node.op, a, b)

    return Plan(build, parts)


def _spread(values: Values, constants: Values, axis: int, own: int) -> Value:
    """Constants side by side, each repeated where it was broadcast."""
    arrays = []
    for value, each in zip(values, constants, strict=True):
        data = each.constant
        assert data is not None
        if data.shape[own] != value.shape[axis]:
            data = np.repeat(data, value.shape[axis], own)
        arrays.append(data)
    return constant(np.concatenate(arrays, own))


def _prelu(values: Values, axis: int) -> Plan | None:
    """Slopes are one number, or one per channel (axis 1)."""
    slopes = _operands(values, 1)
    if all(same(s, slopes[0]) for s in slopes) and (axis != 1 or slopes[0].size == 1):
        slope = slopes[0]
    elif axis == 1 and all(s.constant is not None and s.rank == 1 for s in slopes):
        whole = [
            np.broadcast_to(s.constant, (v.shape[1],))
            for s, v in zip(slopes, values, strict=True)
            if s.constant is not None
        ]
        slope = constant(np.concatenate(whole))
    else:
        return None
    return Plan(
        lambda parts: _with_inputs(values[0], (parts[0], slope), axis, _total(values, axis)),
        [(_operands(values, 0), axis)],
    )


def _window(values: Values, axis: int) -> Plan | None:
    nodes = [v.node for v in values]
    if axis >= 2:
        tiled = join_tiles(values, axis)
        if tiled is not None:
            return Plan(lambda _: tiled)
        return _blockwise(values, axis)
    if axis == 1 and not nodes[0].op.endswith("Pool"):
        return _channels(values)
    geometry = windows_of(nodes[0])
    if any(windows_of(n) != geometry for n in nodes) or nodes[0].attributes != nodes[-1].attributes:
        return None
    if len(nodes[0].inputs) == 2 and not all(same(n.inputs[1], nodes[0].inputs[1]) for n in nodes):
        return None
    return Plan(lambda parts: rebuilt(nodes[0], parts[0], geometry), [(_operands(values, 0), axis)])


def _channels(values: Values) -> Plan | None:
    found = join_channels(values)
    if found is None:
        return None
    if isinstance(found, Value):
        return Plan(lambda _: found, is_range=True)
    return Plan(lambda parts: found(parts[0]), [(_operands(values, 0), 1)])


def _blockwise(values: Values, axis: int) -> Plan | None:
    """Windows that do not overlap and use up their input can be joined over any input."""
    nodes = [v.node for v in values]
    geometry = [windows_of(n) for n in nodes]
    for node, windows in zip(nodes, geometry, strict=True):
        w = windows[axis - 2]
        if w.pad_begin or w.reach != w.stride or node.inputs[0].shape[axis] != w.needed():
            return None
        if node.op != nodes[0].op or node.attributes != nodes[0].attributes:
            return None
        if len(node.inputs) == 2 and not same(node.inputs[1], nodes[0].inputs[1]):
            return None
    windows = list(geometry[0])
    w = windows[axis - 2]
    windows[axis - 2] = type(w)(w.kernel, w.stride, 0, _total(values, axis), w.dilation)
    return Plan(lambda parts: rebuilt(nodes[0], parts[0], windows), [(_operands(values, 0), axis)])


def _reshape(values: Values, axis: int) -> Plan | None:
    """A reshape that leaves everything from the outside up to ``axis`` as it is."""
    sources = _operands(values, 0)
    if any(
        s.rank <= axis or s.shape[: axis + 1] != v.shape[: axis + 1] or s.rank != sources[0].rank
        for s, v in zip(sources, values, strict=True)
    ):
        return None
    if any(v.shape[axis + 1 :] != values[0].shape[axis + 1 :] for v in values):
        return None
    shape = list(values[0].shape)
    shape[axis] = _total(values, axis)
    return Plan(lambda parts: reshape(parts[0], shape), [(sources, axis)])


def _transpose(values: Values, axis: int) -> Plan:
    order = values[0].node.attributes["order"]
    return Plan(lambda parts: transpose(parts[0], order), [(_operands(values, 0), order[axis])])


def _concat(values: Values, axis: int) -> Plan | None:
    """Concatenations along another axis, cut alike: join their operands one by one."""
    other = values[0].node.attributes["axis"]
    nodes = [v.node for v in values]
    if other == axis or len({len(n.inputs) for n in nodes}) > 1:
        return None
    parts = [tuple(n.inputs[k] for n in nodes) for k in range(len(nodes[0].inputs))]
    if any(len({v.shape[other] for v in part}) > 1 for part in parts):
        return None
    return Plan(lambda joined: concat(joined, other), [(part, axis) for part in parts])


def _matmul(values: Values, axis: int) -> Plan | None:
    """Rows of one product: the same constant on the right."""
    right = _operands(values, 1)
    a = values[0].node.attributes
    if axis >= values[0].rank - 1 or a["transpose_a"] or not all(same(r, right[0]) for r in right):
        return None
    left = _operands(values, 0)
    if right[0].constant is None or right[0].rank > 2 or left[0].rank != values[0].rank:
        return None
    return Plan(
        lambda parts: _with_inputs(values[0], (parts[0], right[0]), axis, _total(values, axis)),
        [(left, axis)],
    )


def _first_operand(values: Values, axis: int) -> Plan | None:
    """Ops that treat the samples of a batch alike; other operands are the same for all."""
    if axis != 0 and not (axis == 1 and values[0].node.op in _PLANEWISE):
        return None
    for index in range(1, len(values[0].node.inputs)):
        others = _operands(values, index)
        if not all(same(o, others[0]) for o in others):
            return None
    rest = values[0].node.inputs[1:]
    sources = _operands(values, 0)
    if any(s.shape[axis] != v.shape[axis] for s, v in zip(sources, values, strict=True)):
        return None
    return Plan(
        lambda parts: _with_inputs(values[0], (parts[0], *rest), axis, _total(values, axis)),
        [(sources, axis)],
    )


# Ops that treat the planes of a sample alike.
_PLANEWISE = frozenset(["Interpolate", "ZeroInsertion"])
# Ops whose attributes may differ between the parts; their plans compare what matters.
_VARIED = frozenset([*WINDOW_OPS])
_PLANS: dict[str, Callable[[Values, int], Plan | None]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(ARITHMETIC | COMPARISONS, _binary),
    **dict.fromkeys(WINDOW_OPS, _window),
    "PRelu": _prelu,
    "Softmax": _softmax,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Concat": _concat,
    "MatMul": _matmul,
    **dict.fromkeys(
        ["Interpolate", "NormalizeL2", "MVN", "LRN", "GRN", "ZeroInsertion", "RegionYolo"],
        _first_operand,
    ),
    **dict.fromkeys(
        ["ReorgYolo", "ConvolutionBackpropData", "GroupConvolutionBackpropData"], _first_operand
    ),
}
