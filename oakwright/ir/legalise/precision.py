"""Element types: one floating type to work in, constants the chip can hold.

The engine computes in FP16 and I32 whatever the IR says. The legaliser works in F32 throughout,
so that rules meet one floating type only and results can be compared with the source; FP16 comes
back as the very last step, when the IR is written.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import Node, Type

from ..graph import redirect

FP16_MAX = 65504.0
_OTHER_FLOATS = ("f16", "bf16", "f64")


def widen(model: ov.Model) -> int:
    """Turn f16, bf16 and f64 into f32 everywhere, in place; returns how many layers changed."""
    count = 0
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "Constant" and _is_other_float(node.get_output_element_type(0)):
            constant = ov.op.Constant(_as_f32(node))
            constant.set_friendly_name(node.get_friendly_name())
            redirect(node.output(0), constant.output(0))
        elif kind == "Parameter" and _is_other_float(node.get_output_element_type(0)):
            node.set_element_type(Type.f32)
        elif kind == "Convert" and _is_other_float(node.get_output_element_type(0)):
            if node.get_input_element_type(0).is_real():
                # f16 -> f32 and back lose their meaning once everything is f32.
                redirect(node.output(0), node.input_value(0))
            else:
                node.set_attribute("destination_type", "f32")
        elif node.get_attributes().get("output_type") in _OTHER_FLOATS:
            node.set_attribute("output_type", "f32")
        else:
            continue
        count += 1
    if count:
        model.validate_nodes_and_infer_types()
    return count


def clamp_constants(model: ov.Model) -> list[str]:
    """Bring float constants into +-65504, in place; returns the names of those that were not.

    Infinite pads and attention masks of -inf are refused by the engine ("Unsupported pad
    value"), and it saturates large weights without a word.
    """
    clamped = []
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or not node.get_output_element_type(0).is_real():
            continue
        values = node.get_data()
        if values.size and (values.max() > FP16_MAX or values.min() < -FP16_MAX):
            constant = ov.op.Constant(np.asarray(np.clip(values, -FP16_MAX, FP16_MAX)))
            constant.set_friendly_name(node.get_friendly_name())
            redirect(node.output(0), constant.output(0))
            clamped.append(node.get_friendly_name())
    return clamped


def _is_other_float(dtype: Type) -> bool:
    return dtype in (Type.f16, Type.bf16, Type.f64)


def _as_f32(constant: Node) -> np.ndarray:
    if constant.get_output_element_type(0) == Type.bf16:
        # numpy has no bf16: its bits are the upper half of an f32.
        bits = constant.get_tensor_view().data.view(np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32).reshape(tuple(constant.get_output_shape(0)))
    return np.asarray(constant.get_data()).astype(np.float32)


def convert_integers(model: ov.Model) -> int:
    """TODO after engine facts."""
    return 0
