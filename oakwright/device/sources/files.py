"""Sources that are files: a video, a folder of pictures, one picture, a pair of videos."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from oakwright.errors import SourceError

from .source import FrameSource, Shot

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# How far ahead a video is read frame by frame before it is wound there instead.
_SKIP = 60


class VideoSource:
    """A video file; camera frame n shows its frame n, from the start again after the end.

    With ``loops`` False the source ends there. Frames are read once per number, whichever camera
    asks; steps back are rewound.
    """

    def __init__(self, path: str | Path, *, loops: bool = True) -> None:
        self.path, self.loops = str(path), loops
        self._lock = threading.Lock()
        if not Path(path).is_file():
            raise SourceError(f"there is no video {path}", remedy="check the path", path=self.path)
        self._capture = cv2.VideoCapture(self.path)
        self._next = 0
        self._length: int | None = None
        self._kept: tuple[int, np.ndarray] | None = None
        first = self._read(0)
        if first is None:
            raise SourceError(
                f"{path} is not a video OpenCV can read",
                remedy="convert it to mp4 (H.264)",
                path=self.path,
            )

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        with self._lock:
            number = shot.number
            if self._length is not None:
                if number >= self._length and not self.loops:
                    return None
                number %= self._length
            found = self._read(number)
            if found is None and self._length:
                return self._read(number % self._length) if self.loops else None
            return found

    def _read(self, number: int) -> np.ndarray | None:
        if self._kept is not None and self._kept[0] == number:
            return self._kept[1]
        if number < self._next or number > self._next + _SKIP:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            self._next = number
        while self._next < number:
            if not self._capture.grab():
                self._end()
                return None
            self._next += 1
        is_there, pixels = self._capture.read()
        if not is_there:
            self._end()
            return None
        self._next = number + 1
        self._kept = (number, np.asarray(pixels))
        return self._kept[1]

    def _end(self) -> None:
        # The container's own count of frames may be wrong: the last one read is the truth.
        self._length = self._next or None

    def close(self) -> None:
        """See FrameSource."""
        with self._lock:
            self._capture.release()


class FolderSource:
    """The pictures of a folder, by name; frame n is picture n."""

    def __init__(self, path: str | Path, *, loops: bool = True) -> None:
        self.loops = loops
        self.paths = sorted(p for p in Path(path).iterdir() if p.suffix.lower() in PICTURE_ENDINGS)
        self._kept: tuple[int, np.ndarray] | None = None
        self._lock = threading.Lock()
        if not self.paths:
            raise SourceError(
                f"there is no picture in {path}",
                remedy=f"files ending in {', '.join(PICTURE_ENDINGS)} are taken",
                path=str(path),
            )

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        if shot.number >= len(self.paths) and not self.loops:
            return None
        index = shot.number % len(self.paths)
        with self._lock:
            if self._kept is None or self._kept[0] != index:
                self._kept = (index, read_picture(self.paths[index]))
            return self._kept[1]

    def close(self) -> None:
        """See FrameSource."""


class PictureSource:
    """One picture, again and again; a file or an array."""

    def __init__(self, picture: str | Path | np.ndarray) -> None:
        self._pixels = picture if isinstance(picture, np.ndarray) else read_picture(picture)

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        return self._pixels

    def close(self) -> None:
        """See FrameSource."""


class StereoSource:
    """A source for each camera: left and right, and one for colour (left where there is none)."""

    def __init__(
        self, left: FrameSource, right: FrameSource, color: FrameSource | None = None
    ) -> None:
        self._by_name = {"left": left, "right": right, "color": color or left}

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        return self._by_name.get(shot.camera.name, self._by_name["color"]).frame(shot)

    def close(self) -> None:
        """See FrameSource."""
        for source in self._by_name.values():
            source.close()


def read_picture(path: str | Path) -> np.ndarray:
    """A picture file as BGR or grey pixels."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SourceError(
            f"{path} is not a picture OpenCV can read", remedy="check the file", path=str(path)
        )
    return np.asarray(pixels)
