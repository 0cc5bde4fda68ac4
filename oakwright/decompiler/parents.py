"""Which writes are parts of one tensor?

A tensor that is computed in tiles is written as boxes of one lattice: equal strides, places that
differ by whole strides. Nothing in the file names the tensor; but a read that needs several such
boxes shows that they belong together, and so do those next to them that fill up the same box.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .graph import Value
from .views import View

Box = tuple[tuple[int, int], ...]  # begin and end per axis of the lattice
MAX_PARTS = 1024


@dataclass(eq=False, slots=True)
class Write:
    """An entry of a memory's log."""

    view: View
    value: Value


def whole_around(
    view: View, needed: list[Write], log: list[Write]
) -> tuple[View, list[Write]] | None:
    """The tensor that ``needed`` are parts of: its view, and all its parts in the log."""
    lattice = _lattice(view, needed)
    if lattice is None or len(needed) > MAX_PARTS:
        return None
    strides = [view.strides[axis] for axis in lattice]
    place = {id(w): i for i, w in enumerate(log)}
    seeds = {place[id(w)] for w in needed}
    # Where the tensor begins is not known: with each part of it that could be the first, boxes
    # have other coordinates. The origin that explains most is right; if it takes in a tensor
    # that happens to lie next to it, a slice of their Concat does no harm.
    first = min(w.view.offset for w in needed)
    kin = {i: w.view for i, w in enumerate(log) if _is_kin(w.view, strides, view.itemsize)}
    origins = sorted({v.offset for v in kin.values() if first - strides[0] < v.offset <= first})
    best: tuple[int, Box, set[int]] | None = None
    for base in origins:
        found = _grown(kin, seeds, strides, base, log)
        if found is None:
            continue
        bounds, chosen = found
        read = _box(view, strides, base)
        if read is None or not _inside(read, bounds):
            continue
        if best is None or _size(bounds) > _size(best[1]):
            best = base, bounds, chosen
    if best is None:
        return None
    base, bounds, chosen = best
    shape = [1] * len(view.shape)
    offset = base
    for axis, (begin, end) in zip(lattice, bounds, strict=True):
        shape[axis] = end - begin
        offset += begin * view.strides[axis]
    whole = View(view.arena, offset, tuple(shape), view.strides, view.itemsize)
    # Newest first, as a read walks the log.
    return whole, [log[i] for i in sorted(chosen, reverse=True)]


def _grown(
    kin: dict[int, View], seeds: set[int], strides: list[int], base: int, log: list[Write]
) -> tuple[Box, set[int]] | None:
    """The largest box around the seeds that writes fill without overlap, from one origin."""
    boxes = {i: box for i, v in kin.items() if (box := _box(v, strides, base)) is not None}
    if not seeds <= boxes.keys():
        return None
    bounds = _closed(_bounds([boxes[i] for i in seeds]), boxes)
    chosen = _filling(bounds, boxes)
    if not seeds <= chosen:
        return None
    # Tensors that merely lie one behind the other touch along the outermost axis; along the
    # others only parts of one tensor do, their rows lying in between each other.
    spread = len({boxes[i][0] for i in seeds}) > 1
    axes = range(0 if spread else 1, len(strides))
    grown = True
    while grown and len(chosen) <= MAX_PARTS:
        grown = False
        for axis in axes:
            for candidate in list(boxes.values()):
                wider = _extended(bounds, candidate, axis)
                parts = _filling(wider, boxes) if wider is not None else set()
                if wider is not None and seeds <= parts:
                    bounds, chosen, grown = wider, parts, True
    return (bounds, chosen) if _untouched(chosen, boxes, log) else None


def _is_kin(view: View, strides: list[int], itemsize: int) -> bool:
    own = [view.strides[i] for i in view.axes]
    return view.itemsize == itemsize and len(set(own)) == len(own) and set(own) <= set(strides)


def _lattice(view: View, needed: list[Write]) -> list[int] | None:
    """Axes of the read by falling stride; None where a part has a stride that is none of them."""
    wanted = {view.strides[i] for i in view.axes}
    for write in needed:
        if write.view.itemsize != view.itemsize:
            return None
        wanted |= {write.view.strides[i] for i in write.view.axes}
    axes: dict[int, int] = {}
    for axis in sorted(range(len(view.shape)), key=lambda i: view.shape[i] == 1):
        if view.strides[axis] in wanted:
            axes.setdefault(view.strides[axis], axis)
    if set(axes) != wanted or 0 in axes:
        return None
    return [axes[stride] for stride in sorted(axes, reverse=True)]


def _box(view: View, strides: list[int], base: int) -> Box | None:
    """A view as a box of the lattice, or None."""
    dims = {view.strides[i]: view.shape[i] for i in view.axes}
    if len(dims) != len(view.axes) or not dims.keys() <= set(strides):
        return None
    rest = view.offset - base
    box = []
    for k, stride in enumerate(strides):
        begin, rest = divmod(rest, stride)
        end = begin + dims.get(stride, 1)
        if k and end * stride > strides[k - 1]:
            return None
        box.append((begin, end))
    return tuple(box) if rest == 0 else None


def _bounds(boxes: list[Box]) -> Box:
    return tuple(
        (min(b for b, _ in axis), max(e for _, e in axis)) for axis in zip(*boxes, strict=True)
    )


def _inside(inner: Box, outer: Box) -> bool:
    return all(a <= b and c <= d for (b, c), (a, d) in zip(inner, outer, strict=True))


def _apart(a: Box, b: Box) -> bool:
    return any(e <= c or d <= f for (f, e), (c, d) in zip(a, b, strict=True))


def _size(box: Box) -> int:
    return prod(end - begin for begin, end in box)


def _closed(bounds: Box, boxes: dict[int, Box]) -> Box:
    """``bounds`` made large enough that no box, except those under newer ones, sticks out."""
    while True:
        chosen: list[Box] = []
        for i in sorted(boxes, reverse=True):
            if not _apart(boxes[i], bounds) and all(_apart(boxes[i], other) for other in chosen):
                chosen.append(boxes[i])
        wider = _bounds([bounds, *chosen])
        if wider == bounds:
            return bounds
        bounds = wider


def _filling(bounds: Box, boxes: dict[int, Box]) -> set[int]:
    """The boxes inside ``bounds``, newest first, if they fill it without overlap, else none.

    An older box under a newer one is not seen any more.
    """
    chosen: list[int] = []
    for i in sorted(boxes, reverse=True):
        if _inside(boxes[i], bounds) and all(_apart(boxes[i], boxes[j]) for j in chosen):
            chosen.append(i)
    return set(chosen) if sum(_size(boxes[i]) for i in chosen) == _size(bounds) else set()


def _extended(bounds: Box, candidate: Box, axis: int) -> Box | None:
    """``bounds`` made longer along ``axis`` as far as ``candidate``, which must touch it."""
    begin, end = bounds[axis]
    first, last = candidate[axis]
    if last == begin:
        begin = first
    elif first == end:
        end = last
    else:
        return None
    wider = (*bounds[:axis], (begin, end), *bounds[axis + 1 :])
    return wider if _inside(candidate, wider) else None


def _untouched(chosen: set[int], boxes: dict[int, Box], log: list[Write]) -> bool:
    """Whether no later write may have overwritten a part of the chosen ones."""
    for i in chosen:
        view = log[i].view
        for j in range(i + 1, len(log)):
            other = log[j].view
            if j in chosen or other.offset >= view.end or other.end <= view.offset:
                continue
            if j not in boxes or not _apart(boxes[i], boxes[j]):
                return False
    return True
