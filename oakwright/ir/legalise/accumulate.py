"""Scatters that accumulate at constant places: rounds of one sum (product, maximum) over all.

Each round brings at most one update to each place: they are laid out in the shape of the data,
with what changes nothing everywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .indexing import take_flat
from .rewrite import Refusal, Rule, array_of, const, constant_input, dtype_of, op, reshape, shape_of

MAX_ROUNDS = 64
# What the engine's FP16 takes for infinite; integers have 32 bits.
_LEAST, _MOST = {True: -65504.0, False: -(2**31)}, {True: 65504.0, False: 2**31 - 1}
_COMBINED = {"sum": "Add", "prod": "Multiply", "max": "Maximum", "min": "Minimum"}


def accumulating_scatter_nd(node: Node) -> Sequence[Output] | None:
    """ScatterNDUpdate-15 with a reduction."""
    if _reduction(node) == "none":
        return None
    indices = constant_input(node, 1)
    shape = shape_of(node.input_value(0))
    places = _places(shape)[tuple(np.moveaxis(indices, -1, 0))]
    return [_accumulated(node, places)]


def accumulating_scatter_elements(node: Node) -> Sequence[Output] | None:
    """ScatterElementsUpdate-12 with a reduction that takes the data's own values in."""
    if _reduction(node) == "none":
        return None
    indices = array_of(node.input_value(1))
    if indices is None or not node.get_attributes().get("use_init_val", True):
        raise Refusal(
            f"ScatterElementsUpdate that accumulates ('{_reduction(node)}') at places computed at"
            " run time, or without the values that are there",
            "make the indices constants, or cut the model before this layer",
        )
    shape = shape_of(node.input_value(0))
    axis = int(constant_input(node, 3).reshape(())) % len(shape)
    at: list[NDArray[np.integer]] = list(np.indices(indices.shape))
    at[axis] = np.where(indices < 0, indices + shape[axis], indices)
    return [_accumulated(node, _places(shape)[tuple(at)])]


def _accumulated(node: Node, places: NDArray[np.integer]) -> Output:
    """``places``: where in the flattened data each update goes, in the order of the updates."""
    data, updates = node.input_value(0), node.input_value(2)
    kind = _COMBINED.get(_reduction(node))
    if kind is None:
        raise Refusal(
            f"{node.get_type_name()} that accumulates ('{_reduction(node)}')",
            "write a sum of masked tensors instead, or cut the model before this layer",
        )
    shape, new = shape_of(data), math.prod(shape_of(updates))
    rounds = _rounds(places.ravel())
    if len(rounds) > MAX_ROUNDS:
        raise Refusal(
            f"a scatter that brings {len(rounds)} updates to one place",
            f"at most {MAX_ROUNDS} can be written out; use a product with a constant matrix",
        )
    is_real = dtype_of(data).is_real()
    idle = {"Add": 0, "Multiply": 1, "Maximum": _LEAST[is_real], "Minimum": _MOST[is_real]}[kind]
    padded = op(
        "Concat", [reshape(updates, [new]), const([idle], dtype_of(updates))], {"axis": 0}
    ).output(0)
    result = data
    for targets, sources in rounds:
        taken = np.full(math.prod(shape), new)
        taken[targets] = sources
        result = op(kind, [result, take_flat(padded, taken, shape)]).output(0)
    return result


def _rounds(places: NDArray[np.integer]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Targets and the updates that go there, no target twice in one round."""
    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    starts = np.searchsorted(sorted_places, sorted_places, side="left")
    turn = np.arange(len(places)) - starts
    count = int(turn.max()) + 1 if len(turn) else 0
    return [(sorted_places[turn == number], order[turn == number]) for number in range(count)]


def _reduction(node: Node) -> str:
    return str(node.get_attributes().get("reduction", "none")).lower()


def _places(shape: list[int]) -> NDArray[np.int64]:
    return np.arange(math.prod(shape)).reshape(shape)


RULES: dict[str, Sequence[Rule]] = {
    "ScatterNDUpdate": [accumulating_scatter_nd],
    "ScatterElementsUpdate": [accumulating_scatter_elements],
}
