"""An NN Archive's ``config.json``: what the model takes and gives, and how to read its outputs.

Version 1.0 of Luxonis' public format. Keys beyond it are refused, except in a head's metadata; what
is read here is accepted by luxonis-ml's schema and the other way round, which the tests compare.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oakwright.errors import UnreadableModel

VERSION = "1.0"
TYPES = (
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (4, 8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
    "boolean",
    "string",
)  # fmt: skip
_MOST_DIMENSIONS = 26


@dataclass(frozen=True)
class Preprocessing:
    """What has still to be done to an input before the model; None where nothing is said.

    ``mean``, ``scale``: by channel, (x - mean) / scale, in the order of training. ``dai_type``: the
    frames the model takes, as DepthAI names them (``BGR888p``). The other two are its deprecated
    forerunners.
    """

    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    reverse_channels: bool | None = None
    interleaved_to_planar: bool | None = None
    dai_type: str | None = None


@dataclass(frozen=True)
class ArchiveInput:
    """One input; ``kind`` is ``image`` or ``raw``, ``shape`` outermost dimension first."""

    name: str
    dtype: str
    kind: str
    shape: tuple[int, ...]
    layout: str
    preprocessing: Preprocessing = field(default_factory=Preprocessing)


@dataclass(frozen=True)
class ArchiveOutput:
    """One output; shape and layout may be unknown."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Head:
    """How outputs are read: a parser's name, its settings, the outputs it reads (None: all)."""

    parser: str
    metadata: Mapping[str, Any]
    outputs: tuple[str, ...] | None = None
    name: str | None = None


@dataclass(frozen=True)
class ArchiveConfig:
    """A model in an archive: ``path`` is its file inside, ``precision`` that of its weights."""

    name: str
    path: str
    inputs: tuple[ArchiveInput, ...]
    outputs: tuple[ArchiveOutput, ...]
    heads: tuple[Head, ...] = ()
    precision: str = "float32"
    version: str = VERSION

    def as_json(self) -> dict[str, Any]:
        """The file's content."""
        return {
            "config_version": self.version,
            "model": {
                "metadata": {"name": self.name, "path": self.path, "precision": self.precision},
                "inputs": [_input_json(entry) for entry in self.inputs],
                "outputs": [_output_json(entry) for entry in self.outputs],
                "heads": [_head_json(head) for head in self.heads],
            },
        }


