"""A model as a list of layers that say which layers they take from: for pictures of the graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import openvino as ov
from openvino import Node

from .graph import op_of
from .inspect import macs
from .legalise import port_names

MOST_ATTRIBUTES = 24
_LONGEST_VALUE = 120  # characters of an attribute's value

Shape = tuple[int | None, ...] | None


@dataclass(frozen=True)
class Layer:
    """One layer; weights and what is computed from weights alone are no layers of their own.

    ``shapes``: of its outputs, None for a size (or a whole shape) nobody knows. ``takes``: places
    in the list of the layers it reads. ``parameters``: numbers in the constants it reads.
    ``macs``: as `inspect.macs`. A model's inputs and outputs are layers ``Parameter-1`` and
    ``Result-1``, with the names of the ports.
    """

    name: str
    operation: str
    shapes: tuple[Shape, ...]
    takes: tuple[int, ...]
    parameters: int
    macs: int
    attributes: Mapping[str, str]


def layers(model: ov.Model) -> list[Layer]:
    """The layers in topological order."""
    names = port_names(model)
    ports = {
        p.get_node().get_instance_id(): n for p, n in zip(model.inputs, names.inputs, strict=True)
    }
    ports |= {
        p.get_node().get_instance_id(): n for p, n in zip(model.outputs, names.outputs, strict=True)
    }
    places: dict[int, int] = {}
    weights: dict[int, int] = {}  # numbers behind what is constant
    found: list[Layer] = []
    for node in model.get_ordered_ops():
        own = node.get_instance_id()
        sources = [value.get_node().get_instance_id() for value in node.input_values()]
        constant = sum(weights.get(source, 0) for source in sources)
        kind = node.get_type_name()
        if kind == "Constant":
            weights[own] = math.prod(int(d) for d in node.get_output_shape(0))
            continue
        if sources and kind != "Result" and all(source in weights for source in sources):
            weights[own] = constant
            continue
        takes = dict.fromkeys(places[source] for source in sources if source in places)
        places[own] = len(found)
        found.append(
            Layer(
                name=ports.get(own, node.get_friendly_name()),
                operation=op_of(node),
                shapes=tuple(_shape(port) for port in node.outputs()),
                takes=tuple(takes),
                parameters=constant,
                macs=macs(node),
                attributes=_attributes(node),
            )
        )
    return found


def _shape(port: Any) -> Shape:
    shape = port.get_partial_shape()
    if not shape.rank.is_static:
        return None
    return tuple(int(d.get_length()) if d.is_static else None for d in shape)


def _attributes(node: Node) -> dict[str, str]:
    found = {}
    for key, value in list(node.get_attributes().items())[:MOST_ATTRIBUTES]:
        text = str(value)
        found[str(key)] = text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ..."
    return found
