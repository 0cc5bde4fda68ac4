"""Files that a description names by address: from the zoo folders, or from places that are allowed.

A stranger's address would make the server ask hosts that only the server reaches. Nothing is
fetched unless whoever runs the server named the place (``--fetch-from``).
"""

from __future__ import annotations

import hashlib
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from oakwright import zoo
from oakwright.errors import OakwrightError, UsageError

from .request import Upload, safe_name
from .store import Store

PATIENCE_S = 30.0  # without a byte
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A file that a description names: its address, and what it must be, where that is said."""

    name: str
    address: str
    size: int | None = None
    hash: tuple[str, str] | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Wanted:
        """From an entry of ``files``. Raises UsageError."""
        source = entry.get("source")
        address = source.get("url", "") if isinstance(source, Mapping) else source or ""
        size, found = entry.get("size"), None
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
            raise UsageError(f"the size of {entry['name']!s:.80} is no number", key="size")
        for key, algorithm in (("sha256", "sha256"), ("checksum", "sha384")):
            if entry.get(key):
                found = (algorithm, str(entry[key]).lower())
        name = PurePosixPath(str(entry["name"])).name
        return cls(safe_name(name, "a file's name"), str(address), size, found)


def fetch(
    wanted: Wanted, places: Sequence[str], shelf: zoo.Shelf, store: Store, most: int
) -> Upload:
    """Keep a file of the zoo folders, or of an allowed place, of at most ``most`` bytes.

    Raises UsageError for places that are not allowed and for files that are not what was said.
    """
    ready = _on_shelf(wanted, shelf, store)
    if ready is not None:
        return ready
    if not is_allowed(wanted.address, places):
        raise UsageError(
            f"the file {wanted.name} was not sent along",
            remedy="this server downloads nothing but from places that its --fetch-from names:"
            " give the client a path, not an address",
            key="files",
        )
    opener = urllib.request.build_opener(_Within(places))
    request = urllib.request.Request(wanted.address, headers={"User-Agent": "oakwright"})
    with tempfile.TemporaryFile() as aside:
        try:
            with opener.open(request, timeout=PATIENCE_S) as answer:
                _copy(wanted, answer, aside, most)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise UsageError(
                f"{wanted.name} could not be had from {wanted.address[:200]}: {reason!s:.200}",
                remedy="send the file along, or try again later",
                key="files",
            ) from error
        aside.seek(0)
        digest, size = store.add(aside)
    return Upload(wanted.name, digest, size)


def is_allowed(address: str, places: Sequence[str]) -> bool:
    """Whether an address lies below one of the places: same scheme, host and port, same folder."""
    try:
        asked = urlsplit(address)
        for place in places:
            allowed = urlsplit(place)
            folder = allowed.path if allowed.path.endswith("/") else f"{allowed.path}/"
            if (
                asked.scheme in ("http", "https")
                and (asked.scheme, asked.netloc) == (allowed.scheme, allowed.netloc)
                and asked.path.startswith(folder)
                and ".." not in PurePosixPath(unquote(asked.path)).parts
            ):
                return True
    except ValueError:
        return False
    return False


class _Within(urllib.request.HTTPRedirectHandler):
    """Follows redirections only to allowed places."""

    def __init__(self, places: Sequence[str]) -> None:
        self.places = places

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse a way out."""
        if not is_allowed(newurl, self.places):
            raise urllib.error.URLError("it leads to a place that is not allowed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _copy(wanted: Wanted, answer: IO[bytes], aside: IO[bytes], most: int) -> None:
    limit = most if wanted.size is None else min(most, wanted.size)
    digest, got = hashlib.new(wanted.hash[0] if wanted.hash else "sha256"), 0
    while block := answer.read(_BLOCK):
        got += len(block)
        if got > limit:
            raise ValueError(f"it is longer than {limit} bytes")
        digest.update(block)
        aside.write(block)
    if wanted.size is not None and got != wanted.size:
        raise ValueError(f"it has {got} bytes, {wanted.size} were to come")
    if wanted.hash and digest.hexdigest() != wanted.hash[1]:
        raise ValueError(f"its {wanted.hash[0]} is another")


def _on_shelf(wanted: Wanted, shelf: zoo.Shelf, store: Store) -> Upload | None:
    """The same file of a zoo model: of the hash that the description says."""
    if wanted.hash is None:
        return None
    for path in shelf.manifests():
        try:
            model = zoo.read_manifest(path)
            for file in model.files:
                if file.hash == wanted.hash:
                    found = shelf.locate(model, file)
                    if found is not None:
                        with found.open("rb") as stream:
                            return Upload(wanted.name, *store.add(stream))
        except (OakwrightError, OSError):
            continue  # a damaged description is not what was asked for
    return None
