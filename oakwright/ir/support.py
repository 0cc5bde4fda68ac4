"""What the 2021.4 engine takes: the table, and the check of a whole model against it."""

from __future__ import annotations

import openvino as ov
from openvino import Node

from .finding import Finding
from .graph import op_of

# Opsets whose operations the engine's reader knows by version.
_OPSETS = frozenset(f"opset{number}" for number in range(1, 8))


def check(model: ov.Model) -> list[Finding]:
    """Every layer of a legalised model that the engine would refuse, all at once."""
    findings = []
    for node in model.get_ordered_ops():
        reason, remedy = _refusal(node)
        if reason:
            name = node.get_friendly_name()
            findings.append(Finding(name, op_of(node), name, reason, remedy))
    return findings


def _refusal(node: Node) -> tuple[str, str]:
    for value in (*node.input_values(), *node.outputs()):
        if not value.get_partial_shape().is_static:
            return (
                f"its shape {value.get_partial_shape()} is not known before run time",
                "give a fixed input shape, or cut the model before the first such layer",
            )
    if node.type_info.version_id not in _OPSETS:
        return (
            f"{op_of(node)} is newer than the engine and the legaliser has no rule for it",
            "cut the model before this layer, or write it with older operations",
        )
    return "", ""
