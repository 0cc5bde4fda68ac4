"""Two blobs side by side, field by field.

Stages are aligned first, by kind and shapes, so that a stage more or less on one side (as two
blobs for different SHAVE counts have) does not make all that follow look different. Constants
are compared by content: where they lie in the file is no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from .enums import Location
from .header import Header
from .stages import Stage
from .tensors import Buffer, IOInfo

if TYPE_CHECKING:
    from .reader import BlobReader


@dataclass(frozen=True)
class Difference:
    """One field that differs.

    ``path`` names it (``stages[12].params.kernel_w``); two numbers in brackets (``stages[12|13]``)
    are the indices of the aligned stages on both sides. A side is None where it has no such
    thing. ``note`` may say how large the difference is.
    """

    path: str
    a: Any
    b: Any
    note: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {_text(self.a)} | {_text(self.b)}"
        return f"{text} ({self.note})" if self.note else text


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return value.name if isinstance(value, Enum) else str(value)


def diff(a: BlobReader, b: BlobReader) -> list[Difference]:
    """Every field in which two blobs differ, in the order of the file; none for equal bytes."""
    if a.data == b.data:
        return []
    found = list(_differences(a, b))
    if not found:
        # Same fields, other bytes: padding, or constants in another order.
        at = _first_other_byte(a, b)
        found.append(Difference("bytes", a.size, b.size, f"same fields; other bytes from {at} on"))
    return found


def _first_other_byte(a: BlobReader, b: BlobReader) -> int:
    size = min(a.size, b.size)
    other = np.flatnonzero(
        np.frombuffer(a.data, np.uint8, size) != np.frombuffer(b.data, np.uint8, size)
    )
    return int(other[0]) if other.size else size


def _differences(a: BlobReader, b: BlobReader) -> Iterator[Difference]:
    for each in fields(Header):
        yield from _values(
            f"header.{each.name}", getattr(a.header, each.name), getattr(b.header, each.name)
        )
    yield from _infos("inputs", a.inputs, b.inputs)
    yield from _infos("outputs", a.outputs, b.outputs)
    for one, other in _aligned(a.stages, b.stages):
        yield from _stages(a, b, one, other)
    yield from _values("trailer", a.trailer, b.trailer)


def _values(path: str, a: Any, b: Any) -> Iterator[Difference]:
    """Differences of two values, gone into where both are the same kind of record."""
    if is_dataclass(a) and type(a) is type(b):
        for each in fields(a):
            if each.compare:
                yield from _values(
                    f"{path}.{each.name}", getattr(a, each.name), getattr(b, each.name)
                )
    elif isinstance(a, tuple) and isinstance(b, tuple) and any(is_dataclass(x) for x in a + b):
        for at in range(max(len(a), len(b))):
            one = a[at] if at < len(a) else None
            other = b[at] if at < len(b) else None
            yield from _values(f"{path}[{at}]", one, other)
    elif a != b and not (a != a and b != b):  # two NaNs are no difference
        yield Difference(path, a, b)


def _infos(path: str, a: tuple[IOInfo, ...], b: tuple[IOInfo, ...]) -> Iterator[Difference]:
    for at in range(max(len(a), len(b))):
        if at >= len(a):
            yield Difference(f"{path}[{at}]", None, b[at])
        elif at >= len(b):
            yield Difference(f"{path}[{at}]", a[at], None)
        else:
            yield from _values(f"{path}[{at}]", a[at], b[at])


def _key(stage: Stage) -> tuple[Any, ...]:
    """What makes two stages the same step: kind and shapes, not places."""
    moving = (*stage.inputs, *stage.outputs)
    shapes = tuple((b.desc.data_type, b.desc.axes, b.desc.dims) for b in moving)
    injected = None if stage.injected is None else stage.injected.type
    return (stage.type, shapes, injected)


def _aligned(
    a: tuple[Stage, ...], b: tuple[Stage, ...]
) -> Iterator[tuple[Stage | None, Stage | None]]:
    keys_a, keys_b = [_key(s) for s in a], [_key(s) for s in b]
    # Equal ends need no search, which is quadratic.
    both = zip(keys_a, keys_b, strict=False)
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))
    back = zip(reversed(keys_a[head:]), reversed(keys_b[head:]), strict=False)
    tail = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], back))
    yield from zip(a[:head], b[:head], strict=True)
    end_a, end_b = len(a) - tail, len(b) - tail
    matcher = SequenceMatcher(None, keys_a[head:end_a], keys_b[head:end_b], autojunk=False)
    for _, a0, a1, b0, b1 in matcher.get_opcodes():
        yield from _paired(a[head + a0 : head + a1], b[head + b0 : head + b1])
    yield from zip(a[end_a:], b[end_b:], strict=True)


def _paired(
    a: tuple[Stage, ...], b: tuple[Stage, ...]
) -> Iterator[tuple[Stage | None, Stage | None]]:
    """Stages of a stretch without equal keys: pair those of one type, in order."""
    rest = list(b)
    for one in a:
        at = next((i for i, other in enumerate(rest) if other.type == one.type), None)
        if at is None:
            yield one, None
            continue
        yield from ((None, skipped) for skipped in rest[:at])
        yield one, rest[at]
        rest = rest[at + 1 :]
    yield from ((None, left) for left in rest)


def _stages(
    a: BlobReader, b: BlobReader, one: Stage | None, other: Stage | None
) -> Iterator[Difference]:
    if one is None or other is None:
        present = one if one is not None else other
        assert present is not None
        side = (str(present), None) if other is None else (None, str(present))
        yield Difference(f"stages[{present.index}]", *side)
        return
    same = one.index == other.index
    path = f"stages[{one.index}]" if same else f"stages[{one.index}|{other.index}]"
    yield from _stage_fields(a, b, one, other, path)


def _stage_fields(
    a: BlobReader, b: BlobReader, one: Stage, other: Stage, path: str
) -> Iterator[Difference]:
    yield from _values(f"{path}.type", one.name, other.name)
    yield from _values(f"{path}.shaves", one.shaves, other.shaves)
    yield from _values(f"{path}.params", one.params, other.params)
    mine, theirs = _by_role(one), _by_role(other)
    for role in dict.fromkeys((*mine, *theirs)):
        yield from _buffers(a, b, mine.get(role), theirs.get(role), f"{path}.{role}")
    if one.injected is not None and other.injected is not None:
        yield from _stage_fields(a, b, one.injected, other.injected, f"{path}.injected")
    elif one.injected is not other.injected:
        yield Difference(
            f"{path}.injected",
            one.injected and one.injected.name,
            other.injected and other.injected.name,
        )


def _by_role(stage: Stage) -> dict[str, Buffer]:
    return dict(zip(stage.roles, stage.buffers, strict=True))


def _buffers(
    a: BlobReader, b: BlobReader, one: Buffer | None, other: Buffer | None, path: str
) -> Iterator[Difference]:
    if one is None or other is None:
        yield Difference(path, one and str(one), other and str(other))
        return
    yield from _values(f"{path}.desc", one.desc, other.desc)
    yield from _values(f"{path}.location", one.location, other.location)
    yield from _values(f"{path}.io_index", one.io_index, other.io_index)
    yield from _values(f"{path}.io_bytes", one.io_bytes, other.io_bytes)
    if one.location is Location.BLOB and other.location is Location.BLOB:
        yield from _constants(a.array(one), b.array(other), f"{path}.content")
    else:
        yield from _values(f"{path}.offset", one.offset, other.offset)


def _constants(a: np.ndarray, b: np.ndarray, path: str) -> Iterator[Difference]:
    if a.dtype == b.dtype and a.shape == b.shape:
        # Bits, not values: NaNs are alike, zeros of both signs are not.
        bits = np.dtype(f"u{a.dtype.itemsize}")
        unlike = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
        count = int(np.count_nonzero(unlike))
        if not count:
            return
        with np.errstate(all="ignore"):
            most = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
        note = f"{count} of {a.size} values differ, by {most:g} at most"
        yield Difference(path, _fingerprint(a), _fingerprint(b), note)
    elif a.tobytes() != b.tobytes():
        yield Difference(path, _fingerprint(a), _fingerprint(b))


def _fingerprint(array: np.ndarray) -> str:
    return "sha256 " + hashlib.sha256(array.tobytes()).hexdigest()[:16]
