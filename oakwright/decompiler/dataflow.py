"""From memory writes to values: which value does a read see?

A blob has no edges, only stages that write and read places in memory. This file replays the
writes: every arena keeps a log of views and the value each was written with. A read walks the
log from the newest entry back until all its elements are explained, and becomes

1. the value itself, where the views are the same;
2. a box of one value (a crop, a tile's input, a channel group), transposed where the stored
   orders differ;
3. otherwise a map that says for every element which write it comes from and which element of it,
   from which ``assemble`` builds slices and concatenations, and in the worst case one Gather.

So the result never depends on a pattern being recognised; patterns only make it pretty. To keep
the map small, the innermost axes that the read and all its writes have in common (usually W and
H) are taken out first: what is left has one entry per row or plane, not per element.

Memory nobody wrote reads as zeros, as in the machine.
"""

from __future__ import annotations

from math import prod

import numpy as np

from oakwright.blob import Location
from oakwright.errors import RunError

from .assemble import Patchwork, Source, assemble
from .graph import MAX_ELEMENTS, Value
from .ops import constant, reshape, slice_box, transpose
from .parents import Write, whole_around
from .views import Overlap, View, apart, box_within, overlap

# How many blocks of a read may be told apart: one row or plane each, at worst one element.
MAX_BLOCKS = 1 << 25


class Memory:
    """All arenas of a blob: what was written where."""

    def __init__(self) -> None:
        self._logs: dict[tuple[Location, int], list[Write]] = {}

    def write(self, view: View, value: Value) -> None:
        """From now on ``view`` holds ``value``, whose shape must be the view's."""
        if value.shape != view.shape:
            raise RunError(f"a value of shape {value.shape} for a place of {view.shape}")
        log = self._logs.setdefault(view.arena, [])
        if view.is_dense:
            start, end = view.offset, view.end
            log[:] = [w for w in log if w.view.offset < start or w.view.end > end]
        else:
            same = (view.offset, view.steps)
            log[:] = [w for w in log if (w.view.offset, w.view.steps) != same]
        log.append(Write(view, value))

    def read(self, view: View, dtype: np.dtype) -> Value:
        """The value that ``view`` holds."""
        return self.trace(view).value(dtype)

    def trace(self, view: View) -> Trace:
        """Where the elements of ``view`` come from."""
        if view.size > MAX_ELEMENTS:
            raise RunError(f"a read of {view.size} elements is beyond any device")
        found = self._trace(view)
        parts = found.parts
        if parts:
            # Parts of a larger tensor: from now on that tensor is what memory holds, so that all
            # its readers see one value, and its parts can be joined to one op. A read of less
            # than was written counts too: it may be the first of several that look into tiles.
            parent = whole_around(view, parts, self._logs[view.arena])
            if parent is not None and len(parent[1]) > 1:
                self._put_together(*parent)
                found = self._trace(view)
        return found

    def _put_together(self, view: View, parts: list[Write]) -> None:
        log = self._logs[view.arena]
        value = Trace(view, parts).value(parts[0].value.dtype)
        log[:] = [w for w in log if w not in parts]
        log.append(Write(view, value))

    def _trace(self, view: View) -> Trace:
        needed: list[Write] = []
        seen: list[Overlap] = []
        missing = view.size
        for write in reversed(self._logs.get(view.arena, ())):
            if write.view.offset >= view.end or write.view.end <= view.offset:
                continue
            if not needed:
                if _same_place(view, write.view):
                    return Trace(view, needed, exact=write)
                box = box_within(view, write.view)
                if box is not None:
                    return Trace(view, needed, box=(write, box))
            common = overlap(view, write.view)
            if common is not None:
                size = prod(end - begin for begin, end in common.values())
                if not size:
                    continue
                # Older entries under newer ones are only counted where they show entirely.
                if all(apart(common, other) for other in seen):
                    missing -= size
                seen.append(common)
            needed.append(write)
            if missing <= 0:
                break
        return Trace(view, needed)


def _same_place(a: View, b: View) -> bool:
    return a.offset == b.offset and a.itemsize == b.itemsize and a.runs == b.runs


class Trace:
    """What a read sees, before it is turned into a value."""

    def __init__(
        self,
        view: View,
        needed: list[Write],
        *,
        exact: Write | None = None,
        box: tuple[Write, dict[int, tuple[int, int]]] | None = None,
    ) -> None:
        self.view = view
        self.needed = needed
        self._exact = exact
        self._box = box

    @property
    def is_simple(self) -> bool:
        """Whether one write explains all elements as a box of it."""
        return self._exact is not None or self._box is not None

    @property
    def parts(self) -> list[Write]:
        """The writes it comes from; none where it is the whole of one."""
        return [self._box[0]] if self._box is not None else self.needed

    def value(self, dtype: np.dtype) -> Value:
        """The value read; zeros where nothing was written."""
        if self._exact is not None:
            return _retyped(_reordered(self._exact, self.view), dtype, self.view)
        if self._box is not None:
            return _retyped(_boxed(*self._box, self.view), dtype, self.view)
        if not self.needed:
            return constant(np.zeros(self.view.shape, dtype))
        patchwork = _patchwork(self.view, self.needed)
        for source in patchwork.sources:
            _retyped(source.value, dtype, self.view)
        return assemble(patchwork, dtype)


