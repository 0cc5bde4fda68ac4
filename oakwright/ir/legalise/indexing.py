"""Taking parts out of tensors: slices, pads, gathers, reversals, one-hot, top-k.

What writes into tensors is in ``scatter.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .rewrite import (
    Refusal,
    Rule,
    array_of,
    as_output,
    const,
    constant_input,
    dtype_of,
    op,
    reshape,
    shape_of,
)


def take(source: Output, indices: NDArray[np.integer], axis: int) -> Output:
    """Rows ``indices`` of ``source`` along ``axis``; a plain slice where they are a range."""
    flat = indices.ravel()
    steps = np.diff(flat)
    if (
        indices.ndim == 1
        and flat.size
        and (flat.size == 1 or (steps[0] > 0 and np.ptp(steps) == 0))
    ):
        step = int(steps[0]) if flat.size > 1 else 1
        return slice_axis(source, axis, int(flat[0]), int(flat[-1]) + 1, step)
    return op("Gather", [source, const(indices, np.int32), const(axis, np.int64)]).output(0)


def slice_axis(source: Output, axis: int, begin: int, end: int, step: int = 1) -> Output:
    """``source[.., begin:end:step, ..]`` on one axis; itself where that is everything."""
    shape = shape_of(source)
    if (begin, end, step) == (0, shape[axis], 1):
        return source
    first, last, steps = [0] * len(shape), list(shape), [1] * len(shape)
    first[axis], last[axis], steps[axis] = begin, end, step
    return strided_slice(source, first, last, steps)


def strided_slice(
    source: Output, begin: Sequence[int], end: Sequence[int], steps: Sequence[int]
) -> Output:
    """A StridedSlice whose numbers are all non-negative and mean what they say."""
    masks = {"begin_mask": [0] * len(begin), "end_mask": [0] * len(begin)}
    return op("StridedSlice", [source, list(begin), list(end), list(steps)], masks).output(0)


def take_flat(source: Output, indices: NDArray[np.integer], shape: Sequence[int]) -> Output:
    """Elements by their position in the flattened tensor, as a tensor of ``shape``."""
    size = math.prod(shape_of(source))
    return reshape(take(reshape(source, [size]), indices.ravel(), 0), shape)


def slices(node: Node) -> Sequence[Output]:
    """Slice-8: a StridedSlice of non-negative numbers; a Gather where it runs backwards."""
    start, stop, step = (constant_input(node, i).ravel().tolist() for i in (1, 2, 3))
    axes = (
        constant_input(node, 4).ravel().tolist() if node.get_input_size() > 4 else range(len(start))
    )
    shape = shape_of(node.input_value(0))
    ranges = {
        axis % len(shape): range(*slice(first, last, by).indices(shape[axis]))
        for axis, first, last, by in zip(axes, start, stop, step, strict=True)
    }
    return [_take_ranges(node.input_value(0), ranges)]


def _take_ranges(source: Output, ranges: dict[int, range]) -> Output:
    """One StridedSlice for the axes that run forwards, a Gather for each that does not."""
    shape = shape_of(source)
    begin, end, steps = [0] * len(shape), list(shape), [1] * len(shape)
    backwards = {}
    for axis, wanted in ranges.items():
        if not wanted:
            raise Refusal("it takes an empty slice", "remove the layer: its result has no elements")
        if wanted.step < 0:
            backwards[axis] = np.array(wanted)
        else:
            begin[axis], end[axis], steps[axis] = wanted[0], wanted[-1] + 1, wanted.step
    result = source
    if (begin, end) != ([0] * len(shape), list(shape)) or set(steps) != {1}:
        result = strided_slice(source, begin, end, steps)
    for axis, indices in backwards.items():
        result = take(result, indices, axis)
    return result


def backward_strided_slice(node: Node) -> Sequence[Output] | None:
    """StridedSlice-1 with a negative stride; all others the engine takes as they are."""
    if node.get_input_size() < 4:
        return None
    steps = constant_input(node, 3).ravel()
    if np.all(steps > 0):
        return None
    attrs = {k: list(v) for k, v in node.get_attributes().items() if isinstance(v, (list, tuple))}
    if any(any(attrs.get(k, ())) for k in ("new_axis_mask", "ellipsis_mask")):
        raise Refusal(
            "a slice that runs backwards and adds axes at once",
            "slice and reshape in two steps",
        )
    begin, end = constant_input(node, 1).ravel(), constant_input(node, 2).ravel()
    shape, ranges = shape_of(node.input_value(0)), {}
    for axis, (first, last, by) in enumerate(zip(begin, end, steps, strict=True)):
        free = [_masked(attrs.get(k), axis) for k in ("begin_mask", "end_mask")]
        first, last, by = int(first), int(last), int(by)
        if _masked(attrs.get("shrink_axis_mask"), axis):
            first, last, by, free = first % shape[axis], first % shape[axis] + 1, 1, [False, False]
        bounds = slice(None if free[0] else first, None if free[1] else last, by)
        ranges[axis] = range(*bounds.indices(shape[axis]))
    taken = _take_ranges(node.input_value(0), ranges)
    return [reshape(taken, shape_of(node.output(0)))]


def _masked(mask: list[int] | None, axis: int) -> bool:
    return mask is not None and axis < len(mask) and bool(mask[axis])


def gather(node: Node) -> Sequence[Output] | None:
    """Gather-7/8 with constant indices: a slice or Gather-1 of non-negative ones."""
    shape = shape_of(node.input_value(0))
    axis = int(constant_input(node, 2).reshape(())) % len(shape)
    batch_dims = int(node.get_attributes().get("batch_dims", 0))
    indices = array_of(node.input_value(1))
    if batch_dims:
        return [
            _batched_gather(node, axis, batch_dims % max(len(shape_of(node.input_value(1))), 1))
        ]
    if indices is None:
        if node.type_info.version_id == "opset1":
            return None
        inputs = [node.input_value(0), node.input_value(1), const(axis, np.int64)]
        if node.type_info.version_id == "opset8":
            # The engine reads indices as they are; Gather-8 counts negative ones from the end.
            inputs[1] = _from_the_start(inputs[1], shape[axis])
        return [op("Gather", inputs)]
    if node.type_info.version_id == "opset1" and np.all(indices >= 0):
        return None
    positive = np.where(indices < 0, indices + shape[axis], indices)
    if positive.size == 1:
        taken = slice_axis(
            node.input_value(0), axis, int(positive.flat[0]), int(positive.flat[0]) + 1
        )
        return [reshape(taken, shape_of(node.output(0)))]
    return [op("Gather", [node.input_value(0), const(positive, np.int32), const(axis, np.int64)])]


def _from_the_start(indices: Output, size: int) -> Output:
    """Run-time indices with the negative ones counted from the end; as they are where none is."""
    source = indices.get_node()
    while source.get_type_name() in ("Convert", "Reshape", "Squeeze", "Unsqueeze", "Transpose"):
        source = source.input_value(0).get_node()
    if source.get_type_name() in ("TopK", "Bucketize"):
        return indices
    if source.get_type_name() == "Parameter" and source.get_element_type().to_string() in (
        *("boolean", "u8", "u16", "u32", "u64"),
    ):
        return indices
    kind = dtype_of(indices)
    from_end = op("Less", [indices, const(0, kind)])
    shifted = op("Add", [indices, const(size, kind)])
    return op("Select", [from_end, shifted, indices]).output(0)


def _batched_gather(node: Node, axis: int, batch_dims: int) -> Output:
    """Gather with batch dimensions by positions in the flattened tensor."""
    indices = array_of(node.input_value(1))
    shape = shape_of(node.input_value(0))
    if indices is None:
        if math.prod(shape[:batch_dims]) != 1:
            raise Refusal(
                "Gather with batch dimensions and indices computed at run time",
                "use batch size 1, or cut the model before this layer",
            )
        plain = op(
            "Gather",
            [
                reshape(node.input_value(0), shape[batch_dims:]),
                reshape(node.input_value(1), shape_of(node.input_value(1))[batch_dims:]),
                const(axis - batch_dims, np.int64),
            ],
        )
        return reshape(plain.output(0), shape_of(node.output(0)))
    indices = np.where(indices < 0, indices + shape[axis], indices)
    positions = np.arange(math.prod(shape)).reshape(shape)
    batches = np.ndindex(*shape[:batch_dims])
    rows = [np.take(positions[at], indices[at], axis - batch_dims) for at in batches]
    wanted = shape_of(node.output(0))
    return take_flat(node.input_value(0), np.stack(rows).reshape(wanted), wanted)


def gather_elements(node: Node) -> Sequence[Output] | None:
    """GatherElements-6 with constant indices is a Gather from the flattened tensor."""
    indices = array_of(node.input_value(1))
    if indices is None:
        return None
    shape = shape_of(node.input_value(0))
    axis = int(node.get_attributes()["axis"]) % len(shape)
    indices = np.where(indices < 0, indices + shape[axis], indices)
    positions = np.arange(math.prod(shape)).reshape(shape)
    inside = tuple(slice(None) if a == axis else slice(n) for a, n in enumerate(indices.shape))
    wanted = np.take_along_axis(positions[inside], indices, axis)
    return [take_flat(node.input_value(0), wanted, list(indices.shape))]


def gather_nd(node: Node) -> Sequence[Output] | None:
    """GatherND-5/8 with constant indices is a Gather from the flattened tensor."""
    indices = array_of(node.input_value(1))
    batch_dims = int(node.get_attributes()["batch_dims"])
    if indices is None:
        if node.type_info.version_id == "opset5":
            return None
        if batch_dims > 1:
            raise Refusal(
                f"GatherND with {batch_dims} batch dimensions and indices computed at run time",
                "use one batch dimension at most, or cut the model before this layer",
            )
        return [op("GatherND", node.input_values(), {"batch_dims": batch_dims}, version=5)]
    shape = shape_of(node.input_value(0))
    positions = np.arange(math.prod(shape)).reshape(shape)
    if batch_dims:
        at = np.ndindex(*shape[:batch_dims])
        parts = [positions[i][tuple(np.moveaxis(indices[i], -1, 0))] for i in at]
        wanted = np.stack(parts)
    else:
        wanted = positions[tuple(np.moveaxis(indices, -1, 0))]
    return [take_flat(node.input_value(0), wanted, shape_of(node.output(0)))]


def pad(node: Node) -> Sequence[Output] | None:
    """Pad of ranks other than 3 and 4, of the batch, with negative pads or newer than opset 1."""
    begin, end = constant_input(node, 1).ravel(), constant_input(node, 2).ravel()
    source, mode = node.input_value(0), str(node.get_attributes()["pad_mode"]).lower()
    fits = _pad_fits(shape_of(source), begin, end, mode)
    if node.type_info.version_id == "opset1" and fits and min(*begin, *end) >= 0:
        return None
    cut_from = np.maximum(-begin, 0)
    cut_to = np.array(shape_of(source)) - np.maximum(-end, 0)
    if np.any(cut_from) or np.any(cut_to != shape_of(source)):
        steps = [1] * len(begin)
        source = strided_slice(source, cut_from.tolist(), cut_to.tolist(), steps)
    begin, end = np.maximum(begin, 0), np.maximum(end, 0)
    if not (np.any(begin) or np.any(end)):
        return [source]
    if not _pad_fits(shape_of(source), begin, end, mode):
        sizes, begin, end = _merged(shape_of(source), begin, end)
        source = reshape(source, sizes)
    inputs: list[Output | list[int]] = [source, begin.tolist(), end.tolist()]
    if mode == "constant":
        value = constant_input(node, 3) if node.get_input_size() > 3 else np.zeros(())
        inputs.append(const(value.reshape(()), dtype_of(source)))
    padded = op("Pad", inputs, {"pad_mode": mode}).output(0)
    return [reshape(padded, shape_of(node.output(0)))]


def _pad_fits(
    shape: list[int], begin: NDArray[np.integer], end: NDArray[np.integer], mode: str
) -> bool:
    """Does the engine take a Pad of this form? It wants 3-D or 4-D, and no 4-D batch padded.

    Reflecting 4-D pictures of height or width 1 is refused, whether that axis is padded or not.
    """
    if len(shape) == 4:
        return not (begin[0] or end[0] or (mode == "reflect" and min(shape[2:]) < 2))
    return len(shape) == 3


def _merged(
    shape: list[int], begin: NDArray[np.integer], end: NDArray[np.integer]
) -> tuple[list[int], NDArray[np.integer], NDArray[np.integer]]:
    """The same pads on a 3-D tensor: neighbours without pads become one axis."""
    sizes: list[int] = []
    pads: list[tuple[int, int]] = []
    for size, before, after in zip(shape, begin.tolist(), end.tolist(), strict=True):
        if sizes and (before, after) == (0, 0) == pads[-1]:
            sizes[-1] *= size
        else:
            sizes.append(size)
            pads.append((before, after))
    if len(sizes) == 4 and pads[0] == (0, 0) and sizes[0] == 1:
        sizes, pads = sizes[1:], pads[1:]
    if len(sizes) > 4 or (len(sizes) == 4 and pads[0] != (0, 0)):
        raise Refusal(
            f"{len(shape)} dimensions are padded in a way the engine cannot be given",
            "pad fewer axes at once, in several steps",
        )
    missing = max(3 - len(sizes), 0)
    first, last = np.array([(0, 0)] * missing + pads).T
    return [1] * missing + sizes, first, last


def roll(node: Node) -> Sequence[Output]:
    """Roll-7: every rolled axis is cut in two and put together the other way round."""
    shifts, axes = (
        constant_input(node, 1).ravel().tolist(),
        constant_input(node, 2).ravel().tolist(),
    )
    result = node.input_value(0)
    shape = shape_of(result)
    # One shift may be meant for all axes.
    for shift, axis in zip(shifts * (len(axes) // len(shifts)), axes, strict=True):
        size = shape[axis]
        cut = -shift % size
        if cut:
            parts = [slice_axis(result, axis % len(shape), cut, size)]
            parts.append(slice_axis(result, axis % len(shape), 0, cut))
            result = op("Concat", parts, {"axis": axis % len(shape)}).output(0)
    return [result]


def reverse(node: Node) -> Sequence[Output]:
    """Reverse-1: one Gather per axis."""
    values = constant_input(node, 1).ravel()
    mask = str(node.get_attributes()["mode"]).lower() == "mask"
    axes = np.flatnonzero(values) if mask else values
    result = node.input_value(0)
    for axis in axes.tolist():
        size = shape_of(result)[axis]
        result = take(result, np.arange(size)[::-1], axis % len(shape_of(result)))
    return [result]


def top_k(node: Node) -> Sequence[Output] | None:
    """TopK as TopK-3 with I32 indices, the only integers the chip has."""
    attrs = node.get_attributes()
    index_type = node.get_output_element_type(1).to_string()
    if node.type_info.version_id in ("opset1", "opset3") and index_type == "i32":
        return None
    k = constant_input(node, 1, "give a constant k")
    new = op(
        "TopK",
        [node.input_value(0), const(k.reshape(()), np.int64)],
        {
            "axis": attrs["axis"],
            "mode": attrs["mode"],
            "sort": attrs["sort"],
            "index_element_type": "i32",
        },
        version=3,
    )
    indices = new.output(1)
    if index_type != "i32":
        indices = op("Convert", [indices], {"destination_type": index_type}).output(0)
    return [new.output(0), indices]


def one_hot(node: Node) -> Sequence[Node] | None:
    """OneHot-16 is OneHot-1 once indices from the end are counted from the start."""
    if node.type_info.version_id == "opset1":
        return None
    depth, _, _ = (constant_input(node, index) for index in (1, 2, 3))
    attrs, inputs = node.get_attributes(), list(node.input_values())
    if str(attrs.get("negative_indices_mode", "ignore_negative")).lower() == "normalize":
        inputs[0] = _from_the_start(inputs[0], int(depth.reshape(())))
    return [op("OneHot", inputs, {"axis": int(attrs["axis"])})]


def transposed(node: Node) -> Sequence[Output] | None:
    """A Transpose without an order turns the axes round; the engine wants it said."""
    order = array_of(as_output(node.input_value(1)))
    if order is None or order.size:
        return None
    rank = len(shape_of(node.input_value(0)))
    return [op("Transpose", [node.input_value(0), list(range(rank))[::-1]])]


RULES: dict[str, Sequence[Rule]] = {
    "Slice": [slices],
    "StridedSlice": [backward_strided_slice],
    "Gather": [gather],
    "GatherElements": [gather_elements],
    "GatherND": [gather_nd],
    "Pad": [pad],
    "Roll": [roll],
    "Reverse": [reverse],
    "TopK": [top_k],
    "OneHot": [one_hot],
    "Transpose": [transposed],
}
