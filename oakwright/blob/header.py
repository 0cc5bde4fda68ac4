"""The two headers at the start of the file, and the trailer that 2022.1 puts at its end."""

from __future__ import annotations

from dataclasses import dataclass

from oakwright.errors import BlobError, NotABlob, TruncatedBlob

from .cursor import Cursor

ELF_MAGIC = b"\x7felf"  # lower case, unlike a real ELF file's
ELF_BYTES = 52
HEADER_BYTES = 80
MAGIC = 9709
VERSION_OFFSET = 60  # ver_major and ver_minor, 8 bytes

# What follows the magic in every blob known: type 1, machine 2, version 2, no entry, no program
# or section headers, no flags, a "header size" of 416, zeros.
ELF_REST = (
    bytes(12) + bytes.fromhex("0100020002000000") + bytes(16) + bytes.fromhex("a001") + bytes(10)
)


@dataclass(frozen=True)
class Header:
    """The blob header: twenty words, by the names and in the order of the file."""

    magic: int
    file_size: int  # header and sections, without a trailer
    ver_major: int
    ver_minor: int
    inputs_count: int
    outputs_count: int
    stages_count: int  # records of the stage section; injected stages are not counted
    inputs_size: int  # end of the last input in the concatenated memory, times batch
    outputs_size: int
    batch_size: int
    bss_mem_size: int
    number_of_cmx_slices: int
    number_of_shaves: int
    has_hw_stage: int
    has_shave_stage: int
    has_dma_stage: int
    input_info_section_offset: int
    output_info_section_offset: int
    stage_section_offset: int
    const_data_section_offset: int


CMX_SLICE_BYTES = 128 * 1024


def read_header(data: memoryview) -> Header:
    """Read both headers and check that the sections lie in order inside the file.

    Raises NotABlob where the magic numbers are others, TruncatedBlob where the file is shorter
    than it says, BlobError where the sections contradict each other.
    """
    if bytes(data[:4]) != ELF_MAGIC:
        if bytes(data[:4]) == ELF_MAGIC[: len(data)] or not data:
            raise TruncatedBlob(f"the file has only {len(data)} bytes", offset=len(data))
        raise NotABlob(
            "the file does not start as a Myriad X blob does",
            offset=0,
            remedy="give a .blob compiled for Myriad X (RVC2); blobs of other chips differ",
        )
    cursor = Cursor(data, 0, len(data), "the header")
    cursor.take(ELF_BYTES)
    at = cursor.pos
    magic = cursor.u32()
    if magic != MAGIC:
        raise NotABlob(f"the blob header's magic is {magic}, not {MAGIC}", offset=at)
    _check_version(data)
    header = Header(magic, *(cursor.u32() for _ in range(HEADER_BYTES // 4 - 1)))
    if header.file_size > len(data):
        raise TruncatedBlob(
            f"the file has {len(data)} bytes of the {header.file_size} it announces",
            offset=len(data),
            remedy="fetch or compile the blob again: it was cut short",
        )
    _check_sections(header, cursor.pos)
    return header


def _check_version(data: memoryview) -> None:
    # Up to OpenVINO 2020.3 dimensions stood in the tensor descriptions themselves; no blob of
    # that kind was at hand, and reading it by these rules would give nonsense.
    cursor = Cursor(data, VERSION_OFFSET, len(data), "the header")
    major, minor = cursor.u32(), cursor.u32()
    if major < 6 or (major, minor) == (2020, 3):
        raise BlobError(
            f"format {major}.{minor} of OpenVINO 2020.3 and older cannot be read",
            offset=VERSION_OFFSET,
            remedy="compile the model again: 2020.4 to 2022.1 write a newer format",
        )


def _check_sections(header: Header, previous: int) -> None:
    words = (
        ("input_info_section_offset", 116),
        ("output_info_section_offset", 120),
        ("stage_section_offset", 124),
        ("const_data_section_offset", 128),
        ("file_size", 56),
    )
    for name, at in words:
        value = getattr(header, name)
        if value < previous:
            raise BlobError(f"{name} is {value}, before the end of what it follows", offset=at)
        previous = value


@dataclass(frozen=True)
class TrailerRecord:
    """A parameter or result of the original model; ``shape`` in IR order."""

    name: str
    shape: tuple[int, ...]
    element_type: int
    tensor_names: tuple[str, ...]
    producer: str | None  # results only: the node they come from


@dataclass(frozen=True)
class Trailer:
    """What 2022.1 writes behind the blob: the model's own names and shapes."""

    parameters: tuple[TrailerRecord, ...]
    results: tuple[TrailerRecord, ...]


# Names of the element types that occur, from the engine's enumeration of that version.
TRAILER_ELEMENT_TYPES = {4: "f16", 5: "f32", 10: "i32", 14: "u8"}


def read_trailer(data: memoryview, start: int) -> Trailer | None:
    """Read the trailer at ``start``, or None where the file ends there."""
    if start == len(data):
        return None
    cursor = Cursor(data, start, len(data), "the trailer")
    parameters = cursor.count(16, "parameters")
    results = cursor.count(16, "results")
    trailer = Trailer(
        tuple(_record(cursor, is_result=False) for _ in range(parameters)),
        tuple(_record(cursor, is_result=True) for _ in range(results)),
    )
    at = cursor.pos
    if cursor.u64() != 0:
        raise cursor.error("does not end in zeros", at)
    cursor.finish()
    return trailer


def _record(cursor: Cursor, *, is_result: bool) -> TrailerRecord:
    name_bytes = cursor.count(1, "bytes of name")
    rank = cursor.count(8, "dimensions")
    at = cursor.pos
    if cursor.u32() != 4:
        raise cursor.error("a record without its constant 4", at)
    names = cursor.count(8, "tensor names")
    name = cursor.text(name_bytes)
    shape = tuple(cursor.u64() for _ in range(rank))
    element_type = cursor.u32()
    tensor_names = tuple(_long_text(cursor) for _ in range(names))
    return TrailerRecord(
        name, shape, element_type, tensor_names, _long_text(cursor) if is_result else None
    )


def _long_text(cursor: Cursor) -> str:
    at = cursor.pos
    size = cursor.u64()
    if size > cursor.remaining:
        raise cursor.error(f"a name of {size} bytes", at)
    return cursor.text(size)
