"""Writing into tensors at constant places: everything a Gather from "old and new" can say.

The data and the updates are laid end to end; each element of the result is one of them, and which
one is known while converting. Scatters that accumulate are in ``accumulate.py``, asked before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .indexing import slice_axis, take_flat
from .rewrite import Rule, array_of, constant_input, op, reshape, shape_of


def scatter_update(node: Node) -> Sequence[Output] | None:
    """ScatterUpdate-3 with constant indices."""
    indices = array_of(node.input_value(1))
    if indices is None:
        return None
    shape = shape_of(node.input_value(0))
    axis = int(constant_input(node, 3).reshape(())) % len(shape)
    updates = _numbers(node.input_value(2))
    # Updates have the shape data[:axis] + indices + data[axis + 1:].
    rows = np.moveaxis(updates.reshape(*shape[:axis], indices.size, *shape[axis + 1 :]), axis, 0)
    source = np.moveaxis(_places(shape), axis, 0)
    for index, row in zip(indices.ravel(), rows, strict=True):
        source[int(index)] = row + math.prod(shape)
    return [_pick(node.input_value(0), node.input_value(2), np.moveaxis(source, 0, axis))]


def scatter_elements(node: Node) -> Sequence[Output] | None:
    """ScatterElementsUpdate-3/12 with constant indices."""
    indices = array_of(node.input_value(1))
    if indices is None:
        if node.type_info.version_id == "opset3":
            return None
        return [op("ScatterElementsUpdate", node.input_values(), version=3)]
    shape = shape_of(node.input_value(0))
    axis = int(constant_input(node, 3).reshape(())) % len(shape)
    updates, source = _numbers(node.input_value(2)), _places(shape)
    for place in np.ndindex(*indices.shape):
        target = list(place)
        target[axis] = int(indices[place])
        source[tuple(target)] = updates[place] + math.prod(shape)
    return [_pick(node.input_value(0), node.input_value(2), source)]


def scatter_nd(node: Node) -> Sequence[Output]:
    """ScatterNDUpdate-3/15 with constant indices; the engine has none with run-time ones."""
    indices = constant_input(
        node, 1, "write by a mask (Select) or by concatenation, or cut the model before this layer"
    )
    shape = shape_of(node.input_value(0))
    source = _places(shape)
    updates = _numbers(node.input_value(2)).reshape(
        *indices.shape[:-1], *shape[indices.shape[-1] :]
    )
    for place in np.ndindex(*indices.shape[:-1]):
        source[tuple(int(i) for i in indices[place])] = updates[place] + math.prod(shape)
    return [_pick(node.input_value(0), node.input_value(2), source)]


def slice_scatter(node: Node) -> Sequence[Output]:
    """SliceScatter-15: updates written into a slice."""
    start, stop, step = (constant_input(node, i).ravel().tolist() for i in (2, 3, 4))
    shape = shape_of(node.input_value(0))
    axes = (
        constant_input(node, 5).ravel().tolist() if node.get_input_size() > 5 else range(len(start))
    )
    where = [slice(None)] * len(shape)
    for axis, first, last, by in zip(axes, start, stop, step, strict=True):
        where[axis] = slice(*_bounded(first, last, by, shape[axis]))
    source = _places(shape)
    source[tuple(where)] = _numbers(node.input_value(1)) + math.prod(shape)
    return [_pick(node.input_value(0), node.input_value(1), source)]


def _bounded(first: int, last: int, by: int, size: int) -> tuple[int, int | None, int]:
    begin, end, step = slice(first, last, by).indices(size)
    return begin, (None if end < 0 else end), step


def _pick(data: Output, updates: Output, source: NDArray[np.integer]) -> Output:
    """``source`` says for every element its place in data and updates laid end to end."""
    shape = shape_of(data)
    count, new = math.prod(shape), math.prod(shape_of(updates))
    if np.all(source >= count):
        return take_flat(updates, source - count, shape)
    box = _box(source >= count)
    if box is not None and _in_order(source[box], count):
        return _surround(data, updates, box)
    both = op("Concat", [reshape(data, [count]), reshape(updates, [new])], {"axis": 0}).output(0)
    return take_flat(both, source, shape)


def _box(written: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The block that is written, where it is one block with stride 1."""
    if not written.any():
        return None
    bounds = [(axis.min(), axis.max() + 1) for axis in np.nonzero(written)]
    box = tuple(slice(int(first), int(end)) for first, end in bounds)
    return box if written[box].all() else None


def _in_order(block: NDArray[np.integer], count: int) -> bool:
    return bool(np.array_equal(block.ravel(), np.arange(count, count + block.size)))


def _surround(data: Output, updates: Output, box: tuple[slice, ...]) -> Output:
    """A block written as a whole: what lies around it is concatenated to it, axis by axis."""
    shape = shape_of(data)
    result = reshape(updates, [part.stop - part.start for part in box])
    for axis in reversed(range(len(shape))):
        begin, end = box[axis].start, box[axis].stop
        if (begin, end) == (0, shape[axis]):
            continue
        # Axes further in are whole by now; of those further out only the block's part counts.
        around = data
        for outer in range(axis):
            around = slice_axis(around, outer, box[outer].start, box[outer].stop)
        parts = [result]
        if begin > 0:
            parts.insert(0, slice_axis(around, axis, 0, begin))
        if end < shape[axis]:
            parts.append(slice_axis(around, axis, end, shape[axis]))
        result = op("Concat", parts, {"axis": axis}).output(0)
    return result


def _places(shape: list[int]) -> NDArray[np.int64]:
    return np.arange(math.prod(shape)).reshape(shape)


def _numbers(updates: Output) -> NDArray[np.int64]:
    return _places(shape_of(updates))


RULES: dict[str, Sequence[Rule]] = {
    "ScatterUpdate": [scatter_update],
    "ScatterElementsUpdate": [scatter_elements],
    "ScatterNDUpdate": [scatter_nd],
    "SliceScatter": [slice_scatter],
}
