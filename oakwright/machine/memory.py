"""The memory of the device: arenas of bytes, and views into them.

BSS (scratch in DDR) and CMX (on chip) are one arena each, the constants another; every input and
output has its own. Nothing is cleared between stages: a view may show bytes that nobody wrote
(the hardware reads channels rounded up), which are zeros here on the first run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from oakwright.blob import Blob, Buffer, IOInfo, Location, Stage
from oakwright.errors import RunError

from .kernels import Array, Form, Tensor

# More than the device has many times over; a file that asks for more is damaged or hostile.
LIMIT_BYTES = 2 << 30

Place = tuple[Location, int]  # the index tells inputs and outputs apart, else 0


class Memory:
    """All arenas of a blob, zeroed. Raises RunError where they would exceed LIMIT_BYTES."""

    def __init__(self, blob: Blob) -> None:
        sizes: dict[Place, int] = {
            (Location.BSS, 0): blob.bss_bytes,
            (Location.CMX, 0): blob.cmx_bytes,
            (Location.BLOB, 0): blob.constants.size,
        }
        for io, location in ((blob.inputs, Location.INPUT), (blob.outputs, Location.OUTPUT)):
            for info in io:
                if info.desc.is_dynamic or (location, info.index) in sizes:
                    raise RunError(
                        f"cannot run: {location.name.lower()} {info} has no memory of its own",
                        remedy="check that the file is whole; dynamic shapes cannot be run",
                    )
                sizes[location, info.index] = info.desc.nbytes_span
        for stage, buffer in _buffers(blob):
            place = _place(buffer)
            if place not in sizes:
                raise _refused(stage, f"{buffer} is no memory of this blob")
            if buffer.offset < 0:
                raise _refused(stage, f"{buffer} begins before its memory")
            if place[0] is Location.BLOB and buffer.end > sizes[place]:
                raise _refused(stage, f"{buffer} lies beyond the constants")
            # Channels rounded up may reach past the end of an arena.
            sizes[place] = max(sizes[place], buffer.end)
        wanted = sum(sizes.values())
        if wanted > LIMIT_BYTES:
            raise RunError(
                f"cannot run: the blob asks for {wanted >> 20} MiB of memory, "
                f"more than {LIMIT_BYTES >> 20}",
                remedy="check that the file is whole: no device has that much",
            )
        constants = sizes.pop((Location.BLOB, 0))
        self._arenas: dict[Place, Array] = {
            place: np.zeros(size, np.uint8) for place, size in sizes.items()
        }
        self._arenas[(Location.BLOB, 0)] = blob.constants[:constants]
        self._constants: dict[Buffer, Tensor] = {}

    def view(self, buffer: Buffer) -> Array:
        """The elements of a buffer in place, outermost stored axis first."""
        desc = buffer.desc
        arena = self._arenas[_place(buffer)]
        return np.ndarray(desc.shape, desc.dtype, arena, buffer.offset, desc.numpy_strides)

    def arena(self, location: Location, index: int = 0) -> Array:
        """The bytes of an arena, in place; ``index`` tells inputs and outputs apart."""
        return self._arenas[(location, index)]

    def tensor(self, location: Location, info: IOInfo) -> Array:
        """A whole input or output tensor in place, outermost stored axis first."""
        desc, arena = info.desc, self.arena(location, info.index)
        return np.ndarray(desc.shape, desc.dtype, arena, 0, desc.numpy_strides)

    def read(self, buffer: Buffer) -> Tensor:
        """A buffer's values for a kernel; those of constants are kept, so convert once."""
        if buffer in self._constants:
            return self._constants[buffer]
        form = form_of(buffer)
        stored = self.view(buffer)
        # FP16 becomes float32: kernels accumulate in it, and round once, when they write.
        values = stored.astype(np.float32) if stored.dtype.kind == "f" else stored.copy()
        values = values.transpose(form.from_stored)
        tensor = Tensor(form.shape, form.stored, form.dtype, values)
        if buffer.is_constant:
            self._constants[buffer] = tensor
        return tensor

    def write(self, buffer: Buffer, values: Array) -> Array:
        """Round ``values`` to the buffer's type and put them in place; returns the rounded."""
        form = form_of(buffer)
        if values.shape != form.shape:
            raise ValueError(f"values of shape {values.shape} for a place of {form.shape}")
        rounded = round_to(values, form.dtype)
        self.view(buffer)[...] = rounded.transpose(form.to_stored)
        return rounded


def form_of(buffer: Buffer) -> Form:
    """Shape and layout of a buffer, as kernels see it."""
    desc = buffer.desc
    return Form.of(desc.order, desc.dims, desc.dtype)


def round_to(values: Array, dtype: np.dtype[Any]) -> Array:
    """Values in the type of a buffer.

    FP16 rounds to nearest, halves to even; what is beyond 65504 becomes infinite, as on the
    device. Integers cut the fraction off and stay at the ends of their range.
    """
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype.kind == "f" or values.dtype.kind == "b":
            return values.astype(dtype)
        limits = np.iinfo(dtype)
        if values.dtype.kind in "iu":
            return np.clip(values, limits.min, limits.max).astype(dtype)
        whole = np.nan_to_num(np.trunc(values).astype(np.float64), nan=0.0)
        return np.clip(whole, limits.min, limits.max).astype(dtype)


def _buffers(blob: Blob) -> Iterator[tuple[Stage, Buffer]]:
    for stage in blob.walk():
        for buffer in stage.buffers:
            if not buffer.is_fake:
                if buffer.desc.is_dynamic:
                    raise _refused(stage, "its shapes are only known while the network runs")
                yield stage, buffer


def _place(buffer: Buffer) -> Place:
    return buffer.location, buffer.io_index or 0


def _refused(stage: Stage, reason: str) -> RunError:
    return RunError(f"cannot run: {stage}: {reason}", stage=stage.index, type=stage.name)
