"""Stage records: the blob's program, one record after the other, in the order of execution.

A record is: its length, type, number of SHAVEs, length of the parameter block (that word
included), the parameters, the buffers, the type again, and a border word. Buffers delimit
themselves, so those of an unknown type can be read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from oakwright.errors import BlobError

from .cursor import Cursor
from .enums import StageType
from .hardware import HwParams
from .operands import roles_of
from .params import RawParams, read_params
from .table import STAGE_KINDS
from .tensors import MIN_BUFFER_BYTES, Buffer, TensorReader
from .words import Params

BORDER = 0x7F83FF19
# length, type, shaves, parameter length, type again, border
MIN_STAGE_BYTES = 24
# A stage is injected into another at most once in every blob seen; deeper nesting is damage.
MAX_INJECTED_DEPTH = 4


@dataclass(frozen=True)
class Stage:
    """One step of the program.

    ``type`` is a plain int where the number is not in the enumeration; then ``params`` is
    RawParams and ``inputs``, ``outputs`` are empty, but ``buffers`` are there. An injected
    stage has the ``index`` of the stage that carries it.
    """

    index: int
    type: StageType | int
    shaves: int
    params: Params
    buffers: tuple[Buffer, ...]
    roles: tuple[str, ...]  # one per buffer, without its mark
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    temps: tuple[Buffer, ...]
    injected: Stage | None
    is_injected: bool
    # Place of the record in the file, bytes.
    offset: int = field(compare=False)
    length: int = field(compare=False)

    @property
    def name(self) -> str:
        """Name of the type; blobs hold no names of stages or layers."""
        return self.type.label if isinstance(self.type, StageType) else f"Unknown{self.type}"

    @property
    def is_known(self) -> bool:
        """Whether the type is one of the enumeration."""
        return isinstance(self.type, StageType)

    @property
    def is_understood(self) -> bool:
        """Whether parameters and operands have a meaning: not so for unknown types, and for
        types that another version of the engine wrote with other parameters."""
        return not isinstance(self.params, RawParams)

    @cached_property
    def operands(self) -> Mapping[str, Buffer]:
        """Buffers by role, in file order, absent ("fake") ones left out."""
        pairs = zip(self.roles, self.buffers, strict=True)
        return MappingProxyType({role: each for role, each in pairs if not each.is_fake})

    def buffer(self, role: str) -> Buffer:
        """The operand of that role; raises BlobError where the stage has none."""
        try:
            return self.operands[role]
        except KeyError:
            present = ", ".join(self.operands) or "none"
            raise BlobError(
                f"{self} has no operand '{role}' (it has: {present})", offset=self.offset
            ) from None

    def walk(self) -> Iterator[Stage]:
        """The injected stage, if any, then this one: both run, in either order."""
        if self.injected is not None:
            yield from self.injected.walk()
        yield self

    def __str__(self) -> str:
        return f"stage {self.index} ({self.name}{', injected' * self.is_injected})"


def read_stage(cursor: Cursor, index: int, tensors: TensorReader, depth: int = 0) -> Stage:
    """Read the record at the cursor and move past it."""
    start = cursor.pos
    length = cursor.u32()
    if not MIN_STAGE_BYTES <= length <= cursor.end - start:
        raise cursor.error(f"stage {index} of {length} bytes, {cursor.end - start} are left", start)
    cursor.pos = start
    what = f"stage {index}" + ", injected" * (depth > 0)
    record = cursor.part(length, what)
    record.take(4)
    number, shaves = record.u32(), record.u32()
    at = record.pos
    params_bytes = record.u32()
    if not 4 <= params_bytes <= record.remaining - 4:
        raise record.error(f"{params_bytes} bytes of parameters", at)
    kind = StageType(number) if number in _NUMBERS else None
    what += f" ({kind.label if kind is not None else number})"
    words = record.part(params_bytes - 4, f"parameters of {what}")
    data = record.part(record.remaining - 8, f"buffers of {what}")
    at = record.pos
    if record.u32() != number:
        raise record.error("the type is not repeated at the end", at)
    if record.u32() != BORDER:
        raise record.error(f"no border word {BORDER:#x} at the end", at + 4)

    injected = None
    buffers: tuple[Buffer, ...]
    params: Params
    if kind is StageType.MyriadXHwOp:
        buffers = _counted_buffers(data, tensors)
        params = HwParams.read(words, buffers)
        if words.flag():
            if depth >= MAX_INJECTED_DEPTH:
                raise words.error(f"stages injected {depth + 1} deep", words.pos)
            injected = read_stage(words, index, tensors, depth + 1)
        words.finish()
    else:
        buffers = tensors.buffers(data)
        known = STAGE_KINDS[kind].params if kind is not None else RawParams
        params = read_params(known, words, buffers, what)

    marked: tuple[str, ...]
    if kind is not None and not isinstance(params, RawParams):
        marked = roles_of(STAGE_KINDS[kind].operands, params, buffers, what, data.end)
    else:
        marked = tuple(f"?buffer{i}" for i in range(len(buffers)))
    return Stage(
        index=index,
        type=kind if kind is not None else number,
        shaves=shaves,
        params=params,
        buffers=buffers,
        roles=tuple(role.lstrip(">~?") for role in marked),
        inputs=_chosen(marked, buffers, ""),
        outputs=_chosen(marked, buffers, ">"),
        temps=_chosen(marked, buffers, "~"),
        injected=injected,
        is_injected=depth > 0,
        offset=start,
        length=length,
    )


_NUMBERS = frozenset(int(kind) for kind in StageType)


def _chosen(marked: tuple[str, ...], buffers: tuple[Buffer, ...], mark: str) -> tuple[Buffer, ...]:
    return tuple(
        each
        for role, each in zip(marked, buffers, strict=True)
        if not each.is_fake and (role[0] if role[0] in ">~?" else "") == mark
    )


def _counted_buffers(data: Cursor, tensors: TensorReader) -> tuple[Buffer, ...]:
    at = data.pos
    count = data.count(MIN_BUFFER_BYTES, "buffers")
    buffers = tensors.buffers(data)
    if len(buffers) != count:
        raise data.error(f"{count} buffers announced, {len(buffers)} there", at)
    return buffers
