"""From the table's words to a role for each buffer of a stage."""

from __future__ import annotations

from typing import cast

from oakwright.errors import BlobError

from . import table
from .hardware import HwParams, name_operands
from .params import CustomParams, LoopEndParams, LoopStartParams
from .tensors import Buffer
from .words import Params


def roles_of(
    operands: str, params: Params, buffers: tuple[Buffer, ...], label: str, at: int
) -> tuple[str, ...]:
    """One marked role per buffer: ``>`` written, ``~`` scratch, else read.

    Raises BlobError where the stage has more or fewer buffers than its type allows.
    """
    count = len(buffers)
    if operands == table.HARDWARE:
        return name_operands(cast(HwParams, params).ops, buffers)
    if operands == table.LOOP_START:
        pairs = len(cast(LoopStartParams, params).rules)
        roles = [f"{role}{i}" for i in range(pairs) for role in ("source", ">destination")]
    elif operands == table.LOOP_END:
        end = cast(LoopEndParams, params)
        roles = ["batch_source"] if end.is_dynamic else []
        roles += [f"{r}{i}" for i in range(len(end.rules)) for r in (">destination", "source")]
    elif operands == table.CUSTOM:
        # Inputs, the kernel's program (a constant) last among them; outputs; one scratch.
        inputs = cast(CustomParams, params).inputs
        reads = [i < inputs or each.is_constant for i, each in enumerate(buffers[:-1])]
        roles = [f"input{i}" if read else f">output{i}" for i, read in enumerate(reads)]
        roles += ["~temp"] if count else []
    else:
        roles = _expand(operands, params, count, label, at)
    if len(roles) != count:
        raise BlobError(f"{label} has {count} buffers where {len(roles)} belong", offset=at)
    return tuple(roles)


def _expand(operands: str, params: Params, count: int, label: str, at: int) -> list[str]:
    words = operands.split()
    required = 0
    for word in words:
        name, _, number = word.partition("*")
        if number:
            required += getattr(params, number)
        elif "?" not in name or _flag(name, params):
            required += 1
    # Bound the repeat counts before they make a list.
    if required > count:
        raise BlobError(f"{label} has {count} buffers where {required} belong", offset=at)
    spare = count - required
    roles: list[str] = []
    for word in words:
        name, _, number = word.partition("*")
        if number:
            roles += [f"{name}{i}" for i in range(getattr(params, number))]
            continue
        bare, optional, flag = name.partition("?")
        if not optional or _flag(name, params):
            roles.append(bare)
        elif not flag and spare:
            spare -= 1
            roles.append(bare)
    return roles


def _flag(word: str, params: Params) -> bool:
    """Whether ``name?flag`` has its flag set; a bare ``name?`` has not."""
    flag = word.partition("?")[2]
    return bool(flag) and bool(getattr(params, flag))
