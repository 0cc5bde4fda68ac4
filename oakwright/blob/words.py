"""How a record of parameters says what its words are.

A parameter class is a frozen dataclass whose annotations name the words in file order::

    class PowerParams(Params):
        bias: F32
        scale: F32
        power: F32

``Params.read`` reads them so. Classes with counts or alternatives override ``read``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from .cursor import Cursor
from .tensors import Buffer, enum_word

U32 = Annotated[int, "u32"]
I32 = Annotated[int, "i32"]
F32 = Annotated[float, "f32"]
F16 = Annotated[float, "f16"]
Flag = Annotated[bool, "flag"]  # a 32-bit 0 or 1

_P = TypeVar("_P", bound="Params")


@dataclass(frozen=True)
class Params:
    """Parameters of a stage; a stage without any has just this."""

    @classmethod
    def read(cls: type[_P], words: Cursor, buffers: tuple[Buffer, ...]) -> _P:
        """Read the block; ``buffers`` are the stage's, for types whose words depend on them."""
        return cls(**{name: read_word(kind, words) for name, kind in word_kinds(cls)})

    def items(self) -> Iterable[tuple[str, Any]]:
        """Name and value of each parameter, in file order."""
        return ((each.name, getattr(self, each.name)) for each in fields(self))


def word_kinds(cls: type[Params]) -> tuple[tuple[str, Any], ...]:
    """Field names of ``cls`` with the kind of word each is."""
    kinds = _known_kinds.get(cls)
    if kinds is None:
        hints = get_type_hints(cls, include_extras=True)
        kinds = tuple((each.name, _kind(hints[each.name])) for each in fields(cls))
        _known_kinds[cls] = kinds
    return kinds


_known_kinds: dict[type[Params], tuple[tuple[str, Any], ...]] = {}


def _kind(hint: Any) -> Any:
    args = get_args(hint)
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return hint
    if len(args) == 2 and isinstance(args[1], str | tuple):
        return args[1]
    raise TypeError(f"{hint} does not say which word it is")


def fixed_bytes(cls: type[Params]) -> int | None:
    """Bytes of a block whose length never varies, None where it has counts or alternatives."""
    if cls.read.__func__ is not Params.read.__func__:  # type: ignore[attr-defined]
        return None
    return sum(_word_bytes(kind) for _, kind in word_kinds(cls))


def _word_bytes(kind: Any) -> int:
    if isinstance(kind, tuple):
        return _word_bytes(kind[0]) * int(kind[1])
    return 2 if kind == "f16" else 4


def read_word(kind: Any, words: Cursor) -> Any:
    """Read a word of ``kind``: a letter code, (code, count) for a tuple, or an enumeration."""
    if isinstance(kind, tuple):
        code, count = kind
        return tuple(read_word(code, words) for _ in range(count))
    if isinstance(kind, str):
        return getattr(words, kind)()
    return enum_word(kind, words)
