"""Reversing an image's channels, in the weights of who reads it rather than at run time.

OpenVINO's preprocessing can do that too, but it takes every reversing Gather further on in the
network for one of its own: a classifier that ends in ``Gather([1, 0])`` then computes something
else, and says nothing. Here only what is reversed by this module is moved.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import Input, Output

from .legalise import op

CHANNELS = 3
_BINARY = ("Add", "Subtract", "Multiply", "Divide")


def reverse_channels(port: Output, axis: int) -> None:
    """Let all who read ``port`` see its 3 channels, along ``axis``, in reverse order, in place.

    Convolutions take it into their weights, arithmetic with constants and Transposes pass it on;
    for anybody else a Gather does it.
    """
    kept = [each for each in port.get_target_inputs() if not _takes(each, axis)]
    if not kept:
        return
    gather = op("Gather", [port, list(reversed(range(CHANNELS))), axis]).output(0)
    for target in kept:
        target.replace_source_output(gather)


def _takes(target: Input, axis: int) -> bool:
    """Whether the layer behind ``target`` now reads the channels as they are."""
    node = target.get_node()
    kind, index = node.get_type_name(), target.get_index()
    if kind == "Convolution" and index == 0 and axis == 1:
        node.input(1).replace_source_output(_reversed(node.input_value(1), 1))
        return True
    if any(after.get_node().get_type_name() == "Result" for after in _readers(node)):
        return False  # what leaves the network keeps its order, and its name
    passed = _passed_on(target, axis)
    if passed is None:
        return False
    reverse_channels(node.output(0), passed)
    return True


def _readers(node: ov.Node) -> list[Input]:
    return [target for output in node.outputs() for target in output.get_target_inputs()]


def _passed_on(target: Input, axis: int) -> int | None:
    """The axis of the reversed channels behind a layer that treats them alike, else None."""
    node, index = target.get_node(), target.get_index()
    kind = node.get_type_name()
    if kind == "Convert":
        return axis
    if kind == "Transpose" and index == 0 and _is_constant(node.input_value(1)):
        order = [int(n) for n in node.input_value(1).get_node().data]
        return order.index(axis)
    if kind not in _BINARY or not _is_constant(node.input_value(1 - index)):
        return None
    constant = node.input_value(1 - index)
    rank = len(node.output(0).get_shape())
    if len(target.get_source_output().get_shape()) != rank:
        return None
    own = axis - (rank - len(constant.get_shape()))
    if own >= 0 and constant.get_shape()[own] != 1:
        node.input(1 - index).replace_source_output(_reversed(constant, own))
    return axis


def _is_constant(value: Output) -> bool:
    return str(value.get_node().get_type_name()) == "Constant"


def _reversed(value: Output, axis: int) -> Output:
    """Weights with an axis reversed; those that are quantised keep their FakeQuantize in sight."""
    node = value.get_node()
    if _is_constant(value):
        return ov.op.Constant(np.ascontiguousarray(np.flip(node.data, axis))).output(0)
    if node.get_type_name() == "FakeQuantize":
        inputs = [
            _reversed(each, own) if own >= 0 and each.get_shape()[own] != 1 else each
            for each in node.input_values()
            for own in [axis - (len(value.get_shape()) - len(each.get_shape()))]
        ]
        attributes = {"levels": node.get_attributes()["levels"]}
        return op("FakeQuantize", inputs, attributes).output(0)
    return op("Gather", [value, list(reversed(range(CHANNELS))), axis]).output(0)
