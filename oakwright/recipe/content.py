"""A YAML mapping read with care: known keys, values of their kind, complaints with their place."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oakwright.errors import UnreadableModel, UsageError

_LONGEST_FILE = 1 << 20
_DEEPEST_KEY = 12


def read_yaml(path: str | Path) -> Any:
    """The content of a YAML file, or UnreadableModel (with ``path``)."""
    import yaml

    place = Path(path)
    try:
        if place.stat().st_size > _LONGEST_FILE:
            raise UnreadableModel(f"{place} is too long for a recipe", path=str(place))
        return yaml.safe_load(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UnreadableModel(
            f"cannot read {place}: {reason}",
            remedy="it is to be a YAML file",
            path=str(place),
        ) from error


def override(tree: dict[str, Any], changes: Iterable[tuple[str, str]]) -> None:
    """Set ``stages.first.inputs.0.shape`` and the like, in place; values are read as YAML.

    Raises UsageError for a key that leads nowhere.
    """
    import yaml

    for key, text in changes:
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"the value of {key}, '{text}', is no YAML", key=key) from error
        parts = key.split(".")
        if not all(parts) or len(parts) > _DEEPEST_KEY:
            raise UsageError(f"'{key}' is no key", remedy="write inputs.0.shape=[1,3,8,8]", key=key)
        _set(tree, parts, value, key)


def _set(tree: Any, parts: Sequence[str], value: Any, key: str) -> None:
    here, (first, *rest) = tree, parts
    if isinstance(here, list):
        if not first.isdigit() or int(first) > len(here):
            raise UsageError(
                f"'{key}': there is no entry {first} in a list of {len(here)}", key=key
            )
        if int(first) == len(here):
            here.append({} if rest else None)
        at: Any = int(first)
    elif isinstance(here, dict):
        at = first
        if rest and not isinstance(here.get(at), (dict, list)):
            here[at] = [] if rest[0].isdigit() else {}
    else:
        raise UsageError(f"'{key}' leads into a plain value", key=key)
    if rest:
        if not isinstance(here[at], (dict, list)):
            here[at] = {}
        _set(here[at], rest, value, key)
    else:
        here[at] = value


@dataclass(frozen=True)
class Content:
    """One mapping and its place in the file."""

    place: str
    tree: Mapping[str, Any]

    @classmethod
    def of(cls, place: str, tree: Any) -> Content:
        """Check that it is a mapping with texts for keys (None is an empty one)."""
        if tree is None:
            tree = {}
        if not isinstance(tree, dict):
            raise UsageError(f"{place or 'the file'} is not a mapping", key=place)
        return cls(place, {str(key): value for key, value in tree.items()})

    def only(self, known: Iterable[str]) -> Content:
        """Refuse unknown keys, with the nearest known one."""
        names = list(known)
        for key in self.tree:
            if key not in names:
                near = difflib.get_close_matches(key, names, 1)
                raise UsageError(
                    f"{self.at(key)} is not known",
                    remedy=f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}",
                    key=self.at(key),
                )
        return self

    def at(self, key: str) -> str:
        """The full name of a key."""
        return f"{self.place}.{key}" if self.place else key

    def has(self, key: str) -> bool:
        """Whether something other than null is said."""
        return self.tree.get(key) is not None

    def get(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """A value of a kind; null is the default."""
        value = self.tree.get(key)
        if value is None:
            return default
        kinds = kind if isinstance(kind, tuple) else (kind,)
        is_bool_for_number = isinstance(value, bool) and bool not in kinds
        if not isinstance(value, kinds) or is_bool_for_number:
            names = " or ".join(_WORDS.get(k, k.__name__) for k in kinds)
            raise UsageError(
                f"{self.at(key)} is {reprlib.repr(value)}, not {names}", key=self.at(key)
            )
        return value

    def part(self, key: str) -> Content:
        """A mapping inside; empty where nothing is said."""
        return Content.of(self.at(key), self.tree.get(key))

    def parts(self, key: str) -> list[Content]:
        """A list of mappings inside."""
        found = self.get(key, list, [])
        return [Content.of(f"{self.at(key)}[{i}]", entry) for i, entry in enumerate(found)]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of plain values, as texts."""
        found = self.get(key, list, [])
        if any(isinstance(entry, (dict, list)) for entry in found):
            raise UsageError(f"{self.at(key)} is not a list of plain values", key=self.at(key))
        return tuple(str(entry) for entry in found)

    def shape(self, key: str) -> tuple[int, ...] | None:
        """A list of whole numbers."""
        found = self.get(key, list)
        if found is None:
            return None
        if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in found):
            raise UsageError(
                f"{self.at(key)} is {reprlib.repr(found)}, not whole numbers", key=self.at(key)
            )
        return tuple(found)


_WORDS = {str: "a text", list: "a list", dict: "a mapping", int: "a whole number",
          float: "a number", bool: "true or false"}  # fmt: skip
