"""Tensor descriptions, buffers and input/output records.

A description is 28 bytes: element type, order code, rank, then where two arrays of ``rank`` u32
lie, dimensions and byte strides. In every static network both lie in the constants section; all
arrays are in stored order, innermost dimension first.

A buffer is a description and a place: location, then ``io_index`` and ``io_bytes`` only for
inputs and outputs, then the byte offset. So it takes 36 bytes, or 44 for inputs and outputs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from math import prod
from typing import TypeVar

import numpy as np

from oakwright.errors import BlobError, TruncatedBlob
from oakwright.tensor import Precision, TensorSpec

from .cursor import Cursor
from .enums import DataType, Location
from .layouts import DEFAULT_ORDERS, layout_name, order_is_valid, order_letters

MAX_RANK = 8
DESC_BYTES = 28
# Smallest buffer record (description, location, offset) and smallest IO record (three words, no
# name, description): what a count is held against before anything is read.
MIN_BUFFER_BYTES = DESC_BYTES + 8
MIN_IO_BYTES = 12 + DESC_BYTES
# Offsets and sizes are 32-bit in the file: no tensor can be larger.
MAX_TENSOR_BYTES = 1 << 32

_PRECISIONS = {
    DataType.FP16: Precision.FP16,
    DataType.U8: Precision.U8,
    DataType.S32: Precision.I32,
    DataType.FP32: Precision.FP32,
    DataType.I8: Precision.I8,
}

_E = TypeVar("_E", bound=IntEnum)


def enum_word(kind: type[_E], cursor: Cursor) -> _E:
    """Read a u32 that must be one of ``kind``."""
    at = cursor.pos
    value = cursor.u32()
    try:
        return kind(value)
    except ValueError:
        raise BlobError(f"{cursor.what}: {value} is no {kind.__name__}", offset=at) from None


@dataclass(frozen=True)
class TensorDesc:
    """Type, shape and strides of a tensor or of a view into one.

    ``dims`` and ``strides`` (bytes) are in stored order, innermost first. A dimension of a
    dynamic tensor, known only while the network runs, is -1, and so are its strides.
    """

    data_type: DataType
    order: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    # Where the two arrays stand in the file; not part of what the tensor is.
    dims_location: Location = field(default=Location.BLOB, compare=False, repr=False)
    dims_offset: int = field(default=0, compare=False, repr=False)
    strides_location: Location = field(default=Location.BLOB, compare=False, repr=False)
    strides_offset: int = field(default=0, compare=False, repr=False)

    @property
    def axes(self) -> str:
        """Axis letters, outermost first; one character per dimension (``NCHW``)."""
        return order_letters(self.order)

    @property
    def order_name(self) -> str:
        """Same as ``axes``: how the field writes this order."""
        return self.axes

    @property
    def layout(self) -> str:
        """The order's usual name, or nothing where it has none (six and more dimensions)."""
        return layout_name(self.order)

    @property
    def is_default_order(self) -> bool:
        """Whether stored axes are in the order of the IR, so that no transpose is needed."""
        return DEFAULT_ORDERS[len(self.dims)] == self.order

    @property
    def is_dynamic(self) -> bool:
        """Whether shape or strides are only known while the network runs; sizes are then 0."""
        places = (self.dims_location, self.strides_location)
        return places != (Location.BLOB, Location.BLOB)

    @property
    def rank(self) -> int:
        """Number of dimensions, 1 to 8."""
        return len(self.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions outermost first, as numpy has them; same order as ``axes``."""
        return self.dims[::-1]

    @property
    def numpy_strides(self) -> tuple[int, ...]:
        """Byte strides outermost first, to go with ``shape``."""
        return self.strides[::-1]

    @property
    def precision(self) -> Precision:
        """The element type by its outside name."""
        return _PRECISIONS[self.data_type]

    @property
    def dtype(self) -> np.dtype:
        """The numpy dtype of the elements."""
        return self.precision.numpy

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return self.precision.size_bytes

    @property
    def element_count(self) -> int:
        """Number of elements."""
        return 0 if self.is_dynamic else prod(self.dims)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements alone, without gaps."""
        return self.element_count * self.element_bytes

    @property
    def nbytes_span(self) -> int:
        """Bytes from the first element to just past the last one, gaps included."""
        if self.is_dynamic:
            return 0
        steps = zip(self.dims, self.strides, strict=True)
        return sum((dim - 1) * stride for dim, stride in steps) + self.element_bytes

    @property
    def is_compact(self) -> bool:
        """Whether the elements lie without gaps in stored order."""
        expected = self.element_bytes
        for dim, stride in zip(self.dims, self.strides, strict=True):
            if dim > 1 and stride != expected:
                return False
            expected *= dim
        return True

    def position(self, letter: str) -> int | None:
        """Stored position (0 innermost) of an axis, or None: ``position("C")``."""
        at = self.axes.find(letter)
        return None if at < 0 else self.rank - 1 - at

    def dim(self, letter: str, default: int = 1) -> int:
        """Size along an axis, ``default`` where the tensor has no such axis."""
        at = self.position(letter)
        return default if at is None else self.dims[at]

    def stride(self, letter: str, default: int = 0) -> int:
        """Byte stride along an axis, ``default`` where the tensor has no such axis."""
        at = self.position(letter)
        return default if at is None else self.strides[at]

    def __str__(self) -> str:
        shape = "x".join("?" if d < 0 else str(d) for d in self.shape)
        return f"{self.data_type.name} {shape} {self.axes}"


@dataclass(frozen=True)
class Buffer:
    """A tensor and the place it lies in.

    ``offset`` (bytes) is relative to what ``location`` says: the tensor ``io_index`` for INPUT
    and OUTPUT, the constants section for BLOB, the arena for BSS and CMX. ``io_bytes`` is the
    size of the whole input or output tensor.
    """

    desc: TensorDesc
    location: Location
    offset: int
    io_index: int | None = None
    io_bytes: int | None = None
    # Byte of the record in the file, for messages.
    at: int = field(default=0, compare=False, repr=False)

    @property
    def is_fake(self) -> bool:
        """Whether this stands for an operand that is not there."""
        return self.location is Location.NONE

    @property
    def is_constant(self) -> bool:
        """Whether the data is in the file."""
        return self.location is Location.BLOB

    @property
    def end(self) -> int:
        """Offset just past the last byte the view can touch."""
        return self.offset + self.desc.nbytes_span

    @property
    def place(self) -> str:
        """Location with index and offset: ``input[0]+64``, ``bss+4096``."""
        if self.is_fake:
            return "none"
        where = self.location.name.lower()
        if self.io_index is not None:
            where += f"[{self.io_index}]"
        return f"{where}+{self.offset}"

    def __str__(self) -> str:
        return "absent" if self.is_fake else f"{self.desc} @ {self.place}"


@dataclass(frozen=True)
class IOInfo:
    """One input or output of the network.

    ``index`` is what buffers call ``io_index``; ``offset`` is the tensor's place (bytes) in the
    concatenated memory of all inputs (outputs), where each starts at a multiple of 64.
    """

    index: int
    name: str
    offset: int
    desc: TensorDesc

    @property
    def spec(self) -> TensorSpec:
        """What the host has to send or receives: shape and layout outermost axis first.

        Shape and layout are those of the bytes in memory, so an input stored as NHWC reads so.
        """
        return TensorSpec(self.name, self.desc.precision, self.desc.shape, self.desc.layout)

    @property
    def size_bytes(self) -> int:
        """Bytes of the tensor in memory."""
        return self.desc.nbytes_span

    def __str__(self) -> str:
        return f"{self.name}: {self.desc}"


class TensorReader:
    """Reads descriptions and buffers, whose arrays lie in the constants section.

    ``constants`` is where that section starts and ends in ``data``. Equal descriptions share one
    object: a blob repeats the same few hundred shapes many times.
    """

    def __init__(self, data: memoryview, constants: tuple[int, int]) -> None:
        self.data = data
        self.constants = constants
        self._known: dict[bytes, TensorDesc] = {}

    def desc(self, cursor: Cursor) -> TensorDesc:
        """Read one description (28 bytes) and its two arrays.

        Promises: rank 1 to 8, every axis named once, every static dimension at least 1, elements
        that do not overlap, and a size below 4 GiB.
        """
        at = cursor.pos
        key = bytes(cursor.take(DESC_BYTES))
        desc = self._known.get(key)
        if desc is None:
            cursor.pos = at
            desc = self._known[key] = self._new_desc(cursor)
        return desc

    def _new_desc(self, cursor: Cursor) -> TensorDesc:
        at = cursor.pos
        data_type = enum_word(DataType, cursor)
        order = cursor.u32()
        rank = cursor.u32()
        dims_location = enum_word(Location, cursor)
        dims_offset = cursor.u32()
        strides_location = enum_word(Location, cursor)
        strides_offset = cursor.u32()
        if not 1 <= rank <= MAX_RANK:
            raise BlobError(f"{cursor.what}: a tensor of rank {rank}", offset=at + 8)
        if not order_is_valid(order, rank):
            raise BlobError(
                f"{cursor.what}: order {order:#x} does not name {rank} axes", offset=at + 4
            )
        dims = self._array(dims_location, dims_offset, rank, at + 16)
        strides = self._array(strides_location, strides_offset, rank, at + 24)
        desc = TensorDesc(
            data_type,
            order,
            dims,
            strides,
            dims_location,
            dims_offset,
            strides_location,
            strides_offset,
        )
        if not desc.is_dynamic:
            _check_extent(desc, cursor.what, at)
        return desc

    def _array(self, location: Location, offset: int, rank: int, at: int) -> tuple[int, ...]:
        if location is not Location.BLOB:
            return (-1,) * rank
        start, end = self.constants
        first = start + offset
        if first + 4 * rank > end:
            raise TruncatedBlob(
                f"a shape array at {offset} lies beyond the {end - start} bytes of constants",
                offset=at,
            )
        return struct.unpack_from(f"<{rank}I", self.data, first)

    def buffer(self, cursor: Cursor) -> Buffer:
        """Read one buffer record."""
        at = cursor.pos
        desc = self.desc(cursor)
        location = enum_word(Location, cursor)
        io_index = io_bytes = None
        if location in (Location.INPUT, Location.OUTPUT):
            io_index, io_bytes = cursor.u32(), cursor.u32()
        # A shape that is itself an output is named by two more words, likewise for strides.
        for where in (desc.dims_location, desc.strides_location):
            if where is Location.OUTPUT:
                cursor.take(8)
        return Buffer(desc, location, cursor.i32(), io_index, io_bytes, at)

    def buffers(self, cursor: Cursor) -> tuple[Buffer, ...]:
        """Read buffer records up to the end of ``cursor``: they delimit themselves."""
        found = []
        while cursor.remaining:
            found.append(self.buffer(cursor))
        return tuple(found)

    def io_info(self, cursor: Cursor) -> IOInfo:
        """Read one record of the input or output section."""
        index = cursor.u32()
        offset = cursor.i32()
        name = cursor.text(cursor.count(1, "bytes of name"))
        return IOInfo(index, name, offset, self.desc(cursor))


def _check_extent(desc: TensorDesc, what: str, at: int) -> None:
    if min(desc.dims) < 1:
        raise BlobError(f"{what}: a tensor with a dimension of 0", offset=at)
    if desc.nbytes_span > MAX_TENSOR_BYTES:
        raise BlobError(f"{what}: a tensor of {desc.nbytes_span} bytes", offset=at)
    # Fewer bytes than elements means that elements overlap; nothing writes such a tensor, and
    # it would let a small file ask for a huge array.
    if desc.nbytes > desc.nbytes_span:
        raise BlobError(f"{what}: strides {desc.strides} make elements overlap", offset=at)
