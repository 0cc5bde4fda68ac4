"""What kernels take and give: arrays in the field's order, with the layout they are stored in.

A blob names the axes of a buffer by an *order code*: hex digits, the least significant the
innermost dimension; 1 is W, 2 H, 3 C, 4 N, 5 D. Kernels see every array in the order OpenVINO
has it (N, C, D, H, W; outermost first), however it is stored, and so need not know layouts;
the two things that do speak of storage, axis parameters and Permute, go through ``Form``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

W, H, C, N, D = 1, 2, 3, 4, 5

# Rank 5 is NCDHW although D's digit is the greatest; beyond that digits simply descend.
_FIELD_ORDER = (N, C, D, H, W)


def dims_of_code(code: int, rank: int) -> tuple[int, ...]:
    """Dim digits of an order code, innermost first (``0x4213`` -> C, W, H, N)."""
    dims = tuple(code >> 4 * k & 0xF for k in range(rank))
    if 0 in dims or len(set(dims)) != rank or code >> 4 * rank:
        raise ValueError(f"order code {code:#x} does not name {rank} dimensions")
    return dims


@dataclass(frozen=True)
class Form:
    """Shape and layout of a tensor; ``stored`` holds its dim digits, innermost first.

    ``shape`` is in the field's order, outermost first; ``dtype`` is what the buffer holds.
    """

    shape: tuple[int, ...]
    stored: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, order: int, dims: tuple[int, ...], dtype: np.dtype[Any]) -> Form:
        """From a blob's tensor description: ``dims`` innermost first, as stored."""
        stored = dims_of_code(order, len(dims))
        size = dict(zip(stored, dims, strict=True))
        return cls(tuple(size[d] for d in field_order(stored)), stored, dtype)

    @property
    def named(self) -> tuple[int, ...]:
        """Dim digits in the field's order, outermost first, as ``shape`` is."""
        return field_order(self.stored)

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def axis(self, position: int) -> int:
        """The axis of ``shape`` that is stored at ``position`` (0 = innermost)."""
        if not 0 <= position < self.rank:
            raise ValueError(f"axis {position} of a tensor of {self.rank} dimensions")
        return self.named.index(self.stored[position])

    def axis_of(self, dim: int) -> int | None:
        """The axis of ``shape`` that is the dim ``dim`` (``C``, ...), if it has one."""
        return self.named.index(dim) if dim in self.stored else None

    @property
    def from_stored(self) -> tuple[int, ...]:
        """Axes for ``transpose``: an array as stored (outermost first) -> the field's order."""
        outermost_first = self.stored[::-1]
        return tuple(outermost_first.index(d) for d in self.named)

    @property
    def to_stored(self) -> tuple[int, ...]:
        """Axes for ``transpose``: the field's order -> as stored, outermost first."""
        return tuple(self.named.index(d) for d in self.stored[::-1])

    def planes(self) -> tuple[int, int, int, int]:
        """(N, C, H, W) with 1 for what is missing; a 5-D tensor has no such view."""
        if not set(self.stored) <= {N, C, H, W}:
            raise ValueError(f"a tensor of {self.rank} dimensions where planes are expected")
        size = dict(zip(self.named, self.shape, strict=True))
        return size.get(N, 1), size.get(C, 1), size.get(H, 1), size.get(W, 1)


@dataclass(frozen=True)
class Tensor(Form):
    """A form with its values: FP16 and FP32 as float32, integers as they are."""

    values: Array

    def as_planes(self) -> Array:
        """The values as (N, C, H, W), 1 for what is missing."""
        return self.values.reshape(self.planes())


def must_fill(form: Form, shape: tuple[int, ...]) -> None:
    """Refuse, before anything large is made, a result that is not of the output's size."""
    if prod(shape) != prod(form.shape):
        raise ValueError(f"a result of shape {shape} for an output of {form.shape}")


def field_order(stored: tuple[int, ...]) -> tuple[int, ...]:
    """The same dims, outermost first, as OpenVINO orders them."""
    if len(stored) <= 5:
        return tuple(d for d in _FIELD_ORDER if d in stored)
    return tuple(sorted(stored, reverse=True))
