"""What FP16, the chip's only floating type, does to a model: overflow and flush to zero.

The engine says nothing of either: it saturates weights beyond +-65504 and rounds tiny ones to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import openvino as ov
from openvino import Node, Output

from .balance import balance_filters
from .finding import Finding
from .graph import depends_on_input, op_of
from .legalise.centre import centre_offsets
from .oracle import EXACT, in_order
from .storage import LEAST, MAX, VANISHES, stored

# A few lost weights are noise; more than half of them are a layer.
_LOST_SHARE = 0.5
# Fewer numbers than these are no layer's weights.
_LAYER = 256


def scan_constants(model: ov.Model) -> list[Finding]:
    """Constants beyond +-65504, and those of which more than half becomes 0 in FP16."""
    findings = []
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or not node.get_output_element_type(0).is_real():
            continue
        sizes = np.abs(np.asarray(node.get_data(), dtype=np.float32))
        if not sizes.size:
            continue
        layer, name = _user(node), node.get_friendly_name()
        largest = float(sizes.max())
        if largest > MAX:
            count = int((sizes > MAX).sum())
            findings.append(
                Finding(
                    layer,
                    "Constant-1",
                    name,
                    f"constant {name} has {count} values beyond +-65504 (up to {largest:.4g}), "
                    "which FP16 cannot hold",
                    "scale the layer down and the next one up",
                    "warning",
                )
            )
        nonzero = sizes[sizes > 0]
        lost = int((nonzero < VANISHES).sum())
        if lost > _LOST_SHARE * nonzero.size:
            findings.append(
                Finding(
                    layer,
                    "Constant-1",
                    name,
                    f"constant {name}: {lost} of {nonzero.size} values become 0 in FP16",
                    "scale the weights up and the result down, or check the training",
                    "warning",
                )
            )
    return findings


def ready_for_fp16(model: ov.Model) -> None:
    """Rewrite, in place, what FP16 weights would blur: for files that others write or read.

    :func:`legalise` and :func:`serialise` do the same on the way to a blob.
    """
    centre_offsets(model)
    balance_filters(model)


def as_stored(model: ov.Model) -> float:
    """Round a model's float constants as the engine stores them in a blob, in place.

    Returns the largest share of a constant's numbers (of those of 256 and more) that are between
    0 and 2**-14 and so are moved further than FP16 would: 0..1.
    """
    moved = 0.0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or not node.get_output_element_type(0).is_real():
            continue
        kind = node.get_element_type()
        value = np.asarray(node.get_data(), dtype=np.float32)
        size = np.abs(value)
        small = (size > 0) & (size < LEAST)
        if not small.any():
            continue
        if value.size >= _LAYER:
            moved = max(moved, float(small.mean()))
        kept = np.asarray(stored(value), kind.to_dtype())
        constant = ov.op.Constant(np.ascontiguousarray(kept))
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(constant.output(0))
    return moved


def scan_activations(model: ov.Model, inputs: Sequence[Mapping[str, np.ndarray]]) -> list[Finding]:
    """Layers whose values leave +-65504 on any of the given inputs, largest value named.

    Runs on the CPU in F32. Each layer is followed by its own greatest absolute value, so that
    the memory needed is that of one inference, however many layers there are.
    """
    work = model.clone()
    live = depends_on_input(work)
    layers = [
        node
        for node in work.get_ordered_ops()
        if node.get_name() in live and node.get_type_name() != "Result"
    ]
    tensors = [
        output
        for node in layers
        for output in node.outputs()
        if output.get_element_type().is_real() and output.get_partial_shape().is_static
    ]
    if not tensors:
        return []
    ordered = [in_order(model, sample) for sample in inputs]
    probe = ov.Model([ov.opset1.result(_greatest(t)) for t in tensors], work.get_parameters(), "p")
    compiled = ov.Core().compile_model(probe, "CPU", EXACT)
    peaks = np.zeros(len(tensors))
    for arrays in ordered:
        values = compiled(arrays)
        now = np.array([float(values[i].reshape(())) for i in range(len(tensors))])
        peaks = np.maximum(peaks, np.nan_to_num(now, nan=np.inf, posinf=np.inf))
    return [
        _overflow(tensor.get_node(), float(peak))
        for tensor, peak in zip(tensors, peaks, strict=True)
        if peak > MAX
    ]


def _greatest(tensor: Output) -> Node:
    axes = ov.op.Constant(np.arange(len(tensor.get_shape()), dtype=np.int64))
    return ov.opset1.reduce_max(ov.opset1.absolute(tensor), axes)


def _overflow(node: Node, peak: float) -> Finding:
    name = node.get_friendly_name()
    return Finding(
        name,
        op_of(node),
        name,
        f"reaches {peak:.6g}, beyond the 65504 of FP16: it becomes infinite on the chip",
        "check mean and scale of the input (0..255 where 0..1 is expected?), or scale this layer",
        "warning",
    )


def _user(constant: Node) -> str:
    """The layer that reads a constant; that is what people know."""
    for target in constant.output(0).get_target_inputs():
        return str(target.get_node().get_friendly_name())
    return str(constant.get_friendly_name())
