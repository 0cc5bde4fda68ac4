"""FakeQuantize: the trace that quantised training leaves in a model.

The chip computes in FP16 and has no stage for it. What quantisation does to the range of a value
matters and is kept; what it does to the last bits only where levels are few.
FakeQuantize of weights never gets here: it is folded into the constant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Node, Output
from openvino._offline_transformations import apply_moc_transformations

from .rewrite import Refusal, Rule, const, constant_input, dtype_of, op

# From here on the levels are as fine as int8's: networks keep their accuracy without them.
_FINE = 64


def join_quantise_pairs(model: ov.Model) -> None:
    """Make one FakeQuantize of each quantise-dequantise pair (ONNX, NNCF), in place.

    OpenVINO's common transformations do that while the integers between are still small ones:
    afterwards, in I32, they would pass for arithmetic.
    """
    quantisers = [node for node in model.get_ops() if node.get_type_name() == "FakeQuantize"]
    readers = [target.get_node() for node in quantisers for target in _readers(node)]
    if any(node.get_type_name() == "Convert" for node in readers):
        apply_moc_transformations(model, cf=True)


def _readers(node: Node) -> list[ov.Input]:
    return list(node.output(0).get_target_inputs())


def fake_quantize(node: Node) -> Sequence[Output | Node]:
    """A clamp to the input range, brought into the output range; its levels only where they matter.

    With fine levels the rounding is dropped on purpose: int8 networks keep their accuracy, and a
    MobileNetV2 is a third shorter (382 stages for 566). See :func:`drops_rounding`.
    """
    x = node.input_value(0)
    low, high, out_low, out_high = _bounds(node)
    if np.any(low > high):
        raise Refusal(
            "the input range of FakeQuantize is upside down (its low bound above the high one)",
            "swap the bounds in the source model",
        )
    clamped = _clamp(x, low, high)
    width = np.where(high == low, 1.0, high - low)
    if drops_rounding(node):
        gain = (out_high - out_low) / width
        same = _keeps_range(node)
        return [clamped if same else _affine(clamped, gain, out_low - low * gain)]
    steps = int(node.get_attributes()["levels"]) - 1
    scaled = _affine(clamped, steps / width, -low * steps / width)
    rounded = op("Round", [scaled], {"mode": "half_to_even"}, version=5)
    return [_affine(rounded, (out_high - out_low) / steps, out_low)]


def drops_rounding(node: Node) -> bool:
    """Whether a FakeQuantize is rewritten without its rounding.

    Not where levels are few, nor where the integers themselves are the result (QuantizeLinear
    alone: as many levels as the output range has whole numbers).
    """
    levels = int(node.get_attributes()["levels"])
    _, _, out_low, out_high = _bounds(node)
    are_codes = np.allclose(out_high - out_low, levels - 1, rtol=1e-4)
    return levels >= _FINE and bool(_keeps_range(node) or not are_codes)


def _keeps_range(node: Node) -> bool:
    """Whether it gives the range it takes, to within a hundredth of one level.

    Ranges that were computed from scale and zero point differ in the last bits only.
    """
    low, high, out_low, out_high = _bounds(node)
    step = (high - low) / (int(node.get_attributes()["levels"]) - 1)
    gaps = np.maximum(np.abs(low - out_low), np.abs(high - out_high))
    return bool(np.all(gaps <= 0.01 * step))


def _bounds(node: Node) -> list[NDArray[np.float64]]:
    """Input range and output range."""
    return [constant_input(node, index).astype(np.float64) for index in range(1, 5)]


def _clamp(x: Output, low: NDArray[np.float64], high: NDArray[np.float64]) -> Output | Node:
    if low.size == high.size == 1:
        return op("Clamp", [x], {"min": float(low.ravel()[0]), "max": float(high.ravel()[0])})
    dtype = dtype_of(x)
    return op("Minimum", [op("Maximum", [x, const(low, dtype)]), const(high, dtype)])


def _affine(
    x: Output | Node, gain: NDArray[np.float64], term: NDArray[np.float64]
) -> Output | Node:
    dtype = dtype_of(x)
    if not np.all(gain == 1):
        x = op("Multiply", [x, const(gain, dtype)])
    if np.any(term != 0):
        x = op("Add", [x, const(term, dtype)])
    return x


RULES: dict[str, Sequence[Rule]] = {"FakeQuantize": [fake_quantize]}
