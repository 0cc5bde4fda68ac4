"""Downloads, only when asked: bounded by the manifest's size, kept if the hash is its."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from oakwright.errors import OutputError, UnreadableModel, UsageError
from oakwright.files import write_aside

from .manifest import ZooFile, ZooModel, safe_name
from .shelf import Shelf

_TIMEOUT_S = 60
_BLOCK = 1 << 20
_MOST_MEMBERS = 20_000
_LARGEST_UNPACKED = 2 << 30
_LARGEST_TEXT = 16 << 20

Tell = Callable[[str], None]


def download(
    shelf: Shelf, model: ZooModel, *, precision: str = "FP16", tell: Tell | None = None
) -> list[Path]:
    """Fetch the files that are not here yet into the cache, check them, unpack archives.

    Gives all the files' paths. Raises UsageError for a precision the model does not have,
    UnreadableModel for what is not what the manifest says or cannot be had.
    """
    require_precision(model, precision)
    found = []
    for file in model.files_for(precision):
        path = shelf.locate(model, file)
        if path is None:
            path = shelf.cache / model.name / file.name
            if tell:
                tell(f"{file.name} from {file.address}")
            _fetch(file, path)
        found.append(path)
    for step in model.steps:
        _apply(shelf, model, step)
    return found


def require_precision(model: ZooModel, precision: str) -> None:
    """Raise UsageError for a precision that the model does not come in."""
    if precision not in model.precisions:
        raise UsageError(
            f"{model.name} does not come in {precision}",
            remedy=f"it comes in {', '.join(model.precisions)}",
            key="precision",
        )


def _fetch(file: ZooFile, target: Path) -> None:
    if not file.address.startswith(("https://", "http://")):
        raise UnreadableModel(
            f"{file.name} has no address to download it from",
            remedy=f"put the file at {target}",
            path=str(target),
        )
    if file.hash is None or file.size is None:
        raise UnreadableModel(
            f"the manifest says no hash and size of {file.name}: it would not be known what came",
            remedy=f"add size and sha256 to the manifest, or put the file at {target}",
            path=str(target),
        )
    aside = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{target.name[:80]}.", dir=target.parent)
        with os.fdopen(handle, "wb") as out:
            _stream(file, file.hash, file.size, out)
        Path(aside).chmod(0o644)
        Path(aside).replace(target)
        aside = None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise UnreadableModel(
            f"{file.name} could not be downloaded from {file.address}: {error}",
            remedy=f"try again later, or put the file at {target}",
            path=str(target),
        ) from error
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}", path=str(target)
        ) from error
    finally:
        if aside:
            Path(aside).unlink(missing_ok=True)


def _stream(file: ZooFile, wanted: tuple[str, str], size: int, out: IO[bytes]) -> None:
    digest, got = hashlib.new(wanted[0]), 0
    request = urllib.request.Request(file.address, headers={"User-Agent": "oakwright"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        while block := answer.read(_BLOCK):
            got += len(block)
            if got > size:
                break
            digest.update(block)
            out.write(block)
    if got != size or digest.hexdigest() != wanted[1]:
        what = f"{got} bytes" if got != size else f"another {wanted[0]}"
        raise UnreadableModel(
            f"what {file.address} gave is not {file.name}: {what}, {size} bytes of the manifest's"
            " hash were to come",
            remedy="the file has changed or is damaged: look at the address",
            path=file.name,
        )


def _apply(shelf: Shelf, model: ZooModel, step: Any) -> None:
    kind, manifest = step.get("$type"), model.folder / "model.yml"
    name = safe_name(str(step.get("file", "")), manifest)
    path = next((p for p in shelf.places(model, name) if p.is_file()), None)
    if path is None or kind not in ("unpack_archive", "regex_replace"):
        return
    if kind == "unpack_archive":
        done = path.with_name(f".{path.name}.unpacked")
        if not done.exists():
            for inner, data in _members(path):
                write_aside(path.parent / safe_name(inner, path), data)
            write_aside(done, b"")
    elif path.suffix != ".py":  # Python is never run here, so it need not be mended
        _replace(path, step)


def _replace(path: Path, step: Any) -> None:
    """What Open Model Zoo's downloader does to a text, the original kept as ``.orig``."""
    original = path.with_name(f"{path.name}.orig")
    if original.exists() or path.stat().st_size > _LARGEST_TEXT:
        return
    text = path.read_text(errors="surrogateescape")
    try:
        changed = re.sub(
            str(step["pattern"]), str(step["replacement"]), text, count=int(step.get("count", 0))
        )
    except (re.error, KeyError, ValueError, TypeError, IndexError) as error:
        raise UnreadableModel(
            f"the manifest's change to {path.name} makes no sense: {error}", path=str(path)
        ) from error
    write_aside(original, text.encode(errors="surrogateescape"))
    write_aside(path, changed.encode(errors="surrogateescape"))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a zip or tar file's plain files, within bounds."""
    total = 0
    for count, (name, size, read) in enumerate(_entries(path)):
        total += size
        if count >= _MOST_MEMBERS or total > _LARGEST_UNPACKED:
            raise UnreadableModel(f"{path} is too large unpacked", path=str(path))
        data = read(size + 1)
        if len(data) != size:
            raise UnreadableModel(f"{path}: {name} has another size than it says", path=str(path))
        yield name, data


def _entries(path: Path) -> Iterator[tuple[str, int, Callable[[int], bytes]]]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        with archive.open(info) as stream:
                            yield info.filename, info.file_size, stream.read
            return
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isdir():
                    continue
                opened = tar.extractfile(member) if member.isreg() else None
                if opened is None:
                    raise UnreadableModel(
                        f"{path} holds {member.name}, which is no plain file", path=str(path)
                    )
                yield member.name, member.size, opened.read
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError) as error:
        raise UnreadableModel(f"{path} cannot be unpacked: {error}", path=str(path)) from error
