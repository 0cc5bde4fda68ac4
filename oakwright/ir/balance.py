"""Filters in FP16 that still add up to what they did.

A filter of each channel by itself (depthwise) often takes differences: its numbers are up to 100
and add up to about 0. Rounded one by one they add up to something else, and the filter answers to
an even surface. Where that is so, some numbers are rounded the other way: what pixels have in
common then counts for more than how they differ. No number is off by more than one step of FP16.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Output

from .legalise.rewrite import FLOATS, array_of, const
from .storage import LEAST, MAX, stored

# What rounding does to any one number at most: so far off are the sums of filters that smooth.
_TOLERATED = 2.0**-11
# Square of how much larger the mean of the pixels under a filter is taken to be than their spread.
_EVENNESS = 4.0


def balance_filters(model: ov.Model) -> int:
    """Round, in place, the depthwise filters of ``model`` to FP16; how many numbers went the
    other way.
    """
    turned = 0
    names = {node.get_friendly_name() for node in model.get_ops()}
    made: dict[tuple[str, int], Output] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() != "GroupConvolution":
            continue
        source = node.input_value(1)
        key = source.get_node().get_name(), source.get_index()
        if key not in made:
            wide = _depthwise(source)
            if wide is None:
                continue
            rounded = balanced(wide.reshape(-1, int(np.prod(wide.shape[3:])))).reshape(wide.shape)
            changed = int((rounded != stored(wide)).sum())
            if not changed:
                continue
            turned += changed
            made[key] = const(rounded, source.get_element_type())
            name = f"{source.get_node().get_friendly_name()}/balanced"
            while name in names:
                name += "_"
            names.add(name)
            made[key].get_node().set_friendly_name(name)
        node.input(1).replace_source_output(made[key])
    return turned


def _depthwise(source: Output) -> NDArray[np.float32] | None:
    """Weights [groups, outputs, 1, ...] of a depthwise filter that FP16 can hold."""
    weights = array_of(source) if source.get_element_type() in FLOATS else None
    if weights is None or weights.ndim < 4 or weights.shape[2] != 1 or not weights.size:
        return None
    wide = np.asarray(weights, np.float32)
    # Also False where a number is none.
    return wide if np.abs(wide).max() <= MAX else None


def balanced(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of numbers as the engine stores them, each row's sum kept as well as can be.

    float32 [n, k] in and out. With d the errors of a row, what an output is off by has the expected
    square _EVENNESS * sum(d)**2 + sum(d**2), for a spread of 1. One number after the other goes to
    its other neighbour in FP16, the one that lessens it most, until none does.
    """
    wanted = rows.astype(np.float64)
    near = stored(rows).astype(np.float64)
    sums = wanted.sum(1)
    gap = near.sum(1) - sums
    bad = np.flatnonzero(np.abs(gap) > _TOLERATED * np.abs(sums))
    result = near.astype(np.float32)
    if not len(bad):
        return result
    wanted, near, gap = wanted[bad], near[bad], gap[bad]
    step, off = _other(wanted, near) - near, near - wanted
    every = np.arange(len(bad))
    for _ in range(rows.shape[1]):
        change = _EVENNESS * step * (2 * gap[:, None] + step) + step * (2 * off + step)
        best = change.argmin(1)
        better = np.flatnonzero(change[every, best] < 0)
        if not len(better):
            break
        chosen = best[better]
        moved = step[better, chosen]
        near[better, chosen] += moved
        gap[better] += moved
        # There and back is no way.
        step[better, chosen] = 0
    result[bad] = near.astype(np.float32)
    return result


def _other(wanted: NDArray[np.float64], near: NDArray[np.float64]) -> NDArray[np.float64]:
    """The number that can be stored on the other side of ``wanted``; the same where it is exact."""
    half = near.astype(np.float16)
    towards = np.where(near < wanted, np.float16(np.inf), np.float16(-np.inf)).astype(np.float16)
    other = np.nextafter(half, towards).astype(np.float64)
    # Between 0 and 2**-14 there is nothing.
    sign = np.where(near == 0, np.sign(wanted), np.sign(near))
    small = np.abs(other) < LEAST
    other = np.where(small, np.where(np.abs(near) < LEAST, sign * LEAST, 0.0), other)
    other = np.where(np.abs(other) > MAX, near, other)
    return np.where(near == wanted, near, other)
