"""What every graph made for a bench ends with: layers and tensors of the names they are read by."""

from __future__ import annotations

from collections.abc import Sequence

import openvino as ov
from openvino import opset8 as ops


def named(
    outputs: Sequence[tuple[ov.Node, str]], parameters: Sequence[ov.Node], title: str = "stand_in"
) -> ov.Model:
    """The model of these outputs, each by its name; inputs go by their layers' names."""
    results = []
    for node, name in outputs:
        node.friendly_name = name
        node.output(0).set_names({name})
        results.append(ops.result(node))
    for parameter in parameters:
        parameter.output(0).set_names({parameter.friendly_name})
    return ov.Model(results, list(parameters), title)
