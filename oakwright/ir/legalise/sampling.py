"""Reading a picture at chosen places: grids, patches, and patches put back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .interpolation import cubic_kernel
from .matrices import convolution_attributes
from .rewrite import (
    Refusal,
    array_of,
    as_output,
    const,
    constant_input,
    dtype_of,
    op,
    reshape,
    shape_of,
)

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]
Tap = tuple[Indices, Floats]

_DENSE_WEIGHTS = 1 << 20
"""Weights of one identity convolution; more channels than that are handled in groups."""


def grid_sample(node: Node) -> Sequence[Output | Node]:
    """GridSample-9 with a constant grid: a Gather with constant indices for every tap."""
    x = node.input_value(0)
    grid = array_of(node.input_value(1))
    if grid is None:
        raise Refusal(
            "the grid of GridSample is computed at run time; the chip reads at fixed places only",
            "warp with a depthai Warp or ImageManip node, or make the grid a constant",
        )
    if grid.shape[0] == 1 or all(np.array_equal(grid[0], other) for other in grid):
        return [_sampled(x, grid[0].astype(np.float64), node)]
    # Every picture of the batch has a grid of its own.
    pictures = op("Split", [x, 0], {"num_splits": len(grid)}).outputs()
    done = [_sampled(p, g.astype(np.float64), node) for p, g in zip(pictures, grid, strict=True)]
    return [op("Concat", done, {"axis": 0})]


def _sampled(x: Output, grid: Floats, node: Node) -> Output:
    batch, channels, height, width = shape_of(x)
    flat = reshape(x, [batch * channels, height * width])
    total: Output | Node | None = None
    for positions, weights in _taps(grid, height, width, node):
        if not weights.any():
            continue
        read: Output | Node = op("Gather", [flat, positions.ravel().astype(np.int32), 1])
        if not np.all(weights == 1):
            read = op("Multiply", [read, const(weights.reshape(1, -1), dtype_of(x))])
        total = read if total is None else op("Add", [total, read])
    if total is None:  # the whole grid lies outside
        total = op(
            "Multiply", [op("Gather", [flat, np.zeros(grid[..., 0].size, np.int32), 1]), 0.0]
        )
    return reshape(total, [batch, channels, *grid.shape[:2]])


def _taps(grid: Floats, height: int, width: int, node: Node) -> list[Tap]:
    """Flat positions and weights, tap by tap, for a grid [h, w, (x, y)] in -1..1."""
    attrs = node.get_attributes()
    mode, aligned = str(attrs["mode"]).lower(), bool(attrs["align_corners"])
    padding = _PADDINGS[str(attrs["padding_mode"]).lower()]
    axes = []
    for coordinate, size in ((grid[..., 1], height), (grid[..., 0], width)):
        # In F32, as OpenVINO does: rounding decides which neighbour is nearest.
        g, n = coordinate.astype(np.float32), np.float32(size)
        one, half = np.float32(1), np.float32(0.5)
        place = (g + one) * half * (n - one) if aligned else ((g + one) * n - one) * half
        axes.append([padding(p, w, size, aligned) for p, w in _NEIGHBOURS[mode](place)])
    return [(y * width + x, wy * wx) for y, wy in axes[0] for x, wx in axes[1]]


def _nearest(place: NDArray[np.float32]) -> list[Tap]:
    return [(np.rint(place).astype(np.int64), np.ones(place.shape))]


def _bilinear(place: NDArray[np.float32]) -> list[Tap]:
    low = np.floor(place)
    right = (place - low).astype(np.float64)
    first = low.astype(np.int64)
    return [(first, 1 - right), (first + 1, right)]


def _bicubic(place: NDArray[np.float32]) -> list[Tap]:
    low = np.floor(place)
    offset = (place - low).astype(np.float64)
    first = low.astype(np.int64)
    weights = [cubic_kernel(offset - t, -0.75).astype(np.float64) for t in range(-1, 3)]
    return [(first + t, weight) for t, weight in zip(range(-1, 3), weights, strict=True)]


def _zeros(position: Indices, weight: Floats, size: int, aligned: bool) -> Tap:
    inside = (position >= 0) & (position < size)
    return np.clip(position, 0, size - 1), weight * inside


def _border(position: Indices, weight: Floats, size: int, aligned: bool) -> Tap:
    return np.clip(position, 0, size - 1), weight


def _reflection(position: Indices, weight: Floats, size: int, aligned: bool) -> Tap:
    # About the centres of the outermost pixels if aligned, about their outer edges if not.
    if size == 1:
        return np.zeros_like(position), weight
    period = 2 * (size - 1) if aligned else 2 * size
    folded = position % period
    mirrored = period - folded if aligned else period - 1 - folded
    return np.where(folded < size, folded, mirrored), weight


_NEIGHBOURS: dict[str, Callable[[NDArray[np.float32]], list[Tap]]] = {
    "nearest": _nearest,
    "bilinear": _bilinear,
    "bicubic": _bicubic,
}
_PADDINGS: dict[str, Callable[[Indices, Floats, int, bool], Tap]] = {
    "zeros": _zeros,
    "border": _border,
    "reflection": _reflection,
}


def extract_image_patches(node: Node) -> Sequence[Output]:
    """ExtractImagePatches-3: one strided slice for each place in the patch."""
    x = node.input_value(0)
    attrs = node.get_attributes()
    kernel = [int(v) for v in attrs["sizes"]]
    strides = [int(v) for v in attrs["strides"]]
    rates = [int(v) for v in attrs["rates"]]
    _, _, *sizes = shape_of(x)
    outputs = shape_of(node.output(0))[2:]
    begin, end = [], []
    for axis in range(2):
        reach = (outputs[axis] - 1) * strides[axis] + (kernel[axis] - 1) * rates[axis] + 1
        missing = max(reach - sizes[axis], 0)
        first = missing // 2
        if str(attrs["auto_pad"]).lower() == "same_lower":
            first = missing - first
        begin.append(first)
        end.append(missing - first)
    if any(begin + end):
        zero = const(0, dtype_of(x))
        pads = [[0, 0, *begin], [0, 0, *end]]
        x = op("Pad", [x, *pads, zero], {"pad_mode": "constant"}).output(0)
    places = [(i * rates[0], j * rates[1]) for i in range(kernel[0]) for j in range(kernel[1])]
    parts = [_every(x, place, strides, outputs) for place in places]
    return [op("Concat", parts, {"axis": 1}).output(0) if len(parts) > 1 else parts[0]]


def _every(x: Output, first: tuple[int, int], strides: list[int], count: list[int]) -> Output:
    """``count`` pixels in each direction, ``strides`` apart, from ``first`` on."""
    starts = [0, 0, *first]
    stops = [0, 0, *(f + (c - 1) * s + 1 for f, c, s in zip(first, count, strides, strict=True))]
    masks = {
        "begin_mask": [1, 1, 0, 0],
        "end_mask": [1, 1, 0, 0],
        "new_axis_mask": [0, 0, 0, 0],
        "shrink_axis_mask": [0, 0, 0, 0],
        "ellipsis_mask": [0, 0, 0, 0],
    }
    return op("StridedSlice", [x, starts, stops, [1, 1, *strides]], masks).output(0)


def col2im(node: Node) -> Sequence[Output | Node]:
    """Col2Im-15: patches put back and added up, as a deconvolution with an identity kernel."""
    x = node.input_value(0)
    attrs = node.get_attributes()
    height, width = (int(v) for v in constant_input(node, 1).ravel())
    kernel = [int(v) for v in constant_input(node, 2).ravel()]
    strides, dilations = ([int(v) for v in attrs[n]] for n in ("strides", "dilations"))
    begin, end = ([int(v) for v in attrs[n]] for n in ("pads_begin", "pads_end"))
    counts = [
        (size + begin[a] + end[a] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1
        for a, size in enumerate((height, width))
    ]
    shape = shape_of(x)
    batch = shape[0] if len(shape) == 3 else 1
    area = math.prod(kernel)
    channels = shape[-2] // area
    patches = reshape(x, [batch, channels * area, *counts])
    attributes = convolution_attributes(
        (strides[0], strides[1]), (dilations[0], dilations[1]), (begin[0], begin[1]), (0, 0)
    )
    together = max(1, min(channels, math.isqrt(_DENSE_WEIGHTS) // area))
    sizes = [min(together, channels - first) for first in range(0, channels, together)]
    groups = [patches]
    if len(sizes) > 1:
        groups = op("VariadicSplit", [patches, 1, [s * area for s in sizes]]).outputs()
    pictures: list[Output | Node] = []
    for group, size in zip(groups, sizes, strict=True):
        weights = np.eye(size * area).reshape(size * area, size, *kernel)
        inputs = [group, const(weights, dtype_of(x))]
        pictures.append(op("ConvolutionBackpropData", inputs, attributes))
    whole = pictures[0] if len(pictures) == 1 else op("Concat", pictures, {"axis": 1})
    return [reshape(_fitted(whole, [height, width]), shape_of(node.output(0)))]


def _fitted(x: Output | Node, sizes: list[int]) -> Output | Node:
    """Cut or padded with zeros at the lower right, to the size asked for."""
    have = shape_of(x)[2:]
    if any(h > s for h, s in zip(have, sizes, strict=True)):
        keep = [min(h, s) for h, s in zip(have, sizes, strict=True)]
        x = _every(as_output(x), (0, 0), [1, 1], keep)
        have = keep
    missing = [s - h for h, s in zip(have, sizes, strict=True)]
    if any(missing):
        zero = const(0, dtype_of(x))
        x = op("Pad", [x, [0, 0, 0, 0], [0, 0, *missing], zero], {"pad_mode": "constant"})
    return x
