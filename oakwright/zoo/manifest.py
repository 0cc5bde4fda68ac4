"""A zoo's ``model.yml``: what a model is, its files with sizes and hashes, how it is converted.

The format is Open Model Zoo's, which Luxonis' DepthAI model zoo shares. Manifests are data from
strangers: paths stay inside the model's folder, nothing in them is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from oakwright.errors import UnreadableModel

PRECISIONS = ("FP32", "FP16", "FP32-INT8", "FP16-INT8", "INT8", "FP32-INT1", "FP16-INT1")
_LONGEST = 1 << 20
_HASHES = {"checksum": ("sha384", 96), "sha256": ("sha256", 64)}


@dataclass(frozen=True)
class ZooFile:
    """One file: ``name`` below the model's folder, ``size`` in bytes (None: not said).

    ``hash``: the algorithm and its hexadecimal digest, None where the manifest has none.
    ``address``: where it is downloaded from.
    """

    name: str
    size: int | None
    hash: tuple[str, str] | None
    address: str

    @property
    def precision(self) -> str | None:
        """The precision whose folder it stands in, None for files of all."""
        first = PurePosixPath(self.name).parts[0]
        return first if first in PRECISIONS else None


@dataclass(frozen=True)
class ZooModel:
    """A model of a zoo. ``family``: the folder above (``intel``, ``public``) or empty.

    ``steps``: what is done to files after a download; ``arguments``: Model Optimizer's.
    """

    name: str
    family: str
    folder: Path
    description: str
    task: str
    framework: str
    license: str
    files: tuple[ZooFile, ...]
    steps: tuple[Mapping[str, Any], ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def precisions(self) -> list[str]:
        """Precisions it comes in; FP16 for models that are converted."""
        found = {file.precision for file in self.files} - {None}
        return sorted(str(name) for name in found) or ["FP16"]

    def files_for(self, precision: str) -> list[ZooFile]:
        """The files of one precision, with those of all."""
        return [file for file in self.files if file.precision in (None, precision)]


def read_manifest(path: str | Path) -> ZooModel:
    """Read a ``model.yml``; the model's name is its folder's.

    Raises UnreadableModel (with ``path``) where it is damaged or names paths outside.
    """
    import yaml

    place = Path(path)
    try:
        if place.stat().st_size > _LONGEST:
            raise _bad(place, "is too long")
        tree = yaml.safe_load(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise _bad(place, f"cannot be read: {reason}") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("files"), list):
        raise _bad(place, "has no list of files")
    steps = tree.get("postprocessing") or []
    arguments = tree.get("model_optimizer_args") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _bad(place, "has a postprocessing that is no list of steps")
    if not isinstance(arguments, list) or any(isinstance(a, (dict, list)) for a in arguments):
        raise _bad(place, "has model_optimizer_args that are no list of texts")
    above = place.parent.parent.name
    return ZooModel(
        name=place.parent.name,
        family=above if above in ("intel", "public") else "",
        folder=place.parent,
        description=" ".join(str(tree.get("description") or "").split()),
        task=str(tree.get("task_type") or ""),
        framework=str(tree.get("framework") or ""),
        license=str(tree.get("license") or ""),
        files=tuple(_file(place, entry) for entry in tree["files"]),
        steps=tuple(steps),
        arguments=tuple(str(argument) for argument in arguments),
    )


def safe_name(name: str, place: Path) -> str:
    """A relative path without ``..``, or UnreadableModel."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise _bad(place, f"names the file '{name[:80]}', which is not below its folder")
    return str(path)


def _file(place: Path, entry: Any) -> ZooFile:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise _bad(place, "has a file without a name")
    name = safe_name(entry["name"], place)
    size = entry.get("size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise _bad(place, f"says no number for the size of {name}")
    for key, (algorithm, length) in _HASHES.items():
        digest = entry.get(key)
        if digest is None:
            continue
        if not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", str(digest)):
            raise _bad(place, f"has a {key} of {name} that is no {algorithm}")
        return ZooFile(name, size, (algorithm, str(digest).lower()), _address(place, entry))
    return ZooFile(name, size, None, _address(place, entry))


def _address(place: Path, entry: Mapping[str, Any]) -> str:
    source = entry.get("source")
    if isinstance(source, str):
        return source
    if isinstance(source, dict) and source.get("$type") == "google_drive":
        # Large files stand behind a question, which `confirm` answers.
        identity = quote(str(source.get("id", "")), safe="")
        return f"https://drive.usercontent.google.com/download?id={identity}&confirm=t"
    if isinstance(source, dict) and source.get("$type", "http") == "http":
        return str(source.get("url", ""))
    if source is None:
        return ""
    raise _bad(place, f"has a source of an unknown kind for {entry['name']}")


def _bad(place: Path, what: str) -> UnreadableModel:
    return UnreadableModel(
        f"{place} {what}",
        remedy="it is to be a model.yml as Open Model Zoo describes it",
        path=str(place),
    )
