"""Superblobs: blobs for 1 to 16 shaves in one file, which DepthAI 3 reads.

17 big-endian 64-bit sizes, that of the blob for 8 shaves and of 16 patches (0 for 8 shaves), then
the blob, then the patches in order. A patch (BSDIFF40) turns the blob for 8 shaves into the one for
its number; the blobs differ in few bytes, so the file is little larger than one of them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import ModuleType

from oakwright.errors import UnreadableModel, UsageError

BASE = 8
SHAVES = range(1, 17)
_HEADER = struct.Struct(">17Q")
_LARGEST_BLOB = 1 << 30


def make_superblob(blobs: Mapping[int, bytes]) -> bytes:
    """A superblob of one model's blobs for all of 1 to 16 shaves.

    Raises UsageError where one is missing or bsdiff4 is not installed.
    """
    missing = [n for n in SHAVES if n not in blobs]
    if missing:
        raise UsageError(
            f"a superblob holds blobs for 1 to 16 shaves; {missing} are not there",
            remedy="convert with --shaves all",
            key="shaves",
        )
    tool = _bsdiff4()
    base = blobs[BASE]
    patches = [b"" if n == BASE else tool.diff(base, blobs[n]) for n in SHAVES]
    return _HEADER.pack(len(base), *map(len, patches)) + base + b"".join(patches)


def read_superblob(data: bytes, shaves: int) -> bytes:
    """The blob for a number of shaves.

    Raises UsageError for a number the chip does not have, UnreadableModel where the file is not
    a superblob or is damaged.
    """
    if shaves not in SHAVES:
        raise UsageError(f"{shaves} shaves: the chip has 1 to 16", key="shaves")
    if len(data) < _HEADER.size:
        raise _bad("is too short")
    sizes = _HEADER.unpack_from(data)
    if _HEADER.size + sum(sizes) != len(data) or not sizes[0] or sizes[BASE]:
        raise _bad("says sizes that it does not have")
    base = data[_HEADER.size : _HEADER.size + sizes[0]]
    if shaves == BASE:
        return base
    start = _HEADER.size + sum(sizes[:shaves])
    patch = data[start : start + sizes[shaves]]
    # magic, three sizes of 8 bytes; the last is the result's
    if len(patch) < 32 or patch[:8] != b"BSDIFF40":
        raise _bad(f"has no patch for {shaves} shaves")
    if not 0 < struct.unpack_from("<Q", patch, 24)[0] <= _LARGEST_BLOB:
        raise _bad(f"has a patch for {shaves} shaves that makes too large a blob")
    try:
        return bytes(_bsdiff4().patch(base, patch))
    except (ValueError, MemoryError, OSError, EOFError) as error:
        raise _bad(f"has a damaged patch for {shaves} shaves") from error


def _bad(what: str) -> UnreadableModel:
    return UnreadableModel(f"the superblob {what}", remedy="make it again", path="superblob")


def _bsdiff4() -> ModuleType:
    try:
        import bsdiff4
    except ImportError as error:
        raise UsageError(
            "superblobs need the package bsdiff4",
            remedy="pip install 'oakwright[superblob]', or make a plain blob",
            key="superblob",
        ) from error
    return bsdiff4  # type: ignore[no-any-return]