def _retyped(value: Value, dtype: np.dtype, view: View) -> Value:
    if value.dtype != dtype:
        raise RunError(
            f"memory at {view.arena[0].name}+{view.offset} holds {value.dtype}, read as {dtype}",
            remedy="no compiler makes such a blob; check that the file is not damaged",
        )
    return value


def _reordered(write: Write, view: View) -> Value:
    """The same bytes under other dimensions: through the order in which they lie in memory."""
    value = write.value
    if [view.shape[i] for i in view.axes] == [write.view.shape[i] for i in write.view.axes]:
        # Axes correspond one to one.
        return _mapped(value, list(write.view.axes), view)
    value = transpose(value, _memory_order(write.view))
    order = _memory_order(view)
    value = reshape(value, [view.shape[i] for i in order])
    return transpose(value, np.argsort(order).tolist())


def _memory_order(view: View) -> list[int]:
    """All axes, outermost in memory first."""
    short = [i for i, d in enumerate(view.shape) if d == 1]
    return short + list(view.axes)


def _mapped(value: Value, axes: list[int], view: View) -> Value:
    """``value`` whose long ``axes`` are those of ``view.axes``, in the view's shape."""
    target = dict(zip(view.axes, axes, strict=True))
    wanted = [target[i] for i in sorted(view.axes)]
    if wanted != sorted(wanted):
        rest = [i for i in range(value.rank) if i not in wanted]
        value = transpose(value, rest + wanted)
    return reshape(value, view.shape)


def _boxed(write: Write, box: dict[int, tuple[int, int]], view: View) -> Value:
    shape = write.view.shape
    begin, end = [0] * len(shape), [1] * len(shape)
    axes = {}
    for axis, (start, inside) in box.items():
        begin[axis] = start
        end[axis] = start + (view.shape[inside] if inside >= 0 else 1)
        if inside >= 0:
            axes[inside] = axis
    return _mapped(slice_box(write.value, begin, end), [axes[i] for i in view.axes], view)


def _patchwork(view: View, needed: list[Write]) -> Patchwork:
    """The element map of a read over the writes (newest first) that may explain it."""
    shared = _shared_steps([view, *(w.view for w in needed)])
    while True:
        found = _painted(view, needed, shared)
        if found is not None:
            return found
        # Blocks of two writes overlap without being equal: look closer.
        shared -= 1


def _shared_steps(views: list[View]) -> int:
    count = min(len(v.steps) for v in views)
    for i in range(count):
        if len({v.steps[i] for v in views}) > 1:
            return i
    return count


def _anchors(view: View, shared: int) -> tuple[list[int], np.ndarray]:
    """Byte addresses of the blocks of a view, and the axes (logical order) they run over."""
    axes = sorted(view.axes[: len(view.axes) - shared])
    if prod(view.shape[i] for i in axes) > MAX_BLOCKS:
        raise RunError(f"memory in {view.size} pieces", remedy="check that the file is not damaged")
    addresses = np.array(view.offset, np.int64)
    for axis in axes:
        addresses = np.add.outer(
            addresses, np.arange(view.shape[axis], dtype=np.int64) * view.strides[axis]
        )
    return axes, addresses


def _painted(view: View, needed: list[Write], shared: int) -> Patchwork | None:
    block = view.itemsize + sum((d - 1) * s for d, s in view.steps[:shared])
    grid_axes, wanted = _anchors(view, shared)
    addresses = wanted.ravel()
    owner = np.full(addresses.size, -1, np.int32)
    element = np.zeros(addresses.size, np.int64)
    sources: list[Source] = []
    open_ = np.arange(addresses.size)
    for write in needed:
        if not open_.size:
            break
        axes, places = _anchors(write.view, shared)
        flat = places.ravel()
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        ask = addresses[open_]
        at = np.searchsorted(ordered, ask, "right") - 1
        before = np.where(at >= 0, ordered[np.maximum(at, 0)], -(1 << 40))
        after = np.where(at + 1 < flat.size, ordered[np.minimum(at + 1, flat.size - 1)], 1 << 40)
        hit = before == ask
        width = block if write.view.itemsize == view.itemsize else write.view.itemsize
        if write.view.itemsize != view.itemsize and shared:
            return None
        graze = ~hit & ((ask < before + width) | (after < ask + block))
        if write.view.itemsize != view.itemsize:
            graze |= hit
            hit = np.zeros_like(hit)
        if graze.any():
            if shared:
                return None
            raise RunError(
                f"a read at {view.arena[0].name}+{view.offset} sees parts of elements",
                remedy="no compiler makes such a blob; check that the file is not damaged",
            )
        if hit.any():
            mine = open_[hit]
            owner[mine] = len(sources)
            element[mine] = order[at[hit]]
            inner = list(write.view.axes[len(write.view.axes) - shared :])
            sources.append(Source(write.value, axes, inner, _memory_order(write.view)))
            open_ = open_[~hit]
    return Patchwork(
        view.shape,
        grid_axes,
        list(view.axes[len(view.axes) - shared :]),
        sources,
        owner.reshape(wanted.shape),
        element.reshape(wanted.shape),
    )
