"""Findings about a blob that reads well but says things that cannot be so.

Reading refuses what it cannot follow. What is found here can be followed but not run: a buffer
outside its arena, a flag of the header that the stages contradict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .enums import Location, StageType
from .hardware import HwParams
from .header import ELF_BYTES, ELF_REST
from .params import LoopStartParams
from .stages import Stage
from .tensors import Buffer, IOInfo

if TYPE_CHECKING:
    from .reader import BlobReader

# A hardware convolution may read up to this many channels behind its input's last one: the
# number of channels is rounded up to that of its RAM blocks, sixteen at most.
EXTRA_CHANNELS = 15


@dataclass(frozen=True)
class Finding:
    """Something wrong at a byte of the file."""

    offset: int
    message: str

    def __str__(self) -> str:
        return f"byte {self.offset}: {self.message}"


def validate(blob: BlobReader) -> list[Finding]:
    """Every finding, in the order of the file; raises BlobError where reading itself fails."""
    return [*_of_header(blob), *_of_io(blob), *_of_stages(blob)]


def _of_header(blob: BlobReader) -> Iterator[Finding]:
    header = blob.header
    if bytes(blob.data[4:ELF_BYTES]) != ELF_REST:
        yield Finding(4, "the ELF-like header is not the usual one")
    if header.batch_size < 1:
        yield Finding(88, "a batch of 0")
    kinds = {_category(stage) for stage in blob.stages}
    for name, at in (("hw", 104), ("shave", 108), ("dma", 112)):
        if bool(getattr(header, f"has_{name}_stage")) != (name in kinds):
            yield Finding(at, f"has_{name}_stage does not agree with the stages")


def _category(stage: Stage) -> str:
    if stage.type is StageType.MyriadXHwOp:
        return "hw"
    dma = (StageType.Copy, StageType.LoopStart, StageType.LoopEnd)
    return "dma" if stage.type in dma else "shave"


def _of_io(blob: BlobReader) -> Iterator[Finding]:
    header = blob.header
    for infos, what, size, at in (
        (blob.inputs, "input", header.inputs_size, header.input_info_section_offset),
        (blob.outputs, "output", header.outputs_size, header.output_info_section_offset),
    ):
        for number, info in enumerate(infos):
            if info.index != number:
                yield Finding(at, f"{what} {number} ({info.name}) has the index {info.index}")
            if info.offset < 0 or info.offset + info.desc.nbytes_span > size:
                yield Finding(
                    at, f"{what} {info.name} lies outside the {size} bytes of all {what}s"
                )


def _of_stages(blob: BlobReader) -> Iterator[Finding]:
    for stage in blob.walk():
        if not stage.is_understood:
            yield Finding(stage.offset, f"{stage}: its parameters have an unknown layout")
        if stage.shaves > blob.shaves:
            yield Finding(
                stage.offset, f"{stage} uses {stage.shaves} SHAVEs, the blob {blob.shaves}"
            )
        if isinstance(stage.params, LoopStartParams):
            last = stage.index + stage.params.stages - 1
            if not (0 <= last < len(blob.stages)) or (
                blob.stages[last].type is not StageType.LoopEnd
            ):
                yield Finding(stage.offset, f"{stage} has no LoopEnd at stage {last}")
        for role, buffer in stage.operands.items():
            problem = _problem(blob, stage, buffer)
            if problem:
                yield Finding(buffer.at, f"{stage}, {role}: {problem}")


def _problem(blob: BlobReader, stage: Stage, buffer: Buffer) -> str:
    """What is wrong with the place of a buffer, or nothing."""
    desc = buffer.desc
    if desc.is_dynamic:
        return ""
    if buffer in stage.outputs and buffer.location in (Location.INPUT, Location.BLOB):
        return f"writes to {buffer.place}"
    infos: tuple[IOInfo, ...] = {Location.INPUT: blob.inputs, Location.OUTPUT: blob.outputs}.get(
        buffer.location, ()
    )
    if buffer.io_index is not None:
        if buffer.io_index >= len(infos):
            return f"there is no {buffer.location.name.lower()} {buffer.io_index}"
        limit = infos[buffer.io_index].desc.nbytes_span
    else:
        limit = {
            Location.BLOB: int(blob.constants.size),
            Location.BSS: blob.bss_bytes,
            Location.CMX: blob.cmx_bytes,
        }[buffer.location]
    if isinstance(stage.params, HwParams) and buffer in stage.inputs and not buffer.is_constant:
        limit += EXTRA_CHANNELS * desc.stride("C")
    if buffer.offset < 0 or buffer.end > limit:
        return f"{buffer} lies outside its {limit} bytes"
    return ""