def read_config(data: bytes | str, where: str = "config.json") -> ArchiveConfig:
    """Read a ``config.json``. Raises UnreadableModel naming the field that is wrong."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _bad(where, "", f"is no JSON ({error})") from error
    top = _Reader(where, "", tree).only("config_version", "model")
    version = top.text("config_version", VERSION)
    if not re.fullmatch(r"\d+\.\d+", version):
        raise _bad(where, "config_version", f"'{version}' is not of the form 1.0")
    model = top.part("model").only("metadata", "inputs", "outputs", "heads")
    facts = model.part("metadata")
    return ArchiveConfig(
        name=facts.text("name"),
        path=facts.text("path"),
        inputs=tuple(_read_input(entry) for entry in model.parts("inputs")),
        outputs=tuple(_read_output(entry) for entry in model.parts("outputs")),
        heads=tuple(_read_head(entry) for entry in model.parts("heads", optional=True)),
        precision=facts.choice("precision", TYPES, "float32"),
        version=version,
    )


def default_layout(shape: Sequence[int]) -> str:
    """Letters for a shape nobody named: NCHW or NHWC where it looks so, else the first free ones.

    A leading 1 is the batch; of three dimensions behind it the smallest, first or last, are the
    channels. Other axes get C, D, E, ... (modelconverter's and luxonis-ml's rule).
    """
    letters = "N" if shape and shape[0] == 1 else ""
    rest = list(shape[len(letters) :])
    if len(rest) == 3 and rest[0] < min(rest[1:]):
        return letters + "CHW"
    if len(rest) == 3 and rest[2] < min(rest[:2]):
        return letters + "HWC"
    free = [letter for letter in "CDEFGHIJKLMNOPQRSTUVWXYZAB" if letter not in letters]
    return letters + "".join(free[: len(rest)])


# -- reading


@dataclass(frozen=True)
class _Reader:
    """One mapping of the file and its place in it; every complaint names the place."""

    where: str
    place: str
    content: Any

    def __post_init__(self) -> None:
        if not isinstance(self.content, dict):
            raise _bad(self.where, self.place, "is not a mapping")

    def only(self, *keys: str) -> _Reader:
        unknown = [key for key in self.content if key not in keys]
        if unknown:
            raise _bad(self.where, self._at(unknown[0]), f"is not known; there are {list(keys)}")
        return self

    def part(self, key: str) -> _Reader:
        return _Reader(self.where, self._at(key), self._get(key, None))

    def parts(self, key: str, *, optional: bool = False) -> list[_Reader]:
        found = self.content.get(key) if optional else self._get(key, None)
        if found is None and optional:
            return []
        if not isinstance(found, list):
            raise _bad(self.where, self._at(key), "is not a list")
        return [_Reader(self.where, f"{self._at(key)}[{i}]", e) for i, e in enumerate(found)]

    def text(self, key: str, default: str | None = None) -> str:
        found = self._get(key, default)
        if not isinstance(found, str) or not found:
            raise _bad(self.where, self._at(key), "is not a text")
        return found

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        found = self.text(key, default)
        if found not in known:
            raise _bad(self.where, self._at(key), f"'{found}' is not one of {list(known)}")
        return found

    def numbers(self, key: str, kind: type = float) -> tuple[Any, ...] | None:
        found = self.content.get(key)
        if found is None:
            return None
        allowed = (int,) if kind is int else (int, float)
        if not isinstance(found, list) or any(
            isinstance(n, bool) or not isinstance(n, allowed) for n in found
        ):
            raise _bad(self.where, self._at(key), "is not a list of numbers")
        return tuple(kind(n) for n in found)

    def claim(self, key: str) -> bool | None:
        found = self.content.get(key)
        if found is not None and not isinstance(found, bool):
            raise _bad(self.where, self._at(key), "is neither true nor false")
        return found

    def _get(self, key: str, default: Any) -> Any:
        if key not in self.content and default is None:
            raise _bad(self.where, self._at(key), "is missing")
        return self.content.get(key, default)

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def _bad(where: str, place: str, what: str) -> UnreadableModel:
    return UnreadableModel(
        f"{where}: {place} {what}" if place else f"{where} {what}",
        remedy="the format is described at docs/formats/nn-archive.md",
        path=where,
        field=place,
    )


def _read_input(entry: _Reader) -> ArchiveInput:
    entry.only("name", "dtype", "input_type", "shape", "layout", "preprocessing")
    kind = entry.choice("input_type", ("raw", "image"))
    shape = entry.numbers("shape", int) or ()
    if not shape:
        raise _bad(entry.where, f"{entry.place}.shape", "is missing")
    layout = _layout(entry, shape)
    if kind == "image" and "C" not in layout:
        raise _bad(entry.where, f"{entry.place}.layout", f"'{layout}' of an image has no C")
    inner = entry.part("preprocessing").only(
        "mean", "scale", "reverse_channels", "interleaved_to_planar", "dai_type"
    )
    said = Preprocessing(
        mean=inner.numbers("mean"),
        scale=inner.numbers("scale"),
        reverse_channels=inner.claim("reverse_channels"),
        interleaved_to_planar=inner.claim("interleaved_to_planar"),
        dai_type=inner.text("dai_type") if inner.content.get("dai_type") is not None else None,
    )
    dtype = entry.choice("dtype", TYPES)
    return ArchiveInput(entry.text("name"), dtype, kind, shape, layout, said)


def _read_output(entry: _Reader) -> ArchiveOutput:
    entry.only("name", "dtype", "shape", "layout")
    shape = entry.numbers("shape", int)
    if entry.content.get("layout") is not None and shape is None:
        raise _bad(entry.where, f"{entry.place}.layout", "is given without a shape")
    layout = _layout(entry, shape) if shape is not None else None
    return ArchiveOutput(entry.text("name"), entry.choice("dtype", TYPES), shape, layout)


def _layout(entry: _Reader, shape: Sequence[int]) -> str:
    if len(shape) > _MOST_DIMENSIONS:
        raise _bad(entry.where, f"{entry.place}.shape", "has too many dimensions")
    given = entry.content.get("layout")
    layout = entry.text("layout").upper() if given is not None else default_layout(shape)
    if len(layout) != len(shape) or len(set(layout)) != len(layout) or "N" in layout[1:]:
        raise _bad(
            entry.where,
            f"{entry.place}.layout",
            f"'{layout}' does not name the {len(shape)} axes once each, N first",
        )
    return layout


def _read_head(entry: _Reader) -> Head:
    outputs = entry.content.get("outputs")
    if outputs is not None and (
        not isinstance(outputs, list) or any(not isinstance(name, str) for name in outputs)
    ):
        raise _bad(entry.where, f"{entry.place}.outputs", "is not a list of names")
    name = entry.text("name") if entry.content.get("name") is not None else None
    metadata = entry.part("metadata").content
    return Head(entry.text("parser"), metadata, tuple(outputs) if outputs else None, name)


# -- writing


def _input_json(entry: ArchiveInput) -> dict[str, Any]:
    said = entry.preprocessing
    return {
        "name": entry.name,
        "dtype": entry.dtype,
        "input_type": entry.kind,
        "shape": list(entry.shape),
        "layout": entry.layout,
        "preprocessing": {
            "mean": list(said.mean) if said.mean is not None else None,
            "scale": list(said.scale) if said.scale is not None else None,
            "reverse_channels": said.reverse_channels,
            "interleaved_to_planar": said.interleaved_to_planar,
            "dai_type": said.dai_type,
        },
    }


def _output_json(entry: ArchiveOutput) -> dict[str, Any]:
    return {
        "name": entry.name,
        "dtype": entry.dtype,
        "shape": list(entry.shape) if entry.shape is not None else None,
        "layout": entry.layout,
    }


def _head_json(head: Head) -> dict[str, Any]:
    outputs = list(head.outputs) if head.outputs is not None else None
    return {
        "name": head.name,
        "parser": head.parser,
        "metadata": dict(head.metadata),
        "outputs": outputs,
    }
