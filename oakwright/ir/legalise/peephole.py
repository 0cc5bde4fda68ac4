"""Neighbours that cancel out: what rules leave behind where their results meet.

A product written as a convolution is wrapped in transposes. Between two of them there is often
an activation or a bias; those are moved before the first transpose, so that the two transposes
meet and cancel:

    conv -> Transpose -> Gelu -> Transpose' -> conv     becomes     conv -> Gelu -> conv
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Node, Output

from ..graph import redirect
from .permutes import joined
from .rewrite import array_of, const, op, reshape, shape_of, transpose

_RESHAPES = ("Reshape", "Squeeze", "Unsqueeze")
_MOVES = ("Transpose", *_RESHAPES)
# What treats every element alike, wherever it stands.
_ELEMENTWISE = (
    *("Relu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Floor", "Ceiling", "Erf", "Negative"),
    *("Clamp", "Elu", "Gelu", "HSwish", "HSigmoid", "Mish", "SoftPlus", "Swish"),
)
_BINARY = ("Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum", "Power")
# Each round brings one layer past one move; models are deep, but not that deep.
_MAX_ROUNDS = 64


def tidy(model: ov.Model) -> int:
    """Cancel adjacent Transposes, Reshapes and Converts, in place, until nothing changes.

    Returns the number of layers taken out, joined or moved.
    """
    total = 0
    for _ in range(_MAX_ROUNDS):
        count = sum(_tidy_layer(node) for node in model.get_ordered_ops())
        total += count
        if not count:
            break
    return total


def _tidy_layer(node: Node) -> bool:
    tidy_one = _TIDY.get(node.get_type_name())
    if tidy_one is None or not node.output(0).get_target_inputs():
        return False
    replacement = tidy_one(node)
    if replacement is None:
        return False
    if replacement.get_node().get_friendly_name() == replacement.get_node().get_name():
        replacement.get_node().set_friendly_name(node.get_friendly_name())
    redirect(node.output(0), replacement)
    return True


def _tidy_transpose(node: Node) -> Output | None:
    """Transpose(Transpose(x)) is one Transpose, or none; so is one that moves nothing."""
    order = array_of(node.input_value(1))
    if order is None or not order.size:
        return None
    source = node.input_value(0)
    if _moves_only_ones(source, order.tolist()):
        return reshape(source, shape_of(node.output(0)))
    inner = source.get_node()
    if inner.get_type_name() in _RESHAPES:
        return _tidy_two_moves(node, order.tolist())
    if inner.get_type_name() != "Transpose":
        return None
    inner_order = array_of(inner.input_value(1))
    if inner_order is None or not inner_order.size:
        return None
    return transpose(inner.input_value(0), inner_order[order].tolist())


def _tidy_two_moves(node: Node, order: list[int]) -> Output | None:
    """Transpose(Reshape(Transpose(x))) with one Transpose, where nobody reads between."""
    source = node.input_value(0)
    while source.get_node().get_type_name() in _RESHAPES:
        if len(source.get_target_inputs()) != 1:
            return None
        source = source.get_node().input_value(0)
    inner = source.get_node()
    if inner.get_type_name() != "Transpose" or len(source.get_target_inputs()) != 1:
        return None
    first, given = array_of(inner.input_value(1)), inner.input_value(0)
    if first is None or not first.size or not given.get_partial_shape().is_static:
        return None
    made = joined(shape_of(given), first.tolist(), shape_of(node.input_value(0)), order)
    if made is None:
        return None
    shape, moved = made
    return reshape(transpose(reshape(given, shape), moved or [0]), shape_of(node.output(0)))


def _moves_only_ones(source: Output, order: list[int]) -> bool:
    """A transpose that keeps the order of all axes longer than 1 is a reshape, and free."""
    if not source.get_partial_shape().is_static:
        return False
    shape = shape_of(source)
    moved = [axis for axis in order if shape[axis] != 1]
    return moved == sorted(moved)


def _tidy_reshape(node: Node) -> Output | None:
    """Reshape(Reshape(x)) is one Reshape, or none where the shape comes back."""
    if not node.get_output_partial_shape(0).is_static:
        return None
    wanted = shape_of(node.output(0))
    source = node.input_value(0)
    while source.get_node().get_type_name() in _RESHAPES:
        source = source.get_node().input_value(0)
    if not source.get_partial_shape().is_static:
        return None
    if shape_of(source) == wanted:
        return source
    return reshape(source, wanted) if source != node.input_value(0) else None


def _tidy_convert(node: Node) -> Output | None:
    """A Convert to the type that is there already is nothing."""
    source = node.input_value(0)
    if source.get_element_type() == node.get_output_element_type(0):
        return source
    inner = source.get_node()
    # bool -> int -> float loses nothing; float -> int -> float does.
    if inner.get_type_name() == "Convert" and inner.get_input_element_type(0).bitwidth == 1:
        wanted = node.get_output_element_type(0).to_string()
        return op("Convert", [inner.input_value(0)], {"destination_type": wanted}).output(0)
    return None


def _hoist(node: Node) -> Output | None:
    """An elementwise layer between two moves goes before the first, so that the two can meet."""
    index, move = _moved_input(node)
    if move is None or not _leads_to_transpose(node) or not _carries_transpose(move):
        return None
    inputs = list(node.input_values())
    inputs[index] = move.input_value(0)
    if len(inputs) == 2:
        other = inputs[1 - index]
        moved = _before(move, array_of(other), shape_of(node.output(0)))
        if moved is None:
            return None
        inputs[1 - index] = const(moved, other.get_element_type())
    version = int(str(node.type_info.version_id).removeprefix("opset"))
    early = op(node.get_type_name(), inputs, node.get_attributes(), version=version)
    if shape_of(early.output(0)) != shape_of(move.input_value(0)):
        return None
    early.set_friendly_name(f"{node.get_friendly_name()}/moved")
    if move.get_type_name() == "Transpose":
        return op("Transpose", [early, move.input_value(1)]).output(0)
    return reshape(early, shape_of(node.output(0)))


def _moved_input(node: Node) -> tuple[int, Node | None]:
    """The input that comes out of a Transpose or Reshape which nobody else reads."""
    values = node.input_values()
    for index, value in enumerate(values):
        source = value.get_node()
        if source.get_type_name() not in _MOVES or len(value.get_target_inputs()) != 1:
            continue
        # A second input must be a constant: that can be moved while converting.
        if len(values) == 1 or array_of(values[1 - index]) is not None:
            same = shape_of(value) == shape_of(node.output(0))
            return (index, source) if same else (0, None)
    return 0, None


def _leads_to_transpose(node: Node) -> bool:
    """Is this followed by a Transpose, at most reshapes and its kind between?"""
    for _ in range(_MAX_ROUNDS):
        readers = node.output(0).get_target_inputs()
        if len(readers) != 1:
            return False
        node = next(iter(readers)).get_node()
        if node.get_type_name() == "Transpose":
            return True
        if node.get_type_name() not in _TIDY or node.get_type_name() == "Convert":
            return False
    return False


def _carries_transpose(move: Node) -> bool:
    """Is this a Transpose, or a Reshape right behind one?"""
    while move.get_type_name() in _RESHAPES:
        move = move.input_value(0).get_node()
    return bool(move.get_type_name() == "Transpose")


def _before(
    move: Node, values: NDArray[np.generic] | None, shape: list[int]
) -> NDArray[np.generic] | None:
    """A constant that met a tensor of ``shape`` after ``move``, for meeting it before."""
    if values is None:
        return None
    if values.size == 1:
        return values.reshape(())
    values = values.reshape([1] * (len(shape) - values.ndim) + list(values.shape))
    if move.get_type_name() == "Transpose":
        order = array_of(move.input_value(1))
        if order is None or not order.size:
            return None
        return values.transpose(np.argsort(order))
    return _reshaped(values, shape, shape_of(move.input_value(0)))


def _reshaped(
    values: NDArray[np.generic], shape: list[int], source: list[int]
) -> NDArray[np.generic] | None:
    """A constant that differs along one axis only, where that axis survives the reshape."""
    axes = [axis for axis, size in enumerate(values.shape) if size != 1]
    if len(axes) != 1:
        return None
    outer, size = math.prod(shape[: axes[0]]), shape[axes[0]]
    for axis, length in enumerate(source):
        if length == size and math.prod(source[:axis]) == outer:
            return values.reshape([size if a == axis else 1 for a in range(len(source))])
    return None


_TIDY: dict[str, Callable[[Node], Output | None]] = {
    "Transpose": _tidy_transpose,
    **dict.fromkeys(_RESHAPES, _tidy_reshape),
    "Convert": _tidy_convert,
    **dict.fromkeys((*_ELEMENTWISE, *_BINARY), _hoist),
}
