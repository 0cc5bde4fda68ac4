"""Facts about a model: ports, operations, parameters, multiply-accumulates, layers in order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import openvino as ov
from openvino import Node, Output

from .graph import op_of
from .legalise import port_names


def describe(model: ov.Model) -> dict[str, Any]:
    """What a model is, as plain data.

    ``inputs`` and ``outputs``: name, type, shape (None for a dynamic size). ``operations``: how
    many of each kind, with opset. ``parameters``: numbers held in constants. ``macs``:
    multiply-accumulates of one inference, of layers of static shape. ``layers``: name, operation,
    shape of the first output, in topological order, without constants.
    """
    names = port_names(model)
    layers = [n for n in model.get_ordered_ops() if n.get_type_name() not in ("Constant", "Result")]
    constants = [n for n in model.get_ordered_ops() if n.get_type_name() == "Constant"]
    counts = Counter(op_of(node) for node in layers if node.get_type_name() != "Parameter")
    return {
        "name": model.get_friendly_name(),
        "inputs": [
            {"name": name, **_tensor(port)}
            for name, port in zip(names.inputs, model.inputs, strict=True)
        ],
        "outputs": [
            {"name": name, **_tensor(port)}
            for name, port in zip(names.outputs, model.outputs, strict=True)
        ],
        "operations": dict(sorted(counts.items())),
        "parameters": sum(_size(node.get_output_shape(0)) for node in constants),
        "macs": sum(macs(node) for node in layers),
        "layers": [
            {
                "name": node.get_friendly_name(),
                "operation": op_of(node),
                "shape": _shape(node.output(0)) if node.get_output_size() else [],
            }
            for node in layers
        ],
    }


def macs(node: Node) -> int:
    """Multiply-accumulates of one layer; 0 where it has none or its shape is dynamic."""
    count = _MACS.get(node.get_type_name())
    shapes = [value.get_partial_shape() for value in (*node.input_values(), *node.outputs())]
    if count is None or not all(shape.is_static for shape in shapes):
        return 0
    return count(node)


def _size(shape: Iterable[int]) -> int:
    return math.prod(int(d) for d in shape)


def _weights(node: Node) -> list[int]:
    return [int(d) for d in node.get_input_shape(1)]


def _convolution(node: Node) -> int:
    # Weights [O, I, ...]: every output element takes I * kernel products.
    return _size(node.get_output_shape(0)) * _size(_weights(node)[1:])


def _group_convolution(node: Node) -> int:
    # Weights [G, O, I, ...].
    return _size(node.get_output_shape(0)) * _size(_weights(node)[2:])


def _deconvolution(node: Node) -> int:
    # Weights [I, O, ...]: every input element is spread over O * kernel.
    return _size(node.get_input_shape(0)) * _size(_weights(node)[1:])


def _group_deconvolution(node: Node) -> int:
    return _size(node.get_input_shape(0)) * _size(_weights(node)[2:])


def _product(node: Node) -> int:
    inner = -2 if node.get_attributes()["transpose_a"] else -1
    return _size(node.get_output_shape(0)) * int(node.get_input_shape(0)[inner])


def _lstm_cell(node: Node) -> int:
    batch = int(node.get_input_shape(0)[0])
    return batch * (_size(node.get_input_shape(3)) + _size(node.get_input_shape(4)))


_MACS = {
    "Convolution": _convolution,
    "GroupConvolution": _group_convolution,
    "ConvolutionBackpropData": _deconvolution,
    "GroupConvolutionBackpropData": _group_deconvolution,
    "MatMul": _product,
    "LSTMCell": _lstm_cell,
}


def _tensor(port: Output) -> dict[str, Any]:
    return {"type": port.get_element_type().to_string(), "shape": _shape(port)}


def _shape(port: Output) -> list[int | None] | None:
    shape = port.get_partial_shape()
    if not shape.rank.is_static:
        return None
    return [int(d.get_length()) if d.is_static else None for d in shape]
