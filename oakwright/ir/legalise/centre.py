"""Offsets moved behind the next filter, where they cancel: what FP16 then has to hold is small.

Batch norm of a channel that hardly varies becomes a large filter and a large offset that cancel:
ImageNet's MobileNetV2 has 127 and -1974 there, of which FP16 keeps no fraction, to tell values
of 0..6 apart. Where the layer before ends with an offset, only 1x1 filters follow, and nothing
clamps in between, an offset can pass the filter without changing what comes out:

    w (x + a) + b        is        w (x + a - c) + (b + w c)

for any c. The c of the smallest b + w c (least squares) is about the mean of x + a over what the
network was trained on, without seeing any of it. It costs nothing: both offsets are there already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Node

from .rewrite import array_of, const

# FP16 keeps 1/32 of it, and 1/16 of what is twice as large.
_LARGE = 64.0
# It is worth a rewriting if the largest offset becomes that much smaller.
_GAIN = 8.0


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
    for node in model.get_ordered_ops():
        before = _offset(node)
        behind = _filters_behind(node) if before is not None else None
        if before is None or not behind:
            continue
        weights = np.concatenate([w for w, _ in behind]).astype(np.float64)
        offsets = np.concatenate([offset.values.ravel() for _, offset in behind]).astype(np.float64)
        largest = np.abs(offsets).max()
        if weights.shape[1] != before.values.size or not _LARGE <= largest < np.inf:
            continue
        if not np.isfinite(weights).all():
            continue
        centre = np.linalg.lstsq(weights, -offsets, rcond=1e-6)[0]
        left, first = offsets + weights @ centre, before.values.ravel() - centre
        if np.abs(left).max() * _GAIN > largest or np.abs(first).max() > max(
            1.0, 2 * np.abs(before.values).max()
        ):
            continue
        before.replace(first)
        start = 0
        for _, offset in behind:
            offset.replace(left[start : start + offset.values.size])
            start += offset.values.size
            centred.append(offset.add)
    return centred


def _offset(node: Node) -> _Offset | None:
    """``node`` as an addition of one number to each channel of planes."""
    if node.get_type_name() != "Add" or not node.get_output_element_type(0).is_real():
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


def _filters_behind(node: Node) -> list[tuple[NDArray[np.float32], _Offset]] | None:
    """Weights [outputs, channels] and the offset of all that reads ``node``, 1x1 filters alone."""
    behind = []
    for user in node.output(0).get_target_inputs():
        layer = user.get_node()
        weights = (
            array_of(layer.input_value(1)) if _is_plain(layer) and not user.get_index() else None
        )
        readers = layer.output(0).get_target_inputs() if weights is not None else ()
        offset = _offset(next(iter(readers)).get_node()) if len(readers) == 1 else None
        if weights is None or offset is None:
            return None
        behind.append((np.asarray(weights, np.float32)[:, :, 0, 0], offset))
    return behind


def _is_plain(layer: Node) -> bool:
    """A 1x1 convolution that reads nothing beside the picture, where an offset would be missing."""
    if layer.get_type_name() != "Convolution" or list(layer.input_value(1).shape)[2:] != [1, 1]:
        return False
    facts = layer.get_attributes()
    pads = (*facts["pads_begin"], *facts["pads_end"])
    return facts["auto_pad"] != "explicit" or not any(pads)
