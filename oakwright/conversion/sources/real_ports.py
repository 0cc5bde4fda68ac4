"""Integer inputs and outputs of quantised models, as the real numbers they stand for.

A quantised TFLite file takes and gives integers q for real numbers scale * (q - zero). The chip
computes in FP16 and has no signed bytes: its blob takes and gives the real numbers themselves.
Bytes (uint8) are what cameras send, so such inputs stay, with the conversion behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset8

_SIGNED = ("i8", "i16")
# Each step passes one layer that only moves values.
_MOVES = ("Transpose", "Reshape", "Squeeze", "Unsqueeze")
_RANGES = {(0.0, 1.0): "0..1", (-1.0, 1.0): "-1..1", (-0.5, 0.5): "-0.5..0.5", (0.0, 255.0): ""}


def make_ports_real(model: ov.Model) -> list[str]:
    """Change ``model`` in place; the notes say what each changed port means now."""
    notes = []
    for parameter in model.get_parameters():
        kind = parameter.get_element_type().to_string()
        if kind in _SIGNED:
            notes += _real_input(model, parameter, kind)
        elif kind == "u8":
            notes += _byte_input(parameter)
    for result in model.get_results():
        notes += _real_output(result)
    model.validate_nodes_and_infer_types()
    return notes


def _real_input(model: ov.Model, parameter: Any, kind: str) -> list[str]:
    quantisers = _quantisers(parameter)
    name = _name(parameter.output(0))
    if not quantisers:
        return [f"input '{name}' takes the integers of the file ({kind}): it has no scale"]
    low, high = _bounds(quantisers[0], 3)
    bottom, top = _bounds(quantisers[0], 1)
    for node in quantisers:
        # Real numbers in, rounded to the same levels: what quantising on the host did.
        node.input(1).replace_source_output(node.input_value(3))
        node.input(2).replace_source_output(node.input_value(4))
    parameter.set_element_type(ov.Type.f32)
    model.validate_nodes_and_infer_types()
    scale = (high - low) / (top - bottom)
    zero = bottom - low / scale
    return [
        f"input '{name}': {kind} in the file, real numbers here, {low:.4g}..{high:.4g}"
        f" (value = {scale:.6g} x (q {-round(zero):+d})); for frames of bytes say"
        f" {_advice(low, high)}"
    ]


def _byte_input(parameter: Any) -> list[str]:
    quantisers = _quantisers(parameter)
    if not quantisers:
        return []
    low, high = _bounds(quantisers[0], 3)
    for node in quantisers:
        (a, b), (c, d) = _bounds(node, 1), _bounds(node, 3)
        # Bytes are whole numbers already: no rounding, two numbers do.
        gain = np.float32((d - c) / (b - a))
        scaled = opset8.multiply(node.input_value(0), opset8.constant(gain))
        shifted = opset8.add(scaled, opset8.constant(np.float32(c - a * gain)))
        shifted.set_friendly_name(node.get_friendly_name())
        node.output(0).replace(shifted.output(0))
    return [
        f"input '{_name(parameter.output(0))}' takes bytes, which the model reads as"
        f" {low:.4g}..{high:.4g}: give no range, mean or scale"
    ]


def _real_output(result: Any) -> list[str]:
    convert = result.input_value(0).get_node()
    while convert.get_type_name() in _MOVES and _readers(convert) == 1:
        convert = convert.input_value(0).get_node()
    if convert.get_type_name() != "Convert" or _readers(convert) != 1:
        return []
    kind = convert.get_output_element_type(0).to_string()
    node = convert.input_value(0).get_node()
    if kind not in (*_SIGNED, "u8") or node.get_type_name() != "FakeQuantize":
        return []
    low, high = _bounds(node, 1)
    levels = int(node.get_attributes()["levels"])
    x, floor, ceiling = (node.input_value(i) for i in range(3))
    real = opset8.fake_quantize(x, floor, ceiling, floor, ceiling, levels)
    real.set_friendly_name(node.get_friendly_name())
    names = convert.output(0).get_names()
    convert.output(0).get_tensor().set_names(set())
    real.output(0).get_tensor().set_names(names)
    for target in convert.output(0).get_target_inputs():
        target.replace_source_output(real.output(0))
    name = _name(result.input_value(0))
    return [f"output '{name}': {kind} in the file, real numbers here, {low:.4g}..{high:.4g}"]


def _readers(node: Any) -> int:
    return len(node.output(0).get_target_inputs())


def _quantisers(parameter: Any) -> list[Any]:
    """The FakeQuantize layers behind an integer input; empty unless all its readers lead there."""
    found: list[Any] = []
    todo = [parameter]
    while todo:
        for target in todo.pop().output(0).get_target_inputs():
            node = target.get_node()
            kind = node.get_type_name()
            if kind == "FakeQuantize" and target.get_index() == 0 and _is_per_tensor(node):
                found.append(node)
            elif kind in (*_MOVES, "Convert") and target.get_index() == 0:
                todo.append(node)
            else:
                return []
    return found


def _is_per_tensor(node: Any) -> bool:
    values = [node.input_value(i).get_node() for i in range(1, 5)]
    return all(v.get_type_name() == "Constant" and v.data.size == 1 for v in values)


def _bounds(node: Any, first: int) -> tuple[float, float]:
    low, high = (node.input_value(i).get_node().data.ravel()[0] for i in (first, first + 1))
    return float(low), float(high)


def _advice(low: float, high: float) -> str:
    step = (high - low) / 100
    for (a, b), text in _RANGES.items():
        if abs(low - a) <= step and abs(high - b) <= step:
            return f"--range {text}" if text else "--ip U8"
    gain = 255 / (high - low)
    return f"--mean {-low * gain:.4g} --scale {gain:.4g}"


def _name(port: Any) -> str:
    return str(min(port.get_names(), default=port.get_node().get_friendly_name())).removesuffix(
        ":0"
    )
