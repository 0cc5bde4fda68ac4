"""Files: read with a bound; written aside and renamed, so that nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from oakwright.errors import OutputError, UnreadableModel

PathLike = str | os.PathLike[str]


def home() -> Path:
    """Where oakwright keeps things: ``$OAKWRIGHT_HOME``, else ``oakwright`` in the user's cache.

    Absolute; a variable that is set but empty is as none.
    """
    named = os.environ.get("OAKWRIGHT_HOME")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "oakwright"


def read_bounded(path: PathLike, largest: int) -> bytes:
    """The bytes of a file. Raises UnreadableModel (with ``path``) for more than ``largest``."""
    if Path(path).stat().st_size > largest:
        bound = f"{largest >> 30} GiB" if largest >= 1 << 30 else f"{largest >> 20} MiB"
        raise UnreadableModel(f"{path} is larger than {bound}", path=str(path))
    return Path(path).read_bytes()


def write_aside(path: PathLike, data: bytes | str) -> Path:
    """Write ``data`` to ``path`` in one step; folders are made as needed.

    Raises OutputError (with ``path``) where the place cannot be written; whatever was there
    before is then still there.
    """
    return write_all_aside({path: data})[0]


def require_writable(folder: PathLike, size: int = 0) -> None:
    """Make ``folder`` and see that a file can be written there, and ``size`` bytes are free.

    For work that takes long and writes at its end. Raises OutputError (``path``).
    """
    probe = Path(folder) / f".writable-{os.getpid()}"
    write_aside(probe, b"")
    probe.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OutputError(
            f"{folder} has {free / 1e6:.1f} MB left, {size / 1e6:.0f} MB are wanted",
            remedy="make room, or name a folder on another disk",
            path=str(folder),
        )


def write_all_aside(files: Mapping[PathLike, bytes | str]) -> list[Path]:
    """Write several files that belong together: all are written aside before one is renamed.

    Raises OutputError (with ``path``); no new file is left then, and no old one is lost.
    """
    pairs: list[tuple[Path, Path]] = []
    target = Path()
    try:
        for path, data in files.items():
            target = Path(path)
            content = data.encode() if isinstance(data, str) else data
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", dir=target.parent)
            pairs.append((Path(name), target))
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(_usual_rights())
        for _, target in pairs:
            if target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
        for aside, target in pairs:
            aside.replace(target)
    except OSError as error:
        for aside, _ in pairs:
            aside.unlink(missing_ok=True)
        is_blocked = isinstance(error, (FileExistsError, NotADirectoryError))
        raise OutputError(
            f"cannot write {target}: "
            + ("a part of its folder is a file" if is_blocked else str(error.strerror or error)),
            remedy="check that the folder exists, is writable and the disk is not full",
            path=str(target),
        ) from error
    return [target for _, target in pairs]


def _usual_rights() -> int:
    """What a plain open() would give: mkstemp makes files private."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
