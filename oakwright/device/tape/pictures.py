"""Pictures of one camera without loss: videos (FFV1 in Matroska) written and read in order.

OpenCV's own FFmpeg does both, so nothing else is needed. A video holds pictures of one size; where
the size changes the next one begins. Arrays of other forms than BGR are stored as grey ones:
16-bit depth as its low bytes above its high bytes, YUV420 as its planes below each other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from oakwright.errors import OutputError, SourceError

# What a picture is: how its array is shaped, see ``to_stored``.
KINDS = ("bgr", "grey", "depth", "i420")
# Only for players: the moments are in the table.
_NOMINAL_FPS = 30.0
_CODEC = cv2.VideoWriter.fourcc(*"FFV1")


@dataclass(frozen=True)
class Segment:
    """A video file: its name, how many pictures, their stored size and channels (1 or 3)."""

    file: str
    pictures: int
    width: int
    height: int
    channels: int


def pixel_hash(pixels: np.ndarray) -> str:
    """16 hexadecimal digits of an array's shape, type and contents."""
    digest = hashlib.blake2b(f"{pixels.shape}{pixels.dtype}".encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def to_stored(pixels: np.ndarray) -> np.ndarray:
    """The array a video holds: HxWx3 or HxW uint8."""
    if pixels.dtype != np.uint16:
        return np.ascontiguousarray(pixels)
    return np.concatenate([pixels & 255, pixels >> 8]).astype(np.uint8)


def from_stored(stored: np.ndarray, kind: str) -> np.ndarray:
    """The array that ``to_stored`` was given."""
    if kind != "depth":
        return stored
    low, high = np.split(stored.astype(np.uint16), 2)
    joined: np.ndarray = low | high << 8
    return joined


def _even(width: int, height: int) -> tuple[int, int]:
    """OpenCV cuts odd sides off, so they get one more line."""
    return width + width % 2, height + height % 2


def _padded(stored: np.ndarray) -> np.ndarray:
    height, width = stored.shape[:2]
    if width % 2 == height % 2 == 0:
        return stored
    return np.asarray(cv2.copyMakeBorder(stored, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE))


class PictureWriter:
    """Writes pictures into ``folder`` as NAME-0.mkv, NAME-1.mkv ...; see ``finish``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._done: list[Segment] = []
        self._writer: cv2.VideoWriter | None = None
        self._form: tuple[int, int, int] | None = None
        self._count = 0

    def add(self, stored: np.ndarray) -> None:
        """Append a picture (HxWx3 or HxW uint8)."""
        form = (stored.shape[1], stored.shape[0], 1 if stored.ndim == 2 else 3)
        if form != self._form:
            self._end_segment()
            self._begin_segment(form)
        assert self._writer is not None
        self._writer.write(_padded(stored))
        self._count += 1

    def _file(self) -> str:
        return f"{self._name}-{len(self._done)}.mkv"

    def _begin_segment(self, form: tuple[int, int, int]) -> None:
        path = str(self._folder / self._file())
        self._form = form
        self._writer = cv2.VideoWriter(
            path, cv2.CAP_FFMPEG, _CODEC, _NOMINAL_FPS, _even(*form[:2]), form[2] == 3
        )
        if not self._writer.isOpened():
            raise OutputError(
                f"cannot write {path}: this OpenCV has no FFV1",
                remedy="install opencv-python-headless, whose FFmpeg has it",
                path=path,
            )

    def _end_segment(self) -> None:
        if self._writer is None or self._form is None:
            return
        self._writer.release()
        self._writer = None
        path = self._folder / self._file()
        # OpenCV says nothing of a full disk; a video cut short has no count at its end.
        check = cv2.VideoCapture(str(path))
        found = round(check.get(cv2.CAP_PROP_FRAME_COUNT))
        check.release()
        if found != self._count:
            raise OutputError(
                f"{path} holds {found} of {self._count} pictures",
                remedy="check that the disk is not full",
                path=str(path),
            )
        width, height, channels = self._form
        self._done.append(Segment(path.name, self._count, width, height, channels))
        self._count, self._form = 0, None

    def finish(self) -> list[Segment]:
        """End the last video; gives all of them. Raises OutputError where one is incomplete."""
        self._end_segment()
        return self._done


class PictureReader:
    """Reads what a PictureWriter wrote: picture n, in any order, in order best."""

    def __init__(self, folder: Path, segments: tuple[Segment, ...]) -> None:
        self._folder, self._segments = folder, segments
        self._capture: cv2.VideoCapture | None = None
        self._at, self._next = -1, 0
        self._kept: tuple[int, np.ndarray] | None = None

    def read(self, number: int) -> np.ndarray:
        """Picture ``number``, as it was stored. Raises SourceError where it cannot be had."""
        if self._kept is not None and self._kept[0] == number:
            return self._kept[1]
        place, local = 0, number
        while local >= self._segments[place].pictures:
            local -= self._segments[place].pictures
            place += 1
        segment = self._segments[place]
        if self._at != place or self._next > local or self._capture is None:
            self._open(place)
        assert self._capture is not None
        while self._next < local and self._capture.grab():
            self._next += 1
        is_there, found = self._capture.read()
        width, height = _even(segment.width, segment.height)
        wanted = (height, width, *([3] if segment.channels == 3 else []))
        if not is_there or self._next != local or np.shape(found) != wanted:
            path = self._folder / segment.file
            raise SourceError(
                f"{path}: picture {local} cannot be read",
                remedy="the recording is damaged, or this OpenCV has no FFV1: record it again",
                path=str(path),
            )
        self._next += 1
        self._kept = (number, np.ascontiguousarray(found[: segment.height, : segment.width]))
        return self._kept[1]

    def _open(self, place: int) -> None:
        self.close()
        self._capture = cv2.VideoCapture(str(self._folder / self._segments[place].file))
        if self._segments[place].channels == 1:
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self._at, self._next = place, 0

    def close(self) -> None:
        """Let go of the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
