"""NN Archive files: a compressed tar of ``config.json`` and the model's files.

Archives come from strangers. Reading one holds it to bounds before a byte is kept: plain files
only, relative names without ``..``, each once, not too many, not too large unpacked; the stream
itself is unpacked with a bound, so that a bomb ends as an error.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from oakwright.errors import UnreadableModel, UsageError
from oakwright.files import write_aside

from .config import ArchiveConfig, read_config

SUFFIXES = (".tar.xz", ".tar.gz", ".tar.bz2")
_MOST_MEMBERS = 64
_LARGEST = 2 << 30  # bytes unpacked
_LARGEST_CONFIG = 1 << 20
_LZMA_MEMORY = 256 << 20
_BLOCK = 1 << 20
_SPOOL = 64 << 20


@dataclass(frozen=True)
class Archive:
    """An archive that was read: its ``config`` and all files by name, ``config.json`` apart."""

    config: ArchiveConfig
    files: Mapping[str, bytes]

    @property
    def model(self) -> bytes:
        """The model's file."""
        return self.files[self.config.path]

    def extract(self, folder: Path) -> Path:
        """Write the files below ``folder``; gives the model's path."""
        for name, data in self.files.items():
            write_aside(folder / name, data)
        return folder / self.config.path


def is_archive(path: str | Path) -> bool:
    """Whether a file is named as NN Archives are."""
    return str(path).lower().endswith(SUFFIXES)


def read_archive(path: str | Path, *, largest: int = _LARGEST) -> Archive:
    """Read an NN Archive; ``largest``: bytes it may have unpacked.

    Raises UnreadableModel (with ``path``) for whatever is damaged, hostile or not an archive.
    """
    place = str(path)
    with tempfile.SpooledTemporaryFile(_SPOOL) as plain:
        _unpack(Path(path), plain, largest)
        plain.seek(0)
        try:
            with tarfile.open(fileobj=plain, mode="r:") as tar:
                files = _files(tar, place, largest)
        except (tarfile.TarError, ValueError, EOFError, OverflowError, RecursionError) as error:
            raise _bad(place, f"is no tar file ({error})") from error
    data = files.pop("config.json", None)
    if data is None:
        raise _bad(place, "has no config.json: it is no NN Archive")
    if len(data) > _LARGEST_CONFIG:
        raise _bad(place, "has a config.json that is too long")
    config = read_config(data, f"{place}: config.json")
    if config.path not in files:
        raise _bad(place, f"names the model '{config.path}', which is not in it")
    return Archive(config, files)


def write_archive(path: str | Path, config: ArchiveConfig, files: Mapping[str, bytes]) -> Path:
    """Write an NN Archive, compressed as its name says; the same content gives the same bytes.

    Raises UsageError for a name that does not end as an archive's, or a model that is not given.
    """
    target = Path(path)
    suffix = next((s for s in SUFFIXES if target.name.lower().endswith(s)), None)
    if suffix is None:
        raise UsageError(
            f"{target} is no archive's name", remedy=f"end it in {', '.join(SUFFIXES)}", key="out"
        )
    if config.path not in files:
        raise UsageError(f"the archive's model '{config.path}' is not among its files", key="path")
    buffer = io.BytesIO()
    text = json.dumps(config.as_json(), indent=4).encode()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in {**files, "config.json": text}.items():
            member = tarfile.TarInfo(_checked_name(name, str(target)))
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    plain = buffer.getvalue()
    if suffix == ".tar.gz":
        return write_aside(target, gzip.compress(plain, mtime=0))
    return write_aside(target, (lzma if suffix == ".tar.xz" else bz2).compress(plain))


def _unpack(path: Path, plain: IO[bytes], largest: int) -> None:
    """The stream's bytes, told by its first ones how it is compressed."""
    try:
        with path.open("rb") as raw:
            head = raw.read(6)
            raw.seek(0)
            if head[:6] == b"\xfd7zXZ\0":
                stream: Any = _xz(raw)
            elif head[:2] == b"\x1f\x8b":
                stream = iter(lambda: unpacked.read(_BLOCK), b"")
                unpacked: Any = gzip.GzipFile(fileobj=raw)
            elif head[:3] == b"BZh":
                unpacked = bz2.BZ2File(raw)
                stream = iter(lambda: unpacked.read(_BLOCK), b"")
            else:
                stream = iter(lambda: raw.read(_BLOCK), b"")
            total = 0
            for block in stream:
                total += len(block)
                if total > largest:
                    raise _bad(str(path), f"is larger than {largest >> 20} MiB unpacked")
                plain.write(block)
    except (lzma.LZMAError, EOFError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _bad(str(path), f"cannot be unpacked ({reason})") from error


def _xz(raw: IO[bytes]) -> Any:
    """Blocks of an xz stream; a header cannot make it take more memory than the bound."""
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
    while not unpacker.eof:
        data = raw.read(_BLOCK) if unpacker.needs_input else b""
        if unpacker.needs_input and not data:
            raise EOFError("it ends too early")
        yield unpacker.decompress(data, max_length=_BLOCK)


def _files(tar: tarfile.TarFile, place: str, largest: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for count, member in enumerate(tar):
        if count >= _MOST_MEMBERS:
            raise _bad(place, f"has more than {_MOST_MEMBERS} members")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise _bad(place, f"has the member '{member.name}', which is no plain file")
        name = _checked_name(member.name, place)
        total += member.size
        if total > largest or member.size < 0:
            raise _bad(place, f"is larger than {largest >> 20} MiB unpacked")
        if name in files:
            raise _bad(place, f"has the member '{name}' twice")
        opened = tar.extractfile(member)
        data = opened.read() if opened else b""
        if len(data) != member.size:
            raise _bad(place, f"ends inside '{name}'")
        files[name] = data
    return files


def _checked_name(name: str, place: str) -> str:
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part != "."]
    if path.is_absolute() or not parts or ".." in parts or len(name) > 255 or "\\" in name:
        raise _bad(place, f"has a member of the name '{name[:80]}'")
    return "/".join(parts)


def _bad(place: str, what: str) -> UnreadableModel:
    return UnreadableModel(f"{place} {what}", remedy="download or write it again", path=place)
