"""Newer versions of an operation that mean the same as an older one, and operations that are none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from openvino import Node, Output, Type

from .rewrite import Refusal, Rule, array_of, constant_input, dtype_of, op, reshape, shape_of


def softmax(node: Node) -> Sequence[Output] | None:
    """Softmax-8 allows negative axes; Softmax-1 does not."""
    if node.type_info.version_id == "opset1":
        return None
    axis = int(node.get_attributes()["axis"])
    rank = len(shape_of(node.output(0)))
    return op("Softmax", [node.input_value(0)], {"axis": axis % rank}).outputs()


def same_shape(node: Node) -> Sequence[Output] | None:
    """Squeeze and Unsqueeze of known shape are a Reshape; Squeeze-15 is no opset the engine knows."""
    if node.type_info.version_id == "opset1":
        return None
    return [reshape(node.input_value(0), shape_of(node.output(0)))]


def identity(node: Node) -> Sequence[Output] | None:
    """Identity-16 passes its input on."""
    return [node.input_value(0)]


RULES: dict[str, Sequence[Rule]] = {
    "Softmax": [softmax],
    "Squeeze": [same_shape],
    "Identity": [identity],
}
