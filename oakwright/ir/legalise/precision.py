"""Element types: the few the chip has, and constants it can hold.

The engine computes in FP16 and I32 whatever the IR says. The legaliser works in F32 throughout,
so that rules meet one floating type only and results can be compared with the source; FP16 comes
back as the very last step, when the IR is written. Integers are I32 or I64 (which the engine
reads as I32), since it has hardly a layer for the smaller ones.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Node, Output, Type

from ..graph import redirect
from .rewrite import op

FP16_MAX = 65504.0
# -1e9 and -3.4e38 are what masks are written with.
_AS_GOOD_AS_INFINITE = 1e9
_WIDER = {
    **dict.fromkeys(("f16", "bf16", "f64"), "f32"),
    **dict.fromkeys(("i8", "u8", "i16", "u16", "u32"), "i32"),
    "u64": "i64",
}
_NUMPY = {"f32": np.float32, "i32": np.int32, "i64": np.int64}


def widen(model: ov.Model) -> int:
    """Turn floats into f32 and integers into i32 or i64, in place; returns how many changed.

    Float inputs change their type. Integer inputs keep it, and what they feed is converted: an
    image input of U8 stays one. Arithmetic that relies on small integers wrapping around does
    not find that on the chip either.
    """
    count = 0
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        wanted = _WIDER.get(node.get_output_element_type(0).to_string()) if node.outputs() else None
        if kind == "Constant" and wanted:
            constant = ov.op.Constant(np.asarray(_values(node), _NUMPY[wanted]))
            constant.set_friendly_name(node.get_friendly_name())
            redirect(node.output(0), constant.output(0))
        elif kind == "Parameter" and wanted == "f32":
            node.set_element_type(Type.f32)
        elif kind == "Parameter" and wanted:
            _widen_input(node, wanted)
        elif kind == "Convert" and wanted:
            if wanted == "f32" and node.get_input_element_type(0).is_real():
                # f16 -> f32 and back lose their meaning once everything is f32.
                redirect(node.output(0), node.input_value(0))
            else:
                node.set_attribute("destination_type", wanted)
        elif kind in ("TensorIterator", "Loop"):
            if not widen(node.get_function()):
                continue
        elif node.get_attributes().get("output_type") in _WIDER:
            node.set_attribute("output_type", _WIDER[node.get_attributes()["output_type"]])
        else:
            continue
        count += 1
    if count:
        model.validate_nodes_and_infer_types()
    return count


def _widen_input(parameter: Node, wanted: str) -> None:
    """Everything that computes with a small integer input reads it through one Convert."""
    targets = [
        target
        for target in parameter.output(0).get_target_inputs()
        if target.get_node().get_type_name() not in ("Convert", "Result")
    ]
    if not targets:
        return
    wide = op("Convert", [parameter], {"destination_type": wanted})
    wide.set_friendly_name(f"{parameter.get_friendly_name()}/{wanted}")
    for target in targets:
        target.replace_source_output(wide.output(0))


def clamp_constants(model: ov.Model) -> list[tuple[str, float]]:
    """Bring float constants into +-65504, in place.

    Infinite pads and attention masks of -inf are refused by the engine ("Unsupported pad
    value"), and it saturates large weights without a word. Infinities, and the largest numbers of
    the wider types that stand for them in masks, are simply meant to be as low or high as
    possible; for any other value the layer's name and the largest one are returned.
    """
    clamped = []
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or not node.get_output_element_type(0).is_real():
            continue
        values = np.asarray(node.data)
        if not values.size or (values.max() <= FP16_MAX and values.min() >= -FP16_MAX):
            continue
        sizes = np.abs(values)
        constant = ov.op.Constant(np.asarray(np.clip(values, -FP16_MAX, FP16_MAX)))
        constant.set_friendly_name(node.get_friendly_name())
        redirect(node.output(0), constant.output(0))
        meant = sizes[(sizes > FP16_MAX) & (sizes < _AS_GOOD_AS_INFINITE)]
        if meant.size:
            clamped.append((node.get_friendly_name(), float(meant.max())))
    return clamped


def convert_integers(model: ov.Model) -> list[str]:
    """Let layers that compute in FP16 only do so where they stand among integers, in place.

    The engine keeps integers as I32 and has no I32 version of the layers in FP16_ONLY ("input #0
    has type S32, but one of [FP16] is expected"). Their inputs are converted, their result back.
    FP16 holds integers up to 2048 exactly. Returns the names of the layers.
    """
    mended = []
    for node in model.get_ordered_ops():
        data_inputs = FP16_ONLY.get(node.get_type_name())
        if data_inputs is None or not node.get_input_element_type(0).is_integral_number():
            continue
        inputs = [
            _in_float(value) if index in data_inputs else value
            for index, value in enumerate(node.input_values())
        ]
        version = int(str(node.type_info.version_id).removeprefix("opset"))
        new = op(node.get_type_name(), inputs, node.get_attributes(), version=version)
        new.set_friendly_name(node.get_friendly_name())
        for old, result in zip(node.outputs(), new.outputs(), strict=True):
            wanted = old.get_element_type()
            if wanted != result.get_element_type():
                back = op("Convert", [result], {"destination_type": wanted.to_string()})
                back.set_friendly_name(f"{node.get_friendly_name()}/{wanted.to_string()}")
                result = back.output(0)
            redirect(old, result)
        mended.append(node.get_friendly_name())
    return mended


def _values(constant: Node) -> NDArray[np.generic]:
    if constant.get_output_element_type(0) == Type.bf16:
        # numpy has no bf16: its bits are the upper half of an f32.
        bits = np.asarray(constant.data).view(np.uint16).astype(np.uint32) << 16
        return np.asarray(bits).view(np.float32).reshape(tuple(constant.get_output_shape(0)))
    return np.asarray(constant.data)


def _in_float(value: Output) -> Output:
    if not value.get_element_type().is_integral_number():
        return value
    source = value.get_node()
    if source.get_type_name() == "Constant":
        constant = ov.op.Constant(np.asarray(source.data).astype(np.float32))
        constant.set_friendly_name(f"{source.get_friendly_name()}/f32")
        return constant.output(0)
    convert = op("Convert", [value], {"destination_type": "f32"})
    convert.set_friendly_name(f"{source.get_friendly_name()}/f32")
    return convert.output(0)


_BOTH, _FIRST, _PADDED = (0, 1), (0,), (0, 3)

# Layers that the engine refuses over I32, each found by compiling it alone, with the inputs that
# hold data. Add, Subtract, Multiply, Divide, Maximum, Minimum, Select, Equal, GreaterEqual (of the
# comparisons only these), ReduceSum, ReduceMin, Concat, Reshape, Transpose, Split, StridedSlice,
# Gather and the Scatter family take I32.
FP16_ONLY = {
    **dict.fromkeys(("Power", "SquaredDifference", "FloorMod", "MatMul", "PRelu"), _BOTH),
    **dict.fromkeys(("NotEqual", "Greater", "Less", "LessEqual"), _BOTH),
    **dict.fromkeys(
        ("ReduceMean", "ReduceMax", "Tile", "TopK", "Clamp", "Relu", "MaxPool", "AvgPool"), _FIRST
    ),
    "Pad": _PADDED,
}
