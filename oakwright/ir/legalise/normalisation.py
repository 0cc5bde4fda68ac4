"""Normalisation over axes the engine does not know.

The engine's MVN stage normalises pictures [N, C, H, W] over (H, W) or (C, H, W); its Normalize
stage works on the channels. Any other set of axes can be brought into the first form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from openvino import Node, Output

from .rewrite import (
    Rule,
    as_output,
    const,
    constant_input,
    dtype_of,
    op,
    reshape,
    shape_of,
    transpose,
)

_SMALLEST = 2.0**-14  # of the numbers that keep all their bits in FP16
_NATIVE = ([2, 3], [1, 2, 3])


def mvn(node: Node) -> Sequence[Output] | None:
    """MVN over any axes: those axes become the row of a picture."""
    x = node.input_value(0)
    rank = len(shape_of(x))
    attrs = node.get_attributes()
    version = node.type_info.version_id
    given: list[int] = []
    if version == "opset6":
        given = [int(a) for a in constant_input(node, 1).ravel()]
        axes = sorted({a % rank for a in given})
        inside = str(attrs["eps_mode"]).lower() == "inside_sqrt"
    else:
        # MVN-2: the axes are a flag, and epsilon stands inside the root.
        first = 1 if attrs["across_channels"] else 2
        axes, inside = list(range(first, rank)), True
    variance = bool(attrs["normalize_variance"])
    if rank == 4 and axes in _NATIVE and inside:
        # MVN-2 is refused even in the form whose MVN-6 is native. Of axes counted from the back
        # the engine sees no channels: it normalises each by itself, without a word.
        return None if given == axes else [_mvn(x, float(attrs["eps"]), variance, axes)]
    return [over_axes(x, axes, float(attrs["eps"]), variance=variance, inside=inside)]


def group_normalisation(node: Node) -> Sequence[Node]:
    """GroupNormalization-12: each group of channels is one row, then scale and shift."""
    x, scale, shift = node.input_values()
    shape = shape_of(x)
    attrs = node.get_attributes()
    groups = int(attrs["num_groups"])
    rows = shape[0] * groups
    picture = [1, rows, 1, math.prod(shape) // rows]
    normal = reshape(_mvn(reshape(x, picture), float(attrs["epsilon"])), shape)
    per_channel = [1, shape[1], *[1] * (len(shape) - 2)]
    scaled = op("Multiply", [normal, reshape(scale, per_channel)])
    return [op("Add", [scaled, reshape(shift, per_channel)])]


def over_axes(
    x: Output | Node,
    axes: Sequence[int],
    epsilon: float,
    *,
    variance: bool = True,
    inside: bool = True,
) -> Output:
    """Zero mean and (with ``variance``) unit deviation over ``axes``, each counted from the front.

    ``inside`` puts epsilon under the root, as nearly everyone does; outside it is added to the
    deviation, for which there is no stage.
    """
    shape = shape_of(x)
    if not inside and variance:
        return _outside(x, axes, epsilon)
    kept = [a for a in range(len(shape)) if a not in axes]
    order = [*kept, *sorted(axes)]
    rows = math.prod(shape[a] for a in kept)
    picture = [1, rows, 1, math.prod(shape) // rows]
    normal = _mvn(reshape(transpose(x, order), picture), epsilon, variance)
    back = [order.index(a) for a in range(len(shape))]
    return transpose(reshape(normal, [shape[a] for a in order]), back)


def normalize_l2(node: Node) -> Sequence[Node] | None:
    """NormalizeL2: native over the channels of a picture with epsilon added, else written out.

    The engine takes other axes and the other mode without a word, and computes the native form.
    """
    x = node.input_value(0)
    shape = shape_of(x)
    axes = sorted({int(a) % len(shape) for a in constant_input(node, 1).ravel()})
    attrs = node.get_attributes()
    added = str(attrs["eps_mode"]).lower() == "add"
    if len(shape) == 4 and axes == [1] and added:
        return None
    squares = op("Multiply", [x, x])
    total: Output | Node = squares
    if axes:
        total = op("ReduceSum", [squares, axes], {"keep_dims": True})
    epsilon = const(attrs["eps"], dtype_of(x))
    bounded = op("Add" if added else "Maximum", [total, epsilon])
    if attrs["eps"] < _SMALLEST:
        # In FP16 epsilon is zero, and a row of zeros would become 0 / 0: there the divisor is 1.
        is_zero = op("Equal", [bounded, const(0, dtype_of(x))])
        kind = dtype_of(x).to_string()
        bounded = op("Add", [bounded, op("Convert", [is_zero], {"destination_type": kind})])
    # To the power of -1/2 is one stage where root and division are three.
    return [op("Multiply", [x, op("Power", [bounded, const(-0.5, dtype_of(x))])])]


def _mvn(
    picture: Output, epsilon: float, variance: bool = True, axes: Sequence[int] = (2, 3)
) -> Output:
    attrs = {"eps": epsilon, "normalize_variance": variance, "eps_mode": "inside_sqrt"}
    return op("MVN", [picture, list(axes)], attrs, version=6).output(0)


def _outside(x: Output | Node, axes: Sequence[int], epsilon: float) -> Output:
    keep = {"keep_dims": True}
    centred = op("Subtract", [x, op("ReduceMean", [x, list(axes)], keep)])
    spread = op("ReduceMean", [op("Multiply", [centred, centred]), list(axes)], keep)
    deviation = op("Add", [op("Sqrt", [spread]), const(epsilon, dtype_of(x))])
    return as_output(op("Divide", [centred, deviation]))


RULES: dict[str, Sequence[Rule]] = {
    "MVN": [mvn],
    "GroupNormalization": [group_normalisation],
    "NormalizeL2": [normalize_l2],
}
