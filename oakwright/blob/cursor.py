"""The one gate between raw bytes and everything else in this room.

Rule: nothing here or above reads a field except through a ``Cursor``. It knows where it may
read, so a bad length or count becomes a BlobError that names the byte, never a ``struct.error``.
"""

from __future__ import annotations

import struct

from oakwright.errors import BlobError, TruncatedBlob

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_F32 = struct.Struct("<f")
_F16 = struct.Struct("<e")
_U64 = struct.Struct("<Q")


class Cursor:
    """A position in ``data`` that may move up to ``end``; all integers little-endian.

    ``what`` names the part being read ("the stage section") for messages.
    """

    __slots__ = ("data", "end", "pos", "what")

    def __init__(self, data: memoryview, pos: int, end: int, what: str) -> None:
        self.data = data
        self.pos = pos
        self.end = end
        self.what = what
        if pos < 0 or pos > end or end > len(data):
            raise TruncatedBlob(
                f"{what} reaches to byte {max(pos, end)}, the file has {len(data)}",
                offset=min(max(pos, 0), len(data)),
                remedy="fetch or compile the blob again: it was cut short or damaged",
            )

    @property
    def remaining(self) -> int:
        """Bytes left before ``end``."""
        return self.end - self.pos

    def _claim(self, size: int) -> int:
        """Move past ``size`` bytes and return where they start."""
        start = self.pos
        if size < 0 or size > self.end - start:
            beyond_file = start + size > len(self.data)
            kind = TruncatedBlob if beyond_file else BlobError
            raise kind(f"{self.what} ends {self.end - start} bytes too early", offset=start)
        self.pos = start + size
        return start

    def u32(self) -> int:
        """Read an unsigned 32-bit integer."""
        return int(_U32.unpack_from(self.data, self._claim(4))[0])

    def i32(self) -> int:
        """Read a signed 32-bit integer."""
        return int(_I32.unpack_from(self.data, self._claim(4))[0])

    def u64(self) -> int:
        """Read an unsigned 64-bit integer (only the 2022.1 trailer has them)."""
        return int(_U64.unpack_from(self.data, self._claim(8))[0])

    def f32(self) -> float:
        """Read a single-precision float."""
        return float(_F32.unpack_from(self.data, self._claim(4))[0])

    def f16(self) -> float:
        """Read a half-precision float."""
        return float(_F16.unpack_from(self.data, self._claim(2))[0])

    def flag(self) -> bool:
        """Read a 32-bit 0 or 1."""
        at = self.pos
        value = self.u32()
        if value > 1:
            raise BlobError(f"{self.what} has {value} where 0 or 1 belongs", offset=at)
        return value == 1

    def count(self, unit_bytes: int, of_what: str) -> int:
        """Read a count of things that take at least ``unit_bytes`` each, and still fit."""
        at = self.pos
        value = self.u32()
        if value * unit_bytes > self.end - self.pos:
            raise BlobError(
                f"{self.what} announces {value} {of_what}, but only "
                f"{self.end - self.pos} bytes follow",
                offset=at,
            )
        return value

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes, not copied."""
        start = self._claim(size)
        return self.data[start : start + size]

    def text(self, size: int) -> str:
        """The next ``size`` bytes as text, NUL padding removed.

        Bytes that are not UTF-8 are kept visible as ``\\xNN``.
        """
        return bytes(self.take(size)).split(b"\0", 1)[0].decode("utf-8", "backslashreplace")

    def part(self, size: int, what: str) -> Cursor:
        """A cursor over the next ``size`` bytes; this one moves past them."""
        start = self._claim(size)
        return Cursor(self.data, start, start + size, what)

    def error(self, message: str, at: int) -> BlobError:
        """A BlobError about the bytes at ``at``, to be raised."""
        return BlobError(f"{self.what}: {message}", offset=at)

    def finish(self) -> None:
        """Claim that everything up to ``end`` has been read."""
        if self.pos != self.end:
            raise BlobError(
                f"{self.what} has {self.end - self.pos} bytes too many", offset=self.pos
            )
