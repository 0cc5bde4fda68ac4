"""Results kept by content: the same model and options are never converted twice.

An entry is a folder named by the hash of everything that can change the result: the model's
bytes, the options, oakwright's code that converts, OpenVINO's version. It is written aside and
renamed, so a reader sees a whole entry or none; a damaged one is dropped and made again. Nothing
heavy is imported on a hit.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from oakwright import __version__
from oakwright.errors import OutputError
from oakwright.files import home

_FORMAT = 1


def versions() -> dict[str, str]:
    """The versions that decide what comes out."""
    try:
        openvino = version("openvino")
    except PackageNotFoundError:
        openvino = ""
    return {"oakwright": __version__, "openvino": openvino}


@functools.cache
def code_digest() -> str:
    """Of the rooms that decide what comes out: a rule that was mended must not serve old blobs."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for room in ("conversion", "ir", "compiler"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def key_of(parts: Mapping[str, Any]) -> str:
    """The key of an entry: a hash of plain values, in a stable order."""
    everything = {"format": _FORMAT, "code": code_digest(), **versions(), **parts}
    text = json.dumps(everything, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Cache:
    """Entries below ``folder``: ``get`` gives the files of one, ``put`` adds one."""

    folder: Path

    @classmethod
    def default(cls) -> Cache:
        """The user's cache."""
        return cls(home() / "conversions")

    def get(self, key: str) -> dict[str, bytes] | None:
        """Files of an entry by name, or None where there is no whole entry."""
        entry = self.folder / key
        try:
            table = json.loads((entry / "entry.json").read_bytes())
            files = {}
            for name, digest in table["files"].items():
                files[name] = (entry / name).read_bytes()
                if hashlib.sha256(files[name]).hexdigest() != digest:
                    raise ValueError(name)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(entry)  # last used: what `clean --older-than` goes by
        return files

    def put(self, key: str, files: Mapping[str, bytes]) -> None:
        """Add an entry; one that is already there is replaced. A full disk is not an error."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        except OSError:
            return  # the result is in hand; only the next run will be slower
        try:
            for name, content in files.items():
                (aside / name).write_bytes(content)
            digests = {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}
            (aside / "entry.json").write_text(json.dumps({"files": digests}))
            target = self.folder / key
            if target.exists():
                shutil.rmtree(target, ignore_errors=True)
            aside.rename(target)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)

    def info(self) -> dict[str, Any]:
        """Where the cache is, how many entries it has and their size in bytes."""
        entries = list(self._entries())
        size = 0
        for entry in entries:
            with contextlib.suppress(OSError):  # another user's, in a shared home
                size += sum(f.stat().st_size for f in entry.iterdir() if f.is_file())
        return {"folder": str(self.folder), "entries": len(entries), "bytes": size}

    def clean(self, older_than_days: float = 0.0) -> int:
        """Remove entries not used for that many days (0: all); gives how many."""
        limit, removed = time.time() - older_than_days * 86400, 0
        for entry in self._entries():
            if older_than_days <= 0 or entry.stat().st_mtime < limit:
                try:
                    shutil.rmtree(entry)
                except OSError as error:
                    raise OutputError(
                        f"cannot remove {entry}: {error.strerror}", path=str(entry)
                    ) from error
                removed += 1
        return removed

    def _entries(self) -> Iterable[Path]:
        if self.folder.is_dir():
            yield from sorted(p for p in self.folder.iterdir() if p.is_dir())
