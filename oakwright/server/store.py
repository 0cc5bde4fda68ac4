"""Uploads and results by their content: a folder of files named by their SHA-256."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from oakwright.errors import OutputError, UsageError


@dataclass(frozen=True)
class Kept:
    """One kept file: its SHA-256, its size in bytes, seconds since it was kept (last)."""

    digest: str
    size: int
    age_s: float


@dataclass(frozen=True)
class Store:
    """Files below ``folder``; adding the same content twice keeps one."""

    folder: Path

    def prepare(self) -> None:
        """See that files can be kept here. Raises UsageError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(prefix=".new-", dir=self.folder):
                pass
        except OSError as error:
            raise UsageError(
                f"the store {self.folder} cannot be written: {error.strerror}",
                remedy="give --store a folder that this user may write, or s3://bucket/folder",
                key="store",
            ) from error

    def add(self, stream: BinaryIO) -> tuple[str, int]:
        """Keep all that ``stream`` gives; gives its SHA-256 and its size in bytes.

        Raises OutputError (with ``path``) where it cannot be written; nothing is left then.
        """
        aside: Path | None = None
        try:
            known = self._known(stream)
            if known:
                return known
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            aside = Path(name)
            with os.fdopen(handle, "wb") as file:
                digest, size = digest_of(stream, file)
            place = self._place(digest)
            place.parent.mkdir(exist_ok=True)
            aside.replace(place)
        except OSError as error:
            if aside is not None:
                aside.unlink(missing_ok=True)
            raise OutputError(
                f"the server cannot keep the file: {error.strerror}",
                remedy="its disk may be full; tell whoever runs it",
                path=str(self.folder),
            ) from error
        return digest, size

    def _known(self, stream: BinaryIO) -> tuple[str, int] | None:
        """What is here already is not written again; its age begins anew."""
        if not getattr(stream, "seekable", lambda: False)():
            return None
        start = stream.tell()
        digest, size = digest_of(stream)
        try:
            os.utime(self._place(digest))
        except FileNotFoundError:
            stream.seek(start)
            return None
        return digest, size

    def add_files(self, folder: Path) -> dict[str, str]:
        """Keep every plain file of a folder; gives name -> SHA-256."""
        kept = {}
        for path in files_of(folder):
            with path.open("rb") as stream:
                kept[path.name] = self.add(stream)[0]
        return kept

    def path(self, digest: str) -> Path:
        """Where content of that SHA-256 lies. Raises KeyError where it is not here."""
        place = self._place(digest)
        if not place.is_file():
            raise KeyError(digest)
        return place

    def has(self, digests: Mapping[str, str]) -> bool:
        """Whether all of name -> SHA-256 is here."""
        return all(self._place(digest).is_file() for digest in digests.values())

    def listed(self) -> Iterator[Kept]:
        """All that is kept, and what a killed server left half-written."""
        now = time.time()
        for path in self.folder.glob("*/*"):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            if is_digest(path.name):
                yield Kept(path.name, facts.st_size, now - facts.st_mtime)

    def remove(self, digest: str) -> None:
        """Forget content."""
        self._place(digest).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what a server that was killed left half-written, a day ago and longer."""
        for path in self.folder.glob(".new-*"):
            if time.time() - path.stat().st_mtime > 86400:
                path.unlink(missing_ok=True)

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:2] / check_digest(digest)


def check_digest(digest: str) -> str:
    """A SHA-256 in hexadecimal, or KeyError."""
    if not is_digest(digest):
        raise KeyError(digest)
    return digest


def is_digest(name: str) -> bool:
    """Whether that is a SHA-256 in hexadecimal."""
    return re.fullmatch(r"[0-9a-f]{64}", name) is not None


def digest_of(stream: BinaryIO, copy: IO[bytes] | None = None) -> tuple[str, int]:
    """SHA-256 and size of all that a stream gives, which is copied besides."""
    digest, size = hashlib.sha256(), 0
    while block := stream.read(1 << 20):
        digest.update(block)
        size += len(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest(), size


def files_of(folder: Path) -> list[Path]:
    """The plain files of a folder, sorted; links are none."""
    return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink()]
