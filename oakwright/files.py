"""Writing results: aside first, then renamed, so that nobody ever sees half a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from oakwright.errors import OutputError


def write_aside(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write ``data`` to ``path`` in one step; folders are made as needed.

    Raises OutputError (with ``path``) where the place cannot be written; whatever was there
    before is then still there.
    """
    target = Path(path)
    content = data.encode() if isinstance(data, str) else data
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes the file private; give it the rights a plain open() would have given.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}",
            remedy="check that the folder exists, is writable and the disk is not full",
            path=str(target),
        ) from error
    return target
