"""What every rule is written in: making nodes and constants, and refusing.

A rule takes one node and returns what stands in its place, one output per output of the node, or
None where it does not apply. It never touches the graph itself: the driver in ``driver.py``
connects the replacement, names it after the layer it replaces and writes the rule's name into the
report. A layer that can never work is refused with `Refusal`, which says why and what to do.

Nodes are made through the node factory rather than the ``opsetN`` modules of the Python API,
because those lack several older versions (Interpolate-4, for one).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import openvino as ov
from openvino import Node, Output, Type
from openvino.utils.node_factory import NodeFactory

Value: TypeAlias = "Output | Node | np.ndarray | np.generic | int | float | bool | list[Any]"
Rule: TypeAlias = Callable[[Node], "Sequence[Output | Node] | None"]
# What `array_of` gives as it is, and FP16 is made of: of bf16 it gives the bits as if of f16.
FLOATS = (Type.f16, Type.f32)


class Refusal(Exception):
    """A layer that no rewriting can save; the driver turns it into a finding.

    Inside the room only: callers see the finding in `UnsupportedModel.findings`.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def op(
    kind: str,
    inputs: Sequence[Value],
    attrs: dict[str, Any] | None = None,
    *,
    version: int = 1,
) -> Node:
    """Make one node of ``opset{version}``.

    Numbers, lists and arrays among ``inputs`` become constants: arrays keep their dtype, integers
    (and lists of them) are I64 as axes and shapes want it, floats (and lists of them) take the
    element type of the first tensor among the inputs, F32 if there is none or it is not float.
    """
    tensors = [as_output(value) for value in inputs if isinstance(value, (Output, Node))]
    floating = Type.f32
    if tensors and tensors[0].get_element_type().is_real():
        floating = tensors[0].get_element_type()
    arguments = [
        as_output(value) if isinstance(value, (Output, Node)) else _literal(value, floating)
        for value in inputs
    ]
    return _factory(version).create(kind, arguments, attrs or {})


def const(value: Any, dtype: Any) -> Output:
    """A constant of ``dtype`` (an ``openvino.Type`` or anything numpy takes for a dtype)."""
    wanted = dtype if isinstance(dtype, Type) else Type(np.dtype(dtype))
    if wanted == Type.bf16:
        raise TypeError("rules never see bf16: the driver widens it to f32 first")
    array = np.ascontiguousarray(np.asarray(value).astype(wanted.to_dtype()))
    # ascontiguousarray makes scalars 1-D; the shape is part of the constant's meaning.
    return ov.op.Constant(array.reshape(np.shape(value))).output(0)


def as_output(value: Output | Node) -> Output:
    """The tensor itself, or the only output of a node."""
    return value if isinstance(value, Output) else value.output(0)


def array_of(source: Output | Node) -> np.ndarray | None:
    """The values of a constant input, or None where the input is not constant.

    The array is a view of the constant; do not write to it.
    """
    node = as_output(source).get_node()
    # A Convert over a constant stands where weights were compressed to FP16.
    if node.get_type_name() == "Convert":
        inner = array_of(node.input_value(0))
        return None if inner is None else inner.astype(node.get_element_type().to_dtype())
    if node.get_type_name() != "Constant":
        return None
    return np.asarray(node.data)


def constant_input(node: Node, index: int, remedy: str = "") -> np.ndarray:
    """The values of input ``index``; a Refusal naming the input where it is known at run time."""
    values = array_of(node.input_value(index))
    if values is None:
        raise Refusal(
            f"input #{index} of {node.get_type_name()} is computed at run time; "
            "the engine needs a constant there",
            remedy or "make it a constant in the source model, or cut the model before this layer",
        )
    return values


def shape_of(source: Output | Node) -> list[int]:
    """The static shape, outermost dimension first; a Refusal where it is dynamic."""
    shape = as_output(source).get_partial_shape()
    if not shape.is_static:
        raise Refusal(
            f"the shape {shape} is not known before run time",
            "give a fixed input shape, or cut the model before the first layer of dynamic shape",
        )
    return [int(d) for d in shape.to_shape()]


def dtype_of(source: Output | Node) -> Type:
    """The element type of a tensor."""
    return as_output(source).get_element_type()


def reshape(source: Output | Node, shape: Sequence[int]) -> Output:
    """The tensor under another shape; itself where the shape is the same."""
    if shape_of(source) == list(shape):
        return as_output(source)
    if not shape:
        # Reshaping to an empty list of sizes makes OpenVINO's CPU plugin crash.
        return op("Squeeze", [source, list(range(len(shape_of(source))))]).output(0)
    return op("Reshape", [source, list(shape)], {"special_zero": False}).output(0)


def transpose(source: Output | Node, order: Sequence[int]) -> Output:
    """The tensor with its axes in another order; itself where the order is the same."""
    if list(order) == list(range(len(order))):
        return as_output(source)
    return op("Transpose", [source, list(order)]).output(0)


def _literal(value: Any, floating: Type) -> Output:
    if isinstance(value, (np.ndarray, np.generic)):
        return const(value, value.dtype)
    kind = np.asarray(value).dtype.kind
    # An empty list is an empty list of axes; numpy would call it float.
    if kind in "iu" or np.size(value) == 0:
        return const(value, np.int64)
    if kind == "b":
        return const(value, np.bool_)
    return const(value, floating)


@functools.cache
def _factory(version: int) -> NodeFactory:
    return NodeFactory(f"opset{version}")
