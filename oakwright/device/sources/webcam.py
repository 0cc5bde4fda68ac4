"""A webcam as a source: always its latest frame."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from oakwright.errors import SourceError

from .source import Shot


class WebcamSource:
    """The machine's camera ``number``; every camera of the board sees the same."""

    def __init__(self, number: int = 0) -> None:
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(number)
        self._kept: tuple[int, np.ndarray] | None = None
        if not self._capture.isOpened():
            raise SourceError(
                f"there is no webcam {number}",
                remedy="plug one in, or use another source: a video, pictures, 'pattern'",
                path=f"webcam:{number}",
            )

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource; cameras that ask for the same number get the same frame."""
        with self._lock:
            if self._kept is None or self._kept[0] < shot.number:
                is_there, pixels = self._capture.read()
                if not is_there:
                    return None
                self._kept = (shot.number, pixels)
            return self._kept[1]

    def close(self) -> None:
        """See FrameSource."""
        with self._lock:
            self._capture.release()
