"""Reading checked values out of a table of strangers: each error names file, key and value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from oakwright.errors import TemplateError


@dataclass
class Reader:
    """A table of a file; ``key`` is where it stands in it, as ``model.detection``."""

    data: Any
    path: str
    key: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.data, dict):
            where = f"{self.key} " if self.key else ""
            raise TemplateError(
                f"{self.path}: {where}is not a table of keys and values",
                remedy="`oakwright instantiate` writes a good template",
                path=self.path,
                key=self.key,
            )

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Raise TemplateError: what stands at ``key`` is not ``wanted``."""
        full, value = f"{self.key}.{key}" if self.key else key, self.data.get(key)
        shown = "is missing" if key not in self.data else f"is {str(value)[:60]!r}"
        raise TemplateError(
            f"{self.path}: {full} {shown}",
            remedy=f"it should be {wanted}",
            path=self.path,
            key=full,
            value=value,
        )

    def get(self, key: str) -> Any:
        """The value as it is; refused if it is missing."""
        if key not in self.data:
            self.refuse(key, "there")
        return self.data[key]

    def table(self, key: str) -> Reader:
        """A table below this one."""
        return Reader(self.get(key), self.path, f"{self.key}.{key}" if self.key else key)

    def tables(self, key: str, least: int, most: int) -> list[Reader]:
        """A list of tables."""
        rows = self.get(key)
        if not isinstance(rows, list) or not least <= len(rows) <= most:
            self.refuse(key, f"a list of {least} to {most}")
        full = f"{self.key}.{key}" if self.key else key
        return [Reader(row, self.path, f"{full}[{i}]") for i, row in enumerate(rows)]

    def text(self, key: str, default: str | None = None) -> str:
        """A text of one line."""
        value = self.data.get(key, default)
        if not isinstance(value, str) or "\n" in value or (default is None and not value):
            self.refuse(key, "a text")
        return value

    def one_of(self, key: str, allowed: Sequence[str]) -> str:
        """One of several words."""
        value = self.get(key)
        if value not in allowed:
            self.refuse(key, " or ".join(allowed))
        return str(value)

    def number(self, key: str, least: float, most: float, default: float | None = None) -> float:
        """A number between two bounds, both allowed."""
        value = self.get(key) if default is None else self.data.get(key, default)
        if not _is_number(value) or not least <= value <= most:
            self.refuse(key, f"a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, key: str, least: int, most: int) -> int:
        """A whole number between two bounds, both allowed."""
        value = self.number(key, least, most)
        if value != int(value):
            self.refuse(key, f"a whole number from {least} to {most}")
        return int(value)

    def numbers(self, key: str, count: int) -> list[float]:
        """A list of finite numbers."""
        value = self.get(key)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            self.refuse(key, f"{count} numbers")
        return [float(each) for each in value]


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) < 1e15
        and math.isfinite(value)
    )
