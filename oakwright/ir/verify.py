"""Does the rewritten model compute what its source computes, and if not, from which layer on?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import Node, Output, Type

from oakwright.errors import ConversionMismatch

from .graph import depends_on_input, redirect
from .legalise.pooling import adaptive_max_pool, avg_pool
from .legalise.precision import widen
from .legalise.rewrite import Rule, as_output
from .legalise.versions import reshape_to_scalar
from .oracle import chunks, in_order, run_on_cpu, tensors_of


@dataclass(frozen=True)
class Agreement:
    """How far two models are apart: max |a - b| / max |a|, the worst output and each of them."""

    difference: float
    outputs: dict[str, float]


def compare(
    original: ov.Model,
    legalised: ov.Model,
    inputs: Mapping[str, np.ndarray],
    tolerance: float = 1e-3,
) -> Agreement:
    """Run both on the CPU in F32 and compare all outputs.

    ``inputs`` goes by name. Raises ConversionMismatch beyond ``tolerance``, naming the first
    layer, in topological order, where the two part; layers are matched by name, which the
    legaliser keeps.
    """
    original = _for_cpu(original)
    try:
        wanted, got = run_on_cpu(original, inputs), run_on_cpu(legalised, inputs)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:300]
        raise ConversionMismatch(
            f"the model cannot be run on the CPU to compare it: {reason}",
            remedy="convert without verifying, and compare the blob's results yourself",
            layer="",
            difference=float("nan"),
        ) from error
    names = [result.input_value(0).get_node().get_friendly_name() for result in legalised.results]
    outputs = {
        name: relative_difference(a, b) for name, a, b in zip(names, wanted, got, strict=True)
    }
    worst = max(outputs.values(), default=0.0)
    if worst <= tolerance:
        return Agreement(worst, outputs)
    name = max(outputs, key=lambda key: outputs[key])
    layer, difference = _first_difference(original, legalised, inputs, tolerance) or (name, worst)
    raise ConversionMismatch(
        f"layer '{layer}' differs from its source by {difference:.2g} "
        f"(allowed is {tolerance:g}; output '{name}' differs by {worst:.2g})",
        remedy="please report this layer; until then cut the model before it or rewrite it",
        layer=layer,
        difference=difference,
    )


def _for_cpu(model: ov.Model) -> ov.Model:
    """The model without the layers that OpenVINO's CPU plugin itself gets wrong or cannot run.

    AvgPool that counts its pads and rounds up: the plugin divides by the whole window, also by
    what reaches beyond the pads (torch and the definition do not). AdaptiveMaxPool: the plugin
    has no I64 indices, read or not. Reshape of a product to a scalar: the plugin crashes. They
    are replaced as the legaliser does, which is tested against their definitions. numpy has no
    bf16 to feed such an input with.
    """
    if any(port.get_element_type() == Type.bf16 for port in model.inputs):
        model = model.clone()
        widen(model)
    if not any(_MENDS.get(node.get_type_name(), _never)(node) for node in model.get_ops()):
        return model
    work = model.clone()
    for node in work.get_ordered_ops():
        if _MENDS.get(node.get_type_name(), _never)(node):
            replacement = _RULES[node.get_type_name()](node) or ()
            for old, new in zip(node.outputs(), replacement, strict=True):
                new = as_output(new)
                new.get_node().set_friendly_name(node.get_friendly_name())
                redirect(old, new)
    return work


def _never(_: Node) -> bool:
    return False


def _counts_pads_and_rounds_up(node: Node) -> bool:
    attrs = node.get_attributes()
    return (
        node.type_info.version_id != "opset1"
        and not attrs["exclude-pad"]
        and str(attrs["rounding_type"]).startswith("ceil")
        and any(attrs["pads_begin"])
    )


def _has_unread_indices(node: Node) -> bool:
    return not node.output(1).get_target_inputs()


def _gives_a_scalar(node: Node) -> bool:
    shape = node.get_output_partial_shape(0)
    return bool(shape.is_static) and not len(shape.to_shape())


_MENDS: dict[str, Callable[[Node], bool]] = {
    "AvgPool": _counts_pads_and_rounds_up,
    "AdaptiveMaxPool": _has_unread_indices,
    "Reshape": _gives_a_scalar,
}
_RULES: dict[str, Rule] = {
    "AvgPool": avg_pool,
    "AdaptiveMaxPool": adaptive_max_pool,
    "Reshape": reshape_to_scalar,
}


def relative_difference(wanted: np.ndarray, got: np.ndarray) -> float:
    """max |a - b| / max |a|; infinite where shapes or what is not finite differ."""
    if wanted.shape != got.shape:
        return float("inf")
    a, b = wanted.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(a)
    # What overflows FP16 is brought to its bound on purpose: an infinity may be a large number.
    beyond = ~finite & ~np.isnan(a)
    if not np.array_equal(np.isnan(a), np.isnan(b)) or np.any(
        (np.abs(b[beyond]) < 60000) | (np.sign(a[beyond]) != np.sign(b[beyond]))
    ):
        return float("inf")
    if not finite.any():
        return 0.0
    if not np.isfinite(b[finite]).all():
        return float("inf")
    gap = np.abs(a[finite] - b[finite]).max()
    scale = np.abs(a[finite]).max()
    # Below the smallest normal FP16 number a difference is none the chip could show.
    return float(gap / max(scale, 6e-5))


def _first_difference(
    original: ov.Model, legalised: ov.Model, inputs: Mapping[str, np.ndarray], tolerance: float
) -> tuple[str, float] | None:
    pairs = _matching(original, legalised)
    ours, theirs = in_order(legalised, inputs), in_order(original, inputs)
    for group in chunks([a for a, _ in pairs]):
        partners = [b for a, b in pairs if any(a == c for c in group)]
        wanted = tensors_of(original, group, theirs)
        got = tensors_of(legalised, partners, ours)
        for tensor, a, b in zip(group, wanted, got, strict=True):
            difference = relative_difference(a, b)
            if difference > tolerance:
                return tensor.get_node().get_friendly_name(), difference
    return None


def _matching(original: ov.Model, legalised: ov.Model) -> list[tuple[Output, Output]]:
    """Tensors of the same name and shape in both, in the original's topological order."""
    theirs = {
        node.get_friendly_name(): node
        for node in legalised.get_ordered_ops()
        if node.get_output_size() == 1 and node.get_type_name() not in ("Constant", "Result")
    }
    live = depends_on_input(original)
    pairs = []
    for node in original.get_ordered_ops():
        if node.get_name() not in live or node.get_type_name() in ("Parameter", "Result"):
            continue
        partner = theirs.get(node.get_friendly_name())
        if partner is None or node.get_output_size() != 1:
            continue
        a, b = node.output(0), partner.output(0)
        if a.get_partial_shape().is_static and a.get_partial_shape() == b.get_partial_shape():
            pairs.append((a, b))
    return pairs
