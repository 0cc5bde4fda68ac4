"""Neighbours that cancel out: what rules leave behind where their results meet."""

from __future__ import annotations

import openvino as ov
from openvino import Node, Output

from ..graph import redirect
from .rewrite import array_of, reshape, shape_of, transpose


def tidy(model: ov.Model) -> int:
    """Cancel adjacent Transposes, Reshapes and Converts, in place, until nothing changes.

    Returns the number of layers taken out or joined.
    """
    total = 0
    while count := sum(_tidy_layer(node) for node in model.get_ordered_ops()):
        total += count
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
    if inner.get_type_name() != "Transpose":
        return None
    inner_order = array_of(inner.input_value(1))
    if inner_order is None or not inner_order.size:
        return None
    return transpose(inner.input_value(0), inner_order[order].tolist())


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


_RESHAPES = ("Reshape", "Squeeze", "Unsqueeze")


def _tidy_convert(node: Node) -> Output | None:
    """A Convert to the type that is there already is nothing."""
    source = node.input_value(0)
    if source.get_element_type() == node.get_output_element_type(0):
        return source
    inner = source.get_node()
    # bool -> int -> float loses nothing; float -> int -> float does.
    if inner.get_type_name() == "Convert" and inner.get_input_element_type(0).bitwidth == 1:
        return _convert(inner.input_value(0), node)
    return None


def _convert(source: Output, like: Node) -> Output:
    from .rewrite import op

    wanted = like.get_output_element_type(0).to_string()
    return op("Convert", [source], {"destination_type": wanted}).output(0)


_TIDY = {
    "Transpose": _tidy_transpose,
    "Reshape": _tidy_reshape,
    "Squeeze": _tidy_reshape,
    "Unsqueeze": _tidy_reshape,
    "Convert": _tidy_convert,
}
