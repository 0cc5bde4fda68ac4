"""From an element map to values: boxes, concatenations, and one Gather where nothing else fits.

A map (``Patchwork``) has one entry per block of a read: which source it comes from and which
block of it. Blocks run over the grid axes; inside a block the read and all sources agree.

The map is cut like glass, straight through along one axis at a time, until each piece comes
from one source; a piece whose entries are affine in its coordinates is a box of its source, or a
reshape of a box. Pieces side by side are a Concat.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from .graph import Value
from .ops import concat, constant, gather, reshape, slice_axis, slice_box, transpose

# More pieces than this are not what a network says but shuffled memory: one Gather is better.
MAX_CUTS = 1024
MAX_SAME_SOURCE_CUTS = 64


@dataclass(eq=False)
class Source:
    """A written value. ``axes`` (rising) carry the block numbers, row-major; ``inner`` are the
    axes inside a block, outermost in memory first, each the counterpart of the read's.
    """

    value: Value
    axes: list[int]
    inner: list[int]
    memory_order: list[int]


@dataclass(eq=False)
class Patchwork:
    """Where the blocks of a read come from. ``owner`` is a source's number or -1 for nobody's
    memory, ``element`` the block's number in that source; both have the grid's shape.
    """

    shape: tuple[int, ...]
    grid_axes: list[int]
    inner_axes: list[int]
    sources: list[Source]
    owner: np.ndarray
    element: np.ndarray


def assemble(work: Patchwork, dtype: np.dtype) -> Value:
    """The value a read sees."""
    return _piece(work, work.owner, work.element, dtype)


def _piece(work: Patchwork, owner: np.ndarray, element: np.ndarray, dtype: np.dtype) -> Value:
    shape = list(work.shape)
    for axis, dim in zip(work.grid_axes, owner.shape, strict=True):
        shape[axis] = dim
    first = int(owner.flat[0])
    single = bool((owner == first).all())
    if single:
        if first < 0:
            return constant(np.zeros(shape, dtype))
        value = _from_one(work, work.sources[first], element, shape)
        if value is not None:
            return value
    cuts = _cuts(owner if not single else None, element)
    if cuts is None:
        return _gathered(work, owner, element, shape, dtype)
    axis, places = cuts
    owners = np.split(owner, places, axis)
    elements = np.split(element, places, axis)
    pieces = [_piece(work, o, e, dtype) for o, e in zip(owners, elements, strict=True)]
    return concat(pieces, work.grid_axes[axis])


def _cuts(owner: np.ndarray | None, element: np.ndarray) -> tuple[int, list[int]] | None:
    """The axis with the fewest cuts, and where; None where nothing helps."""
    best: tuple[int, list[int]] | None = None
    for axis in range(element.ndim):
        if element.shape[axis] < 2:
            continue
        others = tuple(i for i in range(element.ndim) if i != axis)
        if owner is not None:
            changes = (np.diff(owner, axis=axis) != 0).any(others)
            limit = MAX_CUTS
        else:
            steps = np.diff(element, axis=axis)
            values, counts = np.unique(steps, return_counts=True)
            changes = (steps != values[counts.argmax()]).any(others)
            limit = MAX_SAME_SOURCE_CUTS
        places = (np.flatnonzero(changes) + 1).tolist()
        if 0 < len(places) <= limit and (best is None or len(places) < len(best[1])):
            best = axis, places
    return best


def _coefficients(element: np.ndarray) -> tuple[int, list[int]] | None:
    """``base, c`` where ``element[i] == base + sum(c[k] * i[k])``; None where it is not so."""
    base = int(element.flat[0])
    expected = np.array(base, np.int64)
    found = []
    for axis, dim in enumerate(element.shape):
        step = 0
        if dim > 1:
            second = [0] * element.ndim
            second[axis] = 1
            step = int(element[tuple(second)]) - base
            if step <= 0:
                return None
        found.append(step)
        expected = np.add.outer(expected, np.arange(dim, dtype=np.int64) * step)
    return (base, found) if np.array_equal(expected, element) else None


def _from_one(
    work: Patchwork, source: Source, element: np.ndarray, shape: list[int]
) -> Value | None:
    """A piece of one source as a box, or as a reshaped and cropped stretch of it."""
    affine = _coefficients(element)
    if affine is not None:
        value = _box(work, source, element.shape, affine, shape)
        if value is not None:
            return value
    dims = [source.value.shape[i] for i in source.axes]
    in_memory = [i for i in source.memory_order if i in source.axes]
    if in_memory != source.axes:
        index = np.unravel_index(element, dims) if dims else ()
        coordinates = dict(zip(source.axes, index, strict=True))
        element = np.ravel_multi_index(
            tuple(coordinates[i] for i in in_memory),
            tuple(source.value.shape[i] for i in in_memory),
        )
        affine = _coefficients(element)
    return None if affine is None else _stretch(work, source, in_memory, element, affine, shape)


def _box(
    work: Patchwork,
    source: Source,
    grid: tuple[int, ...],
    affine: tuple[int, list[int]],
    shape: list[int],
) -> Value | None:
    base, steps = affine
    dims = [source.value.shape[i] for i in source.axes]
    start = [int(i) for i in np.unravel_index(base, dims)] if dims else []
    pitch = [prod(dims[j + 1 :]) for j in range(len(dims))]
    begin, end, step = [0] * source.value.rank, list(source.value.shape), [1] * source.value.rank
    for j, axis in enumerate(source.axes):
        begin[axis], end[axis] = start[j], start[j] + 1
    counterpart = dict(zip(work.inner_axes, source.inner, strict=True))
    unused = list(range(len(dims)))
    for k in sorted(range(len(grid)), key=lambda k: -steps[k]):
        if grid[k] == 1:
            continue
        for j in unused:
            stride, rest = divmod(steps[k], pitch[j])
            last = start[j] + stride * (grid[k] - 1)
            if rest == 0 and stride and last < dims[j]:
                axis = source.axes[j]
                end[axis], step[axis] = last + 1, stride
                counterpart[work.grid_axes[k]] = axis
                unused.remove(j)
                break
        else:
            return None
    return _placed(slice_box(source.value, begin, end, step), counterpart, shape)


def _placed(value: Value, counterpart: dict[int, int], shape: list[int]) -> Value:
    """``value`` with its axes in the order of the read, and in the read's shape."""
    wanted = [counterpart[i] for i in sorted(counterpart)]
    if wanted != sorted(wanted):
        value = transpose(value, [i for i in range(value.rank) if i not in wanted] + wanted)
    return reshape(value, shape)


