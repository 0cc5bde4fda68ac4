"""Offsets moved behind the next filter, where they cancel: what FP16 then has to hold is small.

Batch norm of a channel that hardly varies becomes a large filter and a large offset that cancel:
one MobileNetV2 of ImageNet has 127 and -1974 there, of which FP16 keeps no fraction, to tell
values of 0..6 apart. Where the layer before ends with an offset, only 1x1 filters follow, and
nothing clamps in between, an offset can pass the filter without changing what comes out:

    w (x + a) + b        is        w (x + a - c) + (b + w c)

for any c. The c of the smallest b + w c (least squares, with a ridge) is about the mean of x + a
over what the network was trained on, without seeing any of it. It costs nothing: both offsets are
there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Node

from ..storage import MAX
from .rewrite import FLOATS, array_of, const

# FP16 keeps 1/32 of it, and 1/16 of what is twice as large.
_LARGE = 64.0
# It is worth a rewriting if the largest offset becomes that much smaller.
_GAIN = 8.0
# A direction in which the filters hardly look is no reason to move far.
_RIDGE = 1e-6
# The centre is rounded to so many bits: then the last ones of a linear algebra do not matter.
_BITS = 12
# Solving for more takes seconds.
_CHANNELS = 1024


@dataclass(frozen=True)
class _Offset:
    """An Add of a constant for each channel, at input ``place``."""

    add: Node
    place: int
    values: NDArray[np.float32]

    def replace(self, values: NDArray[np.float64]) -> None:
        kind = self.add.get_input_element_type(self.place)
        new = const(values.reshape(self.values.shape), kind)
        old = self.add.input_value(self.place).get_node()
        new.get_node().set_friendly_name(f"{old.get_friendly_name()}/centred")
        self.add.input(self.place).replace_source_output(new)


def centre_offsets(model: ov.Model) -> list[Node]:
    """Rewrite, in place, offsets that FP16 would blur; the layers they now follow are returned."""
    centred = []
    order = model.get_ordered_ops()
    places = {node.get_name(): place for place, node in enumerate(order)}
    for node in order:
        before = _offset(node)
        behind = _filters_behind(node, places) if before is not None else None
        if before is None or not behind:
            continue
        weights = np.concatenate([w for w, _ in behind]).astype(np.float64)
        offsets = np.concatenate([offset.values.ravel() for _, offset in behind]).astype(np.float64)
        moved = _centred(before.values.ravel().astype(np.float64), weights, offsets)
        if moved is None:
            continue
        first, left = moved
        before.replace(first)
        start = 0
        for _, offset in behind:
            offset.replace(left[start : start + offset.values.size])
            start += offset.values.size
            centred.append(offset.add)
    return centred


def _centred(
    before: NDArray[np.float64], weights: NDArray[np.float64], offsets: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """What the offsets before and behind the filters [outputs, channels] become, if it pays."""
    largest = np.abs(offsets).max(initial=0)
    if not _LARGE <= largest < np.inf or weights.shape[1] > _CHANNELS:
        return None
    if not (np.isfinite(weights).all() and np.isfinite(before).all()):
        return None
    # The smaller of the two systems whose solution is the same.
    wide = weights.shape[0] < weights.shape[1]
    square = weights @ weights.T if wide else weights.T @ weights
    ridge = _RIDGE * np.trace(square) / len(square)
    if not ridge > 0:
        return None
    square[np.diag_indices_from(square)] += ridge
    centre = (
        -weights.T @ np.linalg.solve(square, offsets)
        if wide
        else np.linalg.solve(square, -weights.T @ offsets)
    )
    furthest = np.abs(centre).max()
    if not 0 < furthest < np.inf:
        return None
    step = 2.0 ** (np.floor(np.log2(furthest)) - _BITS)
    centre = np.round(centre / step) * step
    first, left = before - centre, offsets + weights @ centre
    left[np.abs(left) < 1e-7 * largest] = 0
    if np.abs(left).max() * _GAIN > largest or np.abs(first).max() > MAX:
        return None
    # Numbers are off by a share of their size: no output may be worse for it.
    squares = weights**2
    if (squares @ first**2 + left**2 > squares @ before**2 + offsets**2).any():
        return None
    return first, left


def _offset(node: Node) -> _Offset | None:
    """``node`` as an addition of one number to each channel of planes."""
    if node.get_type_name() != "Add" or node.get_output_element_type(0) not in FLOATS:
        return None
    shape = node.get_output_partial_shape(0)
    if shape.rank.is_dynamic or shape.rank.get_length() != 4 or shape[1].is_dynamic:
        return None
    channels = shape[1].get_length()
    for place in (0, 1):
        values = array_of(node.input_value(place))
        if values is None:
            continue
        if values.size == channels and values.shape in ((1, channels, 1, 1), (channels, 1, 1)):
            return _Offset(node, place, np.asarray(values, np.float32))
    return None


def _filters_behind(
    node: Node, places: Mapping[str, int]
) -> list[tuple[NDArray[np.float32], _Offset]] | None:
    """Weights [outputs, channels] and the offset of all that reads ``node``, 1x1 filters alone.

    In the order of ``places``: OpenVINO has none for readers.
    """
    readers = sorted(
        node.output(0).get_target_inputs(),
        key=lambda reader: (places.get(reader.get_node().get_name(), -1), reader.get_index()),
    )
    behind = []
    for reader in readers:
        weights = _plain_weights(reader.get_node()) if not reader.get_index() else None
        next_readers = (
            reader.get_node().output(0).get_target_inputs() if weights is not None else ()
        )
        if weights is None or len(next_readers) != 1:
            return None
        offset = _offset(next(iter(next_readers)).get_node())
        if offset is None or offset.values.size != len(weights):
            return None
        behind.append((weights, offset))
    return behind


def _plain_weights(layer: Node) -> NDArray[np.float32] | None:
    """[outputs, channels] of a 1x1 convolution that reads nothing beside the picture: an offset
    would be missing there.
    """
    if layer.get_type_name() != "Convolution":
        return None
    weights = array_of(layer.input_value(1))
    if weights is None or weights.ndim != 4 or weights.shape[2:] != (1, 1):
        return None
    facts = layer.get_attributes()
    if facts["auto_pad"] == "explicit" and any((*facts["pads_begin"], *facts["pads_end"])):
        return None
    return np.asarray(weights, np.float32)[:, :, 0, 0]
