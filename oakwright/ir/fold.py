"""Folding what does not depend on an input into constants.

OpenVINO's own ConstantFolding leaves operations that have no reference evaluation (Softmax, group
convolutions and others), shapes that are static but come out of a ShapeOf, and ConvertLike. What
is left of them reaches the engine as run-time slices, pads or weights, which it refuses. Here the
rest is folded by running it once on OpenVINO's CPU plugin.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import Output, Type

from .graph import depends_on_input, redirect

# Outputs are computed in groups, so that folding a large model does not hold everything twice.
_CHUNK_BYTES = 256 * 1024 * 1024


def fold(model: ov.Model) -> int:
    """Replace, in place, every tensor that depends on no input by a constant.

    Returns how many tensors were replaced. The CPU plugin computes in F32 (it would use bf16 by
    default on processors that have it).
    """
    count = _fold_shapes(model)
    outputs = _foldable(model)
    for chunk in _chunks(outputs):
        for output, values in zip(chunk, _evaluate_each(chunk), strict=True):
            if values is None:
                continue
            constant = ov.op.Constant(values)
            constant.set_friendly_name(output.get_node().get_friendly_name())
            redirect(output, constant.output(0))
            count += 1
    return count


def _evaluate_each(outputs: list[Output]) -> list[np.ndarray | None]:
    """As `evaluate`; None for a tensor that the CPU plugin cannot compute.

    Such a layer stays in the graph, where the check finds it.
    """
    try:
        return list(evaluate(outputs))
    except RuntimeError:
        if len(outputs) == 1:
            return [None]
        return [values for output in outputs for values in _evaluate_each([output])]


def evaluate(outputs: list[Output]) -> list[np.ndarray]:
    """The values of tensors that depend on no input; each array owns its memory."""
    results = [ov.opset1.result(output) for output in outputs]
    try:
        sub_model = ov.Model(results, [], "constants")
        compiled = ov.Core().compile_model(sub_model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        values = compiled({})
        return [
            _typed(values[index], output.get_element_type()) for index, output in enumerate(outputs)
        ]
    finally:
        for output, result in zip(outputs, results, strict=True):
            output.remove_target_input(result.input(0))


def _typed(values: np.ndarray, wanted: Type) -> np.ndarray:
    return np.array(values, dtype=wanted.to_dtype(), copy=True, order="C")


def _fold_shapes(model: ov.Model) -> int:
    """ShapeOf of a static shape becomes a constant, ConvertLike becomes Convert."""
    count = 0
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "ShapeOf" and node.get_input_partial_shape(0).is_static:
            dtype = node.get_output_element_type(0).to_dtype()
            shape = np.array(list(node.get_input_shape(0)), dtype=dtype)
            new = ov.op.Constant(shape)
        elif kind == "ConvertLike":
            wanted = node.get_input_element_type(1)
            new = ov.opset1.convert(node.input_value(0), wanted.to_string())
        else:
            continue
        new.set_friendly_name(node.get_friendly_name())
        redirect(node.output(0), new.output(0))
        count += 1
    return count


def _foldable(model: ov.Model) -> list[Output]:
    """Computed constants that something depending on an input (or a Result) reads."""
    dependent = depends_on_input(model)
    found = []
    for node in model.get_ordered_ops():
        if node.get_type_name() in ("Constant", "Result") or node.get_name() in dependent:
            continue
        for output in node.outputs():
            readers = (target.get_node() for target in output.get_target_inputs())
            if any(r.get_type_name() == "Result" or r.get_name() in dependent for r in readers):
                found.append(output)
    return found


def _chunks(outputs: list[Output]) -> list[list[Output]]:
    chunks: list[list[Output]] = []
    filled = _CHUNK_BYTES
    for output in outputs:
        shape = output.get_partial_shape()
        size = int(np.prod(list(shape.to_shape()), dtype=np.int64)) * 4 if shape.is_static else 0
        if filled + size > _CHUNK_BYTES:
            chunks.append([])
            filled = 0
        chunks[-1].append(output)
        filled += size
    return chunks