def _stretch(
    work: Patchwork,
    source: Source,
    in_memory: list[int],
    element: np.ndarray,
    affine: tuple[int, list[int]],
    shape: list[int],
) -> Value | None:
    """A piece that is affine in the source's flat memory: cut the stretch, reshape, crop.

    Steps must divide one another (they are products of dimensions), and each dimension must fit
    between its step and the next larger one.
    """
    base, steps = affine
    value = source.value
    rest = [i for i in range(value.rank) if i not in in_memory and i not in source.inner]
    total = prod(value.shape[i] for i in in_memory)
    inner = [value.shape[i] for i in source.inner]
    long = sorted((k for k in range(element.ndim) if element.shape[k] > 1), key=lambda k: -steps[k])
    dims = [element.shape[k] for k in long]
    sizes = [steps[k] for k in long]
    if any(upper % lower for upper, lower in pairwise(sizes)):
        return None
    value = reshape(transpose(value, rest + in_memory + source.inner), [total, *inner])
    if long and total % sizes[0]:
        # Whole steps only: what is left over at the end lies behind what is read.
        value = slice_axis(value, 0, base, min(total, base + dims[0] * sizes[0]))
        base, total = 0, value.shape[0]
        if total % sizes[0]:
            return None
    # The stretch as a box: how many steps of each size fit into one of the next larger.
    levels = (
        [upper // lower for upper, lower in pairwise([total, *sizes])] + sizes[-1:]
        if long
        else [total]
    )
    wanted = [*dims, 1] if long else [1]
    begin = []
    for step in [*sizes, 1]:
        digit, base = divmod(base, step)
        begin.append(digit)
    if any(b + d > level for b, d, level in zip(begin, wanted, levels, strict=True)):
        return None
    end = [b + d for b, d in zip(begin, wanted, strict=True)]
    axes = [work.grid_axes[k] for k in long] + work.inner_axes
    if axes == sorted(axes) and levels[-1] == 1:
        # The read's own axes, longer where it takes a part: other parts then share the reshape.
        low, high, full = [0] * len(shape), [1] * len(shape), [1] * len(shape)
        for axis, level, b, e in zip(axes, levels[:-1], begin, end, strict=False):
            full[axis], low[axis], high[axis] = level, b, e
        for axis, dim in zip(work.inner_axes, inner, strict=True):
            full[axis] = high[axis] = dim
        return slice_box(reshape(value, full), low, high)
    nothing = [0] * len(inner)
    value = slice_box(reshape(value, [*levels, *inner]), [*begin, *nothing], [*end, *inner])
    value = reshape(value, [*dims, *inner])
    return _placed(value, {axis: i for i, axis in enumerate(axes)}, shape)


def _gathered(
    work: Patchwork, owner: np.ndarray, element: np.ndarray, shape: list[int], dtype: np.dtype
) -> Value:
    """The piece as one Gather over all its sources laid end to end."""
    inner = [shape[i] for i in work.inner_axes]
    index = np.zeros(element.shape, np.int64)
    rows: list[Value] = []
    start = 0
    for number in np.unique(owner).tolist():
        mine = owner == number
        if number < 0:
            value, count = constant(np.zeros([1, *inner], dtype)), 1
            index[mine] = start
        else:
            source = work.sources[number]
            outer = [i for i in range(source.value.rank) if i not in source.inner]
            count = prod(source.value.shape[i] for i in outer)
            value = reshape(transpose(source.value, outer + source.inner), [count, *inner])
            index[mine] = start + element[mine]
        rows.append(value)
        start += count
    value = gather(concat(rows, 0), constant(index.astype(np.int32)), 0)
    axes = work.grid_axes + work.inner_axes
    return _placed(value, {axis: i for i, axis in enumerate(axes)}, shape)
