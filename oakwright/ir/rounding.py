"""A quantised model without the rounding that the chip does not do.

The chip computes in FP16: it has no int8 arithmetic to be faithful to. The legaliser keeps what
FakeQuantize does to the range of a value and drops the rounding to its levels. To tell a fault of
the legaliser from this known difference, the source is compared with the same rounding taken out.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino._offline_transformations import apply_moc_transformations

from .graph import depends_on_input, redirect
from .legalise.quantise import drops_rounding, fake_quantize
from .legalise.rewrite import as_output


def without_rounding(model: ov.Model) -> tuple[ov.Model, int]:
    """A copy of ``model`` whose FakeQuantize layers only clamp, and how many there were.

    Quantise-dequantise pairs (ONNX) count as one. Layers with few levels keep their rounding, as
    in the legaliser. Where nothing is quantised the model itself comes back, with 0.
    """
    if not any(node.get_type_name() == "FakeQuantize" for node in model.get_ops()):
        return model, 0
    work = model.clone()
    apply_moc_transformations(work, cf=True)  # joins quantise-dequantise pairs
    live = depends_on_input(work)
    dropped = 0
    for node in work.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize" or node.get_name() not in live:
            continue
        if not drops_rounding(node):
            continue
        clamp = as_output(fake_quantize(node)[0])
        clamp.get_node().set_friendly_name(node.get_friendly_name())
        redirect(node.output(0), clamp)
        dropped += 1
    return work, dropped


def rms_difference(wanted: np.ndarray, got: np.ndarray) -> float:
    """Root mean square of a - b, by that of a: what rounding noise amounts to in all."""
    a, b = wanted.astype(np.float64).ravel(), got.astype(np.float64).ravel()
    if a.size != b.size or not np.isfinite(b[np.isfinite(a)]).all():
        return float("inf")
    size = float(np.sqrt(np.mean(a**2))) if a.size else 0.0
    gap = float(np.sqrt(np.mean((a - b) ** 2))) if a.size else 0.0
    return gap / max(size, 6e-5)
