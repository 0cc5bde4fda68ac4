"""``BlobReader``: the whole file as one value.

Opening reads the headers, the inputs and the outputs;
stages are read on first use, constants never copied.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from oakwright.errors import BlobError, TruncatedBlob, UsageError
from oakwright.files import write_aside

from .cursor import Cursor
from .enums import Location
from .header import CMX_SLICE_BYTES, VERSION_OFFSET, Header, Trailer, read_header, read_trailer
from .stages import MIN_STAGE_BYTES, Stage, read_stage
from .tensors import MIN_IO_BYTES, Buffer, IOInfo, TensorReader

# Every section, and the area of the headers, fills up to a multiple of this.
SECTION_ALIGNMENT = 64


B = TypeVar("B", bound="BlobReader")


class BlobReader:
    """A Myriad X blob::

        blob = Blob.open("model.blob")
        print(blob.version, blob.inputs[0].spec, len(blob.stages))

    Raises NotABlob, TruncatedBlob or BlobError, always with an offset, for bytes that
    contradict the format: those of the header, inputs and outputs at once, those of a stage
    when ``stages`` is first used. ``check()`` reads everything.
    """

    def __init__(
        self, data: bytes | bytearray | memoryview | mmap.mmap | str | os.PathLike[str]
    ) -> None:
        """Of bytes or a mapping, which must not change afterwards, or of a path."""
        if isinstance(data, (str, os.PathLike)):
            data = _mapped(data)
        self.data = memoryview(data).toreadonly().cast("B")
        self.header: Header = read_header(self.data)
        header = self.header
        self._tensors = TensorReader(
            self.data, (header.const_data_section_offset, header.file_size)
        )
        self.inputs: tuple[IOInfo, ...] = self._read_io(
            header.inputs_count,
            (header.input_info_section_offset, header.output_info_section_offset),
            "the input section",
        )
        self.outputs: tuple[IOInfo, ...] = self._read_io(
            header.outputs_count,
            (header.output_info_section_offset, header.stage_section_offset),
            "the output section",
        )
        self.trailer: Trailer | None = read_trailer(self.data, header.file_size)

    @classmethod
    def from_bytes(cls: type[B], data: bytes | bytearray | memoryview | mmap.mmap) -> B:
        """Read a blob from memory; nothing is copied."""
        return cls(data)

    @classmethod
    def open(cls: type[B], path: str | os.PathLike[str]) -> B:
        """Map a file. Raises UsageError where there is no such file."""
        return cls(_mapped(path))

    def _read_io(self, count: int, section: tuple[int, int], what: str) -> tuple[IOInfo, ...]:
        cursor = Cursor(self.data, *section, what)
        if count * MIN_IO_BYTES > cursor.remaining:
            raise cursor.error(f"too short for {count} records", cursor.pos)
        return tuple(self._tensors.io_info(cursor) for _ in range(count))

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The program, in the order of execution, which is that of the file."""
        header = self.header
        cursor = Cursor(
            self.data,
            header.stage_section_offset,
            header.const_data_section_offset,
            "the stage section",
        )
        if header.stages_count * MIN_STAGE_BYTES > cursor.remaining:
            raise cursor.error(f"too short for {header.stages_count} stages", cursor.pos)
        stages = tuple(
            read_stage(cursor, index, self._tensors) for index in range(header.stages_count)
        )
        if cursor.remaining >= SECTION_ALIGNMENT:
            raise cursor.error("bytes behind the last stage", cursor.pos)
        return stages

    def walk(self) -> Iterator[Stage]:
        """Every stage, injected ones just before those that carry them."""
        for stage in self.stages:
            yield from stage.walk()

    @property
    def version(self) -> str:
        """The version stamp: ``2021.4``, ``6.0`` …"""
        return f"{self.header.ver_major}.{self.header.ver_minor}"

    @property
    def shaves(self) -> int:
        """Vector cores the blob was compiled for."""
        return self.header.number_of_shaves

    @property
    def cmx_slices(self) -> int:
        """Slices of on-chip memory the blob asks for."""
        return self.header.number_of_cmx_slices

    @property
    def cmx_bytes(self) -> int:
        """Size of the on-chip arena."""
        return self.header.number_of_cmx_slices * CMX_SLICE_BYTES

    @property
    def bss_bytes(self) -> int:
        """Size of the scratch arena in DDR."""
        return self.header.bss_mem_size

    @property
    def batch_size(self) -> int:
        """Samples per run; all shapes in the file are those of one sample."""
        return self.header.batch_size

    @property
    def size(self) -> int:
        """Bytes of the file, trailer included."""
        return len(self.data)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def constants(self) -> np.ndarray:
        """The constants section as a read-only uint8 array, not copied."""
        start = self.header.const_data_section_offset
        return np.frombuffer(self.data, np.uint8, count=self.header.file_size - start, offset=start)

    def array(self, buffer: Buffer) -> np.ndarray:
        """A constant's elements as a read-only strided view, outermost axis first.

        Axes are those of ``buffer.desc.axes``. Raises BlobError where the buffer is not in the
        constants section or reaches outside it.
        """
        desc = buffer.desc
        if buffer.location is not Location.BLOB or desc.is_dynamic:
            raise BlobError(f"{buffer} is not a constant", offset=buffer.at)
        if buffer.offset < 0 or buffer.end > self.constants.size:
            raise BlobError(
                f"{buffer} lies outside the {self.constants.size} bytes of constants",
                offset=buffer.at,
            )
        return np.ndarray(desc.shape, desc.dtype, self.constants, buffer.offset, desc.numpy_strides)

    def check(self) -> None:
        """Read everything; raises the first BlobError. See ``validate`` for softer findings."""
        for stage in self.walk():
            for buffer in stage.buffers:
                if buffer.is_constant:
                    self.array(buffer)

    def with_version(self: B, major: int, minor: int) -> B:
        """The same blob with another version stamp: eight bytes differ."""
        if not (0 <= major < 1 << 32 and 0 <= minor < 1 << 32):
            raise UsageError(f"{major}.{minor} is no version", remedy="two numbers, as 2021 and 4")
        data = bytearray(self.data)
        data[VERSION_OFFSET : VERSION_OFFSET + 8] = struct.pack("<2I", major, minor)
        return type(self)(bytes(data))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file in one step. Raises OutputError."""
        return write_aside(path, bytes(self.data))

    def __bytes__(self) -> bytes:
        return bytes(self.data)

    def __eq__(self, other: object) -> bool:
        return self.data == other.data if isinstance(other, BlobReader) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        header = self.header
        return (
            f"<Blob {self.version}, {self.size} bytes, {header.stages_count} stages, "
            f"{header.number_of_shaves} shaves>"
        )


def _mapped(path: str | os.PathLike[str]) -> mmap.mmap:
    try:
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise TruncatedBlob(f"{path} is empty", offset=0)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {path}: {reason}", remedy="check the path") from error
