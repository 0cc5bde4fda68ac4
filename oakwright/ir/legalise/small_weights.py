"""Weights that the engine would lose: made larger, with the layer's input made smaller instead.

The engine keeps no FP16 number between 0 and 2**-14 (``storage.py`` is how it rounds them).
Trained networks have whole layers of such weights, where large numbers come in, and lose percents
of their outputs, some everything. A power of two moves from the one side of the product to the
other without changing a bit of it:

    conv(x, w)     becomes     conv(x * 2**-k, w * 2**k)

The input is what shrinks: the output keeps its range, so that nothing can overflow. It costs one
small stage on the input; the engine does not fold it into the weights (a factor behind the
convolution it would).
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Node, Output

from ..storage import stored
from .rewrite import array_of, as_output, const, op

_LAYERS = frozenset(
    (
        *("Convolution", "GroupConvolution"),
        *("ConvolutionBackpropData", "GroupConvolutionBackpropData"),
    )
)
# Relative rms of what storing does to the weights: plain FP16 is at 0.0002.
_TOLERATED = 0.0015
# A channel that much smaller than the largest one does not count.
_DEAD = 1e-5
_LARGEST = 1024.0
# x * 2**-8 still has FP16's full precision down to 2**-6.
_MOST = 8


def lift_small_weights(model: ov.Model) -> list[Node]:
    """Rewrite, in place, the convolutions whose weights storing would harm; they are returned."""
    shrunk: dict[tuple[str, int, int], Output] = {}
    lifted = []
    for node in model.get_ordered_ops():
        if node.get_type_name() not in _LAYERS:
            continue
        weights = array_of(node.input_value(1))
        if weights is None or not node.get_output_element_type(0).is_real():
            continue
        power = _power_for(node, weights)
        if not power:
            continue
        source = node.input_value(0)
        key = source.get_node().get_name(), source.get_index(), power
        if key not in shrunk:
            factor = const(2.0**-power, source.get_element_type())
            shrunk[key] = as_output(op("Multiply", [source, factor]))
        larger = np.asarray(weights, np.float32) * np.float32(2.0**power)
        node.input(0).replace_source_output(shrunk[key])
        node.input(1).replace_source_output(const(larger, node.get_input_element_type(1)))
        lifted.append(node)
    return lifted


def _power_for(node: Node, values: NDArray[np.float32]) -> int:
    """The least power of two that keeps the weights well enough; 0 where they are as they are."""
    weights = np.asarray(values, np.float32)
    kind = node.get_type_name()
    largest = float(np.abs(weights).max(initial=0.0))
    if not 0 < largest < np.inf:
        return 0
    for power in range(_MOST + 1):
        larger = weights * np.float32(2.0**power)
        if largest * 2.0**power >= _LARGEST or (
            _loss(larger, kind.startswith("Group"), "Backprop" in kind) <= _TOLERATED
        ):
            return power
    return _MOST


def _loss(weights: NDArray[np.float32], grouped: bool, transposed: bool) -> float:
    """rms over the output channels of what storing changes by the channel's own rms."""
    wanted = weights.astype(np.float64)
    gap = stored(weights).astype(np.float64) - wanted
    kept = (0, 1) if grouped else (1,) if transposed else (0,)
    if grouped and transposed:
        kept = (0, 2)
    others = tuple(axis for axis in range(weights.ndim) if axis not in kept)
    energy = (wanted**2).mean(others).ravel()
    live = energy > energy.max() * _DEAD**2
    return float(np.sqrt(((gap**2).mean(others).ravel()[live] / energy[live]).mean()))
