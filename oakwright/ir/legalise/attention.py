"""Attention as the matrix products and the softmax it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from openvino import Node, Output, Type

from .rewrite import Rule, array_of, as_output, const, dtype_of, op, shape_of

# Low enough that exp() of it is 0, and what FP16 can still hold.
_MASKED = -65504.0


def scaled_dot_product(node: Node) -> Sequence[Output]:
    """softmax(q kT * scale + mask) v, after ScaledDotProductAttention-13."""
    query, key, value, *rest = node.input_values()
    scale = array_of(rest[1]) if len(rest) > 1 else None
    factor: Output | float = 1 / math.sqrt(shape_of(query)[-1])
    if scale is not None:
        factor = float(scale.reshape(()))
    elif len(rest) > 1:
        factor = rest[1]
    # The query is the smallest tensor to scale; it also keeps the products inside FP16.
    scaled = op("Multiply", [query, factor])
    products = op("MatMul", [scaled, key], {"transpose_a": False, "transpose_b": True}).output(0)
    if node.get_attributes()["causal"]:
        rows, columns = shape_of(products)[-2:]
        future = np.triu(np.full((rows, columns), _MASKED, np.float32), 1)
        products = op("Add", [products, const(future, dtype_of(products))]).output(0)
    elif rest and not _is_nothing(rest[0]):
        products = op("Add", [products, _additive(rest[0])]).output(0)
    weights = op("Softmax", [products], {"axis": len(shape_of(products)) - 1})
    return [op("MatMul", [weights, value], {"transpose_a": False, "transpose_b": False})]


def _is_nothing(mask: Output) -> bool:
    values = array_of(mask)
    return values is not None and values.dtype != np.bool_ and not np.any(values)


def _additive(mask: Output) -> Output:
    """What is added to the products: 0 where a boolean mask lets through."""
    if dtype_of(mask) != Type.boolean:
        return mask
    zero, masked = const(0.0, np.float32), const(_MASKED, np.float32)
    return op("Select", [as_output(mask), zero, masked]).output(0)


RULES: dict[str, Sequence[Rule]] = {"ScaledDotProductAttention": [scaled_dot_product]}
