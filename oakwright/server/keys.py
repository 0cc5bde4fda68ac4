"""API keys: who may use the server. A file of names and hashes; the keys themselves are nowhere.

Keys are 32 random bytes, so a plain SHA-256 keeps them: there is nothing to guess. A request brings
one as ``Authorization: Bearer KEY``, as ``X-API-Key``, or as the password of an address
(``http://anyone:KEY@host``), which is how clients that know nothing of keys send it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from oakwright.errors import UsageError
from oakwright.files import write_aside

_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_LARGEST_FILE = 1 << 20
_HELP = "lines are NAME SHA256, as `oakwright serve-key NAME --keys FILE` writes them"


class Keys:
    """The keys of a file, read again when it changes: a removed line locks out at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._found: dict[str, bytes] = {}
        self._refresh()

    def owner(self, headers: Mapping[str, str]) -> str | None:
        """The name that belongs to a request's key, or None."""
        key = _key_in(headers)
        if not key:
            return None
        self._refresh()
        digest, found = hashlib.sha256(key.encode("utf-8", "replace")).digest(), None
        # All of them, so that the time says nothing of which one it was.
        for name, known in self._found.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def _refresh(self) -> None:
        try:
            facts = self.path.stat()
            stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        except OSError:
            stamp = (-1, -1, -1)
        with self._lock:
            if stamp != self._stamp:
                self._found = read_keys(self.path)
                self._stamp = stamp


def has_key(headers: Mapping[str, str]) -> bool:
    """Whether a request brings a key at all, whatever it is worth."""
    return bool(_key_in(headers))


def read_keys(path: Path) -> dict[str, bytes]:
    """Name -> SHA-256 of the key. Raises UsageError with the line; nobody gets in then."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{path} is too long for a file of keys", remedy=_HELP, key="keys")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"the keys in {path} cannot be read: {reason}", remedy=_HELP, key="keys"
        ) from error
    found: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        is_row = len(words) == 2 and _NAME.fullmatch(words[0])
        if not is_row or not re.fullmatch(r"[0-9a-f]{64}", words[1]) or words[0] in found:
            raise UsageError(f"{path}, line {number} is no key", remedy=_HELP, key="keys")
        found[words[0]] = bytes.fromhex(words[1])
    return found


def make_key(path: Path, name: str) -> str:
    """Add a new key to the file (made where it is not there); gives the key, kept nowhere else.

    Raises UsageError for a name that is taken or no name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name[:80]}' is no name for a key", remedy="use letters, digits and _ . @ -"
        )
    known = read_keys(path) if path.exists() else {}
    if name in known:
        raise UsageError(f"{name} has a key already", remedy=f"remove its line from {path} first")
    key = secrets.token_urlsafe(32)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    text += "" if not text or text.endswith("\n") else "\n"
    write_aside(path, f"{text}{name} {hashlib.sha256(key.encode()).hexdigest()}\n")
    path.chmod(0o600)
    return key


def _key_in(headers: Mapping[str, str]) -> str:
    kind, _, rest = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return headers.get("x-api-key", "")
