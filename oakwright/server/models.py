"""Models that were uploaded before anyone said what to make of them.

A model is a list of files in the store, and itself a small text there: its id is the SHA-256 of
that text, so that the same files have the same id wherever and whenever they are sent.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence

from oakwright.errors import UnreadableModel

from .request import JobRequest, Upload
from .store import Store

_KIND = "oakwright model 1"
_LONGEST = 1 << 14  # bytes; sixteen names of 150 bytes and their hashes are less


def model_name(files: Sequence[Upload]) -> str:
    """What a result is called where nobody said: the model's file without its ending."""
    main = next((f.name for f in files if not f.name.lower().endswith(".bin")), "model")
    return main.rpartition(".")[0] or main


def keep_model(store: Store, files: Sequence[Upload]) -> str:
    """Write down that these files are a model; gives its id. Raises UsageError."""
    JobRequest(name=model_name(files), files=tuple(files))  # checks names and which is the model
    rows = [[file.name, file.sha256, file.size] for file in files]
    text = json.dumps({"kind": _KIND, "files": rows}, sort_keys=True)
    return store.add(io.BytesIO(text.encode()))[0]


def find_model(store: Store, model_id: str) -> tuple[Upload, ...]:
    """The files of a model. Raises UnreadableModel where it is not here (any more)."""
    try:
        path = store.path(model_id)
        if path.stat().st_size > _LONGEST:
            raise ValueError("too long")
        plain = json.loads(path.read_bytes())
        if plain["kind"] != _KIND:
            raise ValueError(plain["kind"])
        files = tuple(Upload(str(name), str(sha), int(size)) for name, sha, size in plain["files"])
        if not all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in files):
            raise ValueError("no hash")
        JobRequest(name=model_name(files), files=files)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UnreadableModel(
            f"there is no model {model_id[:64]!a} here", remedy="send its files again"
        ) from error
    if not store.has({file.name: file.sha256 for file in files}):
        raise UnreadableModel("files of the model are gone", remedy="send them again")
    return files
