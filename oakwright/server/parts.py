"""Multipart requests, read: files go into the store under checked names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from starlette.datastructures import UploadFile
from starlette.responses import Response

from .request import Upload, safe_name
from .store import Store


def keep(store: Store, files: Sequence[UploadFile]) -> tuple[Upload, ...]:
    """Keep uploaded files. Raises UsageError for a name, OutputError for a full disk."""
    names = [safe_name(file.filename or "", "a file's name") for file in files]
    kept = []
    for name, file in zip(names, files, strict=True):
        digest, size = store.add(file.file)
        kept.append(Upload(name, digest, size))
    return tuple(kept)


def attachment(content: bytes, name: str, kind: str, **headers: str) -> Response:
    """A download; the name is one that `safe_name` let pass, others than ASCII are replaced."""
    plain = PurePosixPath(name.encode("ascii", "replace").decode().replace("?", "_")).name
    plain = plain.replace('"', "_").replace(";", "_")
    disposition = {"Content-Disposition": f"attachment; filename={plain.replace(' ', '_')}"}
    return Response(content, media_type=kind, headers={**disposition, **headers})
