"""What a job is to do: files in the store, options as plain values. Everything here is hostile.

Names of uploads become file names in a folder of the job's own; option texts become typed
options by the same readers as the command line's, and never a command.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any

from oakwright import __version__, conversion
from oakwright.conversion import ConvertOptions, InputOptions
from oakwright.errors import UsageError
from oakwright.tensor import Precision

_LONGEST_NAME = 150  # bytes; a file system takes 255, and names get endings
_MOST_FILES = 16
# Files that belong to a model and are never the one to convert.
_BESIDE = (".bin", ".pdiparams", ".data", ".weights", ".mapping", ".json")
# Flags that would name a file of the server's; what is converted is what was uploaded.
_NAMES_FILE = {"c", "m", "o"}


@dataclass(frozen=True)
class Upload:
    """One uploaded file: its checked name, its SHA-256 in the store, its size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class JobRequest:
    """A conversion to do. ``zoo``: a model of the shelf instead of ``files``.

    ``options``: keywords as `oakwright convert` has them; with ``optimizer`` not None, Model
    Optimizer's and Compile Tool's arguments stand in their place. ``cache``: whether an earlier
    result may answer.
    """

    name: str
    files: tuple[Upload, ...] = ()
    zoo: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    optimizer: tuple[str, ...] | None = None
    compiling: str = ""
    shaves: int = conversion.DEFAULT_SHAVES
    stamp: str = "6.0"
    cache: bool = True

    def __post_init__(self) -> None:
        safe_name(self.name, "the name")
        if len(self.files) > _MOST_FILES:
            raise UsageError(f"{len(self.files)} files are too many", remedy="send one model a job")
        names = [file.name for file in self.files]
        for name in names:
            safe_name(name, "a file's name")
        if len(set(names)) < len(names):
            raise UsageError("two files have the same name", remedy="rename one of them")
        if not self.zoo:
            self.model()
        self.convert_options()

    def model(self) -> tuple[str, ...]:
        """Names of what is converted: one file, or Caffe's two. Raises UsageError."""
        return pick_model([file.name for file in self.files])

    def convert_options(self, **limits: Any) -> ConvertOptions:
        """The options, typed. Raises UsageError with the key."""
        try:
            if self.optimizer is not None:
                found = conversion.from_arguments(
                    _without_paths(self.optimizer),
                    [_checked(self.compiling)],
                    shaves=self.shaves,
                    stamp=self.stamp,
                )[0]
            else:
                found = _from_keywords(self.options)
        except (ValueError, TypeError) as error:
            raise UsageError(f"an option is not understood: {error}") from error
        return _limited(found, limits)

    @property
    def key(self) -> str:
        """A hash of all that decides the result; equal keys have equal results."""
        plain = asdict(self)
        del plain["cache"]
        made_by = [__version__, _openvino()]
        return hashlib.sha256(json.dumps([made_by, plain], sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The request as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> JobRequest:
        """The inverse of :meth:`as_json`."""
        files = tuple(Upload(**file) for file in plain["files"])
        optimizer = plain["optimizer"]
        words = tuple(optimizer) if optimizer is not None else None
        return cls(**{**plain, "files": files, "optimizer": words})


@cache
def _openvino() -> str:
    """Its version; looking for it takes longer than all else of an answer."""
    return version("openvino")


def safe_name(name: str, what: str) -> str:
    """A file name that stays in its folder, or UsageError."""
    is_plain = (
        bool(name)
        and not name.startswith((".", "-", " "))
        and not re.search(r"[/\\:\x00-\x1f\x7f]", name)
        and name.isprintable()
        and len(name.encode("utf-8", "replace")) <= _LONGEST_NAME
    )
    if not is_plain:
        raise UsageError(
            f"{what} {name[:60]!a} is refused",
            remedy="use letters, digits, '_', '-' and '.', without folders",
            key="name",
        )
    return name


def pick_model(names: Sequence[str]) -> tuple[str, ...]:
    """Which of the uploaded files is the model. Raises UsageError where that is not clear."""
    by_suffix: dict[str, list[str]] = {}
    for name in names:
        by_suffix.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    proto, caffe = by_suffix.get(".prototxt", []), by_suffix.get(".caffemodel", [])
    if len(proto) == len(caffe) == 1:
        return (proto[0], caffe[0])
    models = [name for name in names if PurePosixPath(name).suffix.lower() not in _BESIDE]
    if len(models) != 1:
        found = "no model among" if not models else "more than one model:"
        raise UsageError(
            f"{found} the files {', '.join(models or names) or '(none)'}",
            remedy="send one model a job, with the files that belong to it (.xml with .bin)",
            key="files",
        )
    return (models[0],)


def beside(model: str, names: Sequence[str]) -> dict[str, str]:
    """Under which name each file must lie: an IR's weights are found by the IR's name."""
    places = {name: name for name in names}
    weights = [name for name in names if name.lower().endswith(".bin")]
    if model.lower().endswith(".xml") and len(weights) == 1:
        places[weights[0]] = f"{model[:-4]}.bin"
    return places


def _from_keywords(said: Mapping[str, Any]) -> ConvertOptions:
    plain = dict(said)
    single = plain.pop("inputs", None) or {}
    kept = {key: plain.pop(key) for key in ("stamp", "verify") if plain.get(key) is not None}
    shaves = plain.pop("shaves", None)
    outputs = tuple(plain.pop("outputs", None) or ())
    precision = plain.pop("output_precision", None)
    general = {key: value for key, value in plain.items() if value is not None}
    every = InputOptions.of(**_renamed(general))
    inputs = [every] if every != InputOptions() else []
    inputs += [InputOptions.of(name, **_renamed(row)) for name, row in single.items()]
    if precision:
        kept["output_precision"] = (("", Precision.parse(precision)),)
    if shaves is not None:
        kept["shaves"] = conversion.parse_shaves(shaves)
    return ConvertOptions(inputs=tuple(inputs), outputs=outputs, **kept)


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in row.items() if value is not None}
    if "input_precision" in plain:
        plain["precision"] = plain.pop("input_precision")
    return plain


def _limited(options: ConvertOptions, limits: Mapping[str, Any]) -> ConvertOptions:
    return replace(options, **limits) if limits else options


def _without_paths(words: Sequence[str]) -> list[str]:
    """Model Optimizer's arguments without those that say which file: the uploaded one is meant."""
    kept = []
    for word in words:
        flag = word.partition("=")[0].lstrip("-")
        if flag in ("input_model", "input_proto", "output_dir", "model_name"):
            continue
        if "$" in word:
            raise UsageError(
                f"the argument {word[:80]} has no counterpart here", remedy="leave it out"
            )
        kept.append(word)
    return kept


def _checked(compiling: str) -> str:
    """Compile Tool's parameters, none of which names a file."""
    for word in shlex.split(compiling):
        flag = word.partition("=")[0].lstrip("-")
        if word.startswith("-") and flag in _NAMES_FILE:
            raise UsageError(
                f"-{flag} names a file of the server's", remedy="leave it out", key=flag
            )
    return compiling
