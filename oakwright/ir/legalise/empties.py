"""Tensors without elements: what a general formula leaves over where there is nothing to do.

A rotary embedding over all of a head, for one, splits off the rest of it, [.., 0], and appends it
again. The engine refuses such tensors; here they are not split off in the first place (what appends
constants without elements, OpenVINO's own passes take out).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from openvino import Node, Output

from .rewrite import Rule, array_of, const, dtype_of, op, shape_of


def split_off_nothing(node: Node) -> Sequence[Output] | None:
    """VariadicSplit with parts of length zero: those become constants that nobody computes."""
    if not all(output.get_partial_shape().is_static for output in node.outputs()):
        return None
    sizes = [0 in shape_of(output) for output in node.outputs()]
    axis = array_of(node.input_value(1))
    if not any(sizes) or all(sizes) or axis is None:
        return None
    at = int(axis.reshape(()))
    lengths = [shape_of(o)[at] for o, empty in zip(node.outputs(), sizes, strict=True) if not empty]
    kept: list[Output]
    if len(lengths) == 1:
        kept = [node.input_value(0)]
    else:
        kept = op("VariadicSplit", [node.input_value(0), at, lengths]).outputs()
    left = iter(kept)
    return [
        const(np.zeros(shape_of(output)), dtype_of(output)) if empty else next(left)
        for output, empty in zip(node.outputs(), sizes, strict=True)
    ]


RULES: dict[str, Sequence[Rule]] = {
    "VariadicSplit": [split_off_nothing],
}
