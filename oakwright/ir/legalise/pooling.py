"""Pooling: newer MaxPool and AvgPool, adaptive pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from openvino import Node, Output

from .rewrite import Refusal, Rule, const, dtype_of, op, shape_of


def max_pool(node: Node) -> Sequence[Output] | None:
    """MaxPool-8/14 is MaxPool-1 with explicit pads, unless its indices are read or it is dilated."""
    if node.type_info.version_id == "opset1":
        return None
    if node.output(1).get_target_inputs():
        raise Refusal(
            "the positions of the maxima (MaxPool indices) are used",
            "use an upsampling that needs no indices (MaxUnpool does), or cut the model here",
        )
    attrs = node.get_attributes()
    dilations = [int(d) for d in attrs["dilations"]]
    kernel = [int(k) for k in attrs["kernel"]]
    strides = [int(s) for s in attrs["strides"]]
    begin, end = _pads(node, kernel, strides, dilations)
    source = node.input_value(0)
    if any(d > 1 and k > 1 for d, k in zip(dilations, kernel, strict=True)):
        pooled = _dilated_max(source, kernel, strides, dilations, begin, end)
    else:
        pooled = _max_pool(source, kernel, strides, begin, end)
    # The second output has no readers; the pooled values stand in for it.
    return [pooled, const(0, np.int64 if attrs["index_element_type"] == "i64" else np.int32)]


def _max_pool(
    source: Output, kernel: list[int], strides: list[int], begin: list[int], end: list[int]
) -> Output:
    attrs = {
        "kernel": kernel,
        "strides": strides,
        "pads_begin": begin,
        "pads_end": end,
        "rounding_type": "floor",
        "auto_pad": "explicit",
    }
    return op("MaxPool", [source], attrs).output(0)


def _pads(
    node: Node, kernel: list[int], strides: list[int], dilations: list[int]
) -> tuple[list[int], list[int]]:
    """Explicit pads that give the node's own output size, whatever rounding it asked for."""
    begin = [int(p) for p in node.get_attributes()["pads_begin"]]
    sizes = zip(shape_of(node.input_value(0))[2:], shape_of(node.output(0))[2:], strict=True)
    auto_pad = node.get_attributes()["auto_pad"]
    end = []
    for axis, (size_in, size_out) in enumerate(sizes):
        reach = (size_out - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
        total = reach - size_in
        if auto_pad == "same_upper":
            begin[axis] = max(total, 0) // 2
        elif auto_pad == "same_lower":
            begin[axis] = max(total, 0) - max(total, 0) // 2
        elif auto_pad == "valid":
            begin[axis] = 0
        # Less than nothing means that the last rows are not looked at.
        end.append(max(total - begin[axis], 0))
    return begin, end


def _dilated_max(
    source: Output,
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    begin: list[int],
    end: list[int],
) -> Output:
    raise Refusal("TODO dilated", "")


RULES: dict[str, Sequence[Rule]] = {"MaxPool": [max_pool]}
