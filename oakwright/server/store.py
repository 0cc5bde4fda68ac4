"""Uploads and results by their content: a folder of files named by their SHA-256."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from oakwright.errors import OutputError


@dataclass(frozen=True)
class Store:
    """Files below ``folder``; adding the same content twice keeps one."""

    folder: Path

    def add(self, stream: BinaryIO) -> tuple[str, int]:
        """Keep all that ``stream`` gives; gives its SHA-256 and its size in bytes.

        Raises OutputError (with ``path``) where it cannot be written; nothing is left then.
        """
        digest, size = hashlib.sha256(), 0
        aside: Path | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            aside = Path(name)
            with os.fdopen(handle, "wb") as file:
                while block := stream.read(1 << 20):
                    digest.update(block)
                    size += file.write(block)
            place = self._place(digest.hexdigest())
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
        return digest.hexdigest(), size

    def add_files(self, folder: Path) -> dict[str, str]:
        """Keep every plain file of a folder; gives name -> SHA-256."""
        kept = {}
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.is_symlink():
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

    def _place(self, digest: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise KeyError(digest)
        return self.folder / digest[:2] / digest
