"""Views into the blob's memory, in logical axes.

A stage names memory by offset, dimensions and strides, in stored order; the same tensor may lie
as NCHW here and as NHWC there. A view carries the logical axes, outermost first (N, C, D, H, W),
each with its byte stride, so that two stored orders of one tensor are two views of one value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

from oakwright.blob import Buffer, Location, TensorDesc

# Logical order of the axes per rank, outermost first: the order of the IR.
_LOGICAL = {
    1: "C",
    2: "NC",
    3: "CHW",
    4: "NCHW",
    5: "NCDHW",
    6: "6DNCHW",
    7: "76DNCHW",
    8: "876DNCHW",
}


def logical_axes(desc: TensorDesc) -> str:
    """Letters of the logical axes, outermost first."""
    default = _LOGICAL[desc.rank]
    return default if set(default) == set(desc.axes) else desc.axes


def stored_to_logical(desc: TensorDesc) -> tuple[int, ...]:
    """Permutation from axes as they lie (outermost first) to logical axes."""
    return tuple(desc.axes.index(letter) for letter in logical_axes(desc))


def logical_axis(desc: TensorDesc, position: int) -> int:
    """The logical axis of a stored position (0 innermost), as stage parameters count them."""
    return logical_axes(desc).index(desc.axes[desc.rank - 1 - position])


@dataclass(frozen=True)
class View:
    """Strided memory. ``arena`` is the location and the number of the input or output (or 0);
    ``offset`` and ``strides`` are bytes; axes are logical, outermost first.
    """

    arena: tuple[Location, int]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    itemsize: int

    @classmethod
    def of(cls, buffer: Buffer) -> View:
        """The view a buffer record describes."""
        desc = buffer.desc
        order = stored_to_logical(desc)
        return cls(
            (buffer.location, buffer.io_index or 0),
            buffer.offset,
            tuple(desc.shape[i] for i in order),
            tuple(desc.numpy_strides[i] for i in order),
            desc.element_bytes,
        )

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """Axes longer than 1, by falling stride: outermost in memory first."""
        long = [i for i, d in enumerate(self.shape) if d > 1]
        return tuple(sorted(long, key=lambda i: (-self.strides[i], i)))

    @cached_property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """``(dim, stride)`` of ``axes``, innermost in memory first."""
        return tuple((self.shape[i], self.strides[i]) for i in reversed(self.axes))

    @cached_property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """``steps`` with neighbours joined where they are contiguous."""
        joined: list[tuple[int, int]] = []
        for dim, stride in self.steps:
            if joined and joined[-1][0] * joined[-1][1] == stride:
                joined[-1] = (joined[-1][0] * dim, joined[-1][1])
            else:
                joined.append((dim, stride))
        return tuple(joined)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def end(self) -> int:
        """Offset just past the last byte."""
        return self.offset + sum((d - 1) * s for d, s in self.steps) + self.itemsize

    @property
    def is_dense(self) -> bool:
        """Whether every byte between offset and end belongs to an element."""
        return self.size * self.itemsize == self.end - self.offset

    def narrowed(self, axis: int, begin: int, size: int) -> View:
        """The view from ``begin`` on, ``size`` long, along one axis."""
        shape = list(self.shape)
        shape[axis] = size
        return View(
            self.arena,
            self.offset + begin * self.strides[axis],
            tuple(shape),
            self.strides,
            self.itemsize,
        )


def box_within(inner: View, outer: View) -> dict[int, tuple[int, int]] | None:
    """Where ``inner`` lies in ``outer`` as a box: ``{outer axis: (begin, inner axis or -1)}``.

    None where it is no box of ``outer`` (it may overlap it all the same). Axes of length 1 of
    ``inner`` have no stride to speak of, so they are matched to none.
    """
    by_stride = {inner.strides[i]: i for i in inner.axes}
    if len(by_stride) != len(inner.axes):
        return None
    rest = inner.offset - outer.offset
    if rest < 0 or inner.itemsize != outer.itemsize:
        return None
    found: dict[int, tuple[int, int]] = {}
    for axis in outer.axes:
        stride = outer.strides[axis]
        if stride == 0:
            return None
        inside = by_stride.pop(stride, -1)
        begin, rest = divmod(rest, stride)
        length = inner.shape[inside] if inside >= 0 else 1
        if begin + length > outer.shape[axis]:
            return None
        found[axis] = (begin, inside)
    return found if rest == 0 and not by_stride else None


# Common elements of two views as a box: stride -> (begin, end) in the first view's coordinates.
Overlap = dict[int, tuple[int, int]]


def overlap(view: View, other: View) -> Overlap | None:
    """The elements that two views of one arena have in common, as a box that may be empty.

    None where they are no boxes of one lattice (other strides, or shifted by half an element),
    so that nothing can be said.
    """
    dims, others = dict(_by_stride(view)), dict(_by_stride(other))
    if len(dims) != len(view.axes) or len(others) != len(other.axes):
        return None
    if view.itemsize != other.itemsize:
        return None
    strides = sorted(dims.keys() | others.keys(), reverse=True)
    swapped = other.offset < view.offset
    rest = abs(other.offset - view.offset)
    near, far = (others, dims) if swapped else (dims, others)
    found: Overlap = {}
    for k, stride in enumerate(strides):
        if stride == 0:
            return None
        begin, rest = divmod(rest, stride)
        near_end, far_end = near.get(stride, 1), begin + far.get(stride, 1)
        if k and max(near_end, far_end) * stride > strides[k - 1]:
            return None
        low, high = begin, max(min(near_end, far_end), begin)
        found[stride] = (low - begin, high - begin) if swapped else (low, high)
    return found if rest == 0 else None


def _by_stride(view: View) -> list[tuple[int, int]]:
    return [(view.strides[i], view.shape[i]) for i in view.axes]


def apart(a: Overlap, b: Overlap) -> bool:
    """Whether two boxes of one view have no element in common."""
    for stride in a.keys() | b.keys():
        begin, end = a.get(stride, (0, 1))
        first, last = b.get(stride, (0, 1))
        if end <= first or last <= begin:
            return True
    return False
