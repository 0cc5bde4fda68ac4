"""A video file written picture by picture at a steady rate, by OpenCV's FFmpeg."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from oakwright.errors import OutputError

# Ending to codec. Matroska holds FFV1: lossless, for comparing bits.
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "FFV1"}


class VideoFile:
    """See the module; ``finish`` gives the file its name. Pictures are BGR of one even size."""

    def __init__(self, path: str, fps: float, width: int, height: int) -> None:
        self.path = Path(path)
        self.size, self.fps, self.count = (width, height), fps, 0
        self._aside = self.path.with_name(f".{self.path.stem}.partial{self.path.suffix}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot write the video {path}: {error.strerror or error}",
                remedy="check its folder",
                path=path,
            ) from error
        code = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._aside), cv2.CAP_FFMPEG, code, fps, self.size)
        if not self._writer.isOpened():
            raise OutputError(
                f"cannot write the video {path}",
                remedy="check the folder, or take another ending: " + ", ".join(CODECS),
                path=path,
            )

    def add(self, picture: np.ndarray) -> None:
        """Append a picture (height x width x 3, BGR)."""
        self._writer.write(picture)
        self.count += 1

    def finish(self) -> None:
        """Complete the file. Raises OutputError where it was cut short, as on a full disk."""
        self._writer.release()
        check = cv2.VideoCapture(str(self._aside))
        found = round(check.get(cv2.CAP_PROP_FRAME_COUNT))
        check.release()
        if found != self.count:
            self._aside.unlink(missing_ok=True)
            raise OutputError(
                f"the video {self.path} holds {found} of {self.count} pictures",
                remedy="check that the disk is not full",
                path=str(self.path),
            )
        self._aside.replace(self.path)
