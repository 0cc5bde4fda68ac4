"""Whole-tensor transforms: Fourier, sampling on a grid, reversing, sorting into buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from openvino import Node, Output

from .activations import truth
from .fourier import dft, idft, irdft, rdft, stft
from .logical import negation
from .rewrite import (
    Refusal,
    Rule,
    constant_input,
    dtype_of,
    op,
    reshape,
    shape_of,
    transpose,
)
from .sampling import col2im, extract_image_patches, grid_sample

_MAX_COMPARISONS = 1 << 22
"""Elements of the tensor that compares every value with every boundary."""


def reverse_sequence(node: Node) -> Sequence[Output]:
    """ReverseSequence-1 with constant lengths: a Gather with constant indices."""
    x = node.input_value(0)
    lengths = constant_input(node, 1, "make the lengths constant, or reverse on the host").astype(
        np.int64
    )
    attrs = node.get_attributes()
    shape = shape_of(x)
    batch_axis, axis = (int(attrs[n]) % len(shape) for n in ("batch_axis", "seq_axis"))
    positions = np.broadcast_to(np.arange(shape[axis]), [shape[batch_axis], shape[axis]])
    ends = lengths.ravel()[:, None]
    reversed_ = np.where(positions < ends, ends - 1 - positions, positions)
    if (reversed_ == reversed_[0]).all():
        return [op("Gather", [x, reversed_[0].astype(np.int32), axis]).output(0)]
    # Batch and sequence in front and as one axis, over which one Gather goes.
    others = [a for a in range(len(shape)) if a not in (batch_axis, axis)]
    order = [batch_axis, axis, *others]
    rest = math.prod(shape[a] for a in others)
    rows = reshape(transpose(x, order), [reversed_.size, rest])
    flat = (reversed_ + np.arange(shape[batch_axis])[:, None] * shape[axis]).ravel()
    taken = op("Gather", [rows, flat.astype(np.int32), 0])
    back = [order.index(a) for a in range(len(shape))]
    return [transpose(reshape(taken, [shape[a] for a in order]), back)]


def bucketize(node: Node) -> Sequence[Output | Node]:
    """Bucketize-3: how many boundaries lie below (or at) each value."""
    boundaries = constant_input(node, 1).ravel()
    inclusive = bool(node.get_attributes()["with_right_bound"])
    return [_count_below(node, node.input_value(0), boundaries, inclusive)]


def search_sorted(node: Node) -> Sequence[Output | Node]:
    """SearchSorted-15 in one constant row of boundaries: Bucketize the other way round."""
    boundaries = constant_input(node, 0)
    if boundaries.ndim != 1:
        raise Refusal(
            "SearchSorted with a row of boundaries of its own for every row of values",
            "search in one row of boundaries, or do it on the host",
        )
    right = bool(node.get_attributes()["right_mode"])
    return [_count_below(node, node.input_value(1), boundaries, not right)]


def _count_below(node: Node, x: Output, boundaries: np.ndarray, inclusive: bool) -> Node:
    """``inclusive``: a value equal to a boundary belongs to the bucket below it."""
    shape = shape_of(x)
    if math.prod(shape) * boundaries.size > _MAX_COMPARISONS:
        raise Refusal(
            f"{math.prod(shape)} values against {boundaries.size} boundaries at once",
            "use fewer boundaries, or do it on the host",
        )
    if not dtype_of(x).is_real():
        x = op("Convert", [x], {"destination_type": "f32"}).output(0)
    column = reshape(x, [math.prod(shape), 1])
    row = boundaries.astype(np.float32)[None, :]
    if inclusive:
        above = op("Greater", [column, row])
    else:
        above = negation(op("Less", [column, row]))
    count = op("ReduceSum", [truth(above, dtype_of(x)), [1]], {"keep_dims": False})
    wanted = dtype_of(node.output(0)).get_type_name()
    return op("Convert", [reshape(count, shape)], {"destination_type": wanted})


RULES: dict[str, Sequence[Rule]] = {
    "DFT": [dft],
    "IDFT": [idft],
    "RDFT": [rdft],
    "IRDFT": [irdft],
    "STFT": [stft],
    "GridSample": [grid_sample],
    "ExtractImagePatches": [extract_image_patches],
    "Col2Im": [col2im],
    "ReverseSequence": [reverse_sequence],
    "Bucketize": [bucketize],
    "SearchSorted": [search_sorted],
}
