"""UVC: the camera as a webcam; what its host would see is written to a video file.

A host shows the last picture until another comes, at a steady rate: so does the file, which repeats
pictures where the camera left some out. Without a file (``Settings.uvc``) the node stays silent.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..blocks.formats import decode, frame_bytes
from ..blocks.video_file import VideoFile
from ..message import frame_of, time_of
from ..schema import NodeRecord
from .node import Context, Node

# A webcam's host takes these: raw pictures, or JPEG files.
_READS = ("NV12", "BITSTREAM")
# Where one picture tells no rate yet, and bounds on what two tell.
_USUAL_FPS, _SLOWEST, _FASTEST = 30.0, 1.0, 240.0
# A gap longer than this is shortened, or an hour's pause would be an hour of the same picture.
_LONGEST_GAP_S = 10.0


class UVC(Node):
    """See the module."""

    harmless = ("gpio*",)

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._file: VideoFile | None = None
        # The first picture waits for the second one, which tells the rate.
        self._waiting: tuple[float, np.ndarray] | None = None
        self._shown: np.ndarray | None = None
        self._due_s = 0.0

    def set_up(self) -> None:
        """See Node."""
        if not self.context.settings.uvc:
            self.warn("what a webcam's host would see is not kept: choose a video file for it")

    def step(self) -> None:
        """See Node."""
        message = self.inputs["in"].get()
        if self.context.settings.uvc:
            picture = self._picture(message)
            if picture is not None:
                self._show(time_of(message), picture)

    def end(self) -> None:
        """See Node."""
        if self._waiting is not None:
            self._open(_USUAL_FPS)
        if self._file is not None:
            self._file.finish()

    def _picture(self, message: Any) -> np.ndarray | None:
        frame = frame_of(message)
        if frame.type not in _READS:
            wanted = " or ".join(_READS)
            self.error(f"the picture is of type {frame.type}, a webcam sends {wanted}", once=True)
            return None
        if frame.type == "BITSTREAM":
            found = cv2.imdecode(np.asarray(frame.data), cv2.IMREAD_COLOR)
            if found is None:
                self.error("the picture is no JPEG: a webcam's host shows none", once=True)
                return None
            picture = np.asarray(found)
        elif len(frame.data) < frame_bytes(frame.type, frame.width, frame.height):
            self.error(f"the picture has only {len(frame.data)} bytes", once=True)
            return None
        else:
            picture = decode(frame)
        height, width = picture.shape[:2]
        schema = self.context.schema
        wanted_size = self._file.size if self._file is not None else None
        if wanted_size is None and schema is not None:
            wanted_size = schema.uvc_size
        if wanted_size is not None and (width, height) != wanted_size:
            size = "x".join(str(side) for side in wanted_size)
            text = f"the picture is {width}x{height}, the webcam was set up for {size}: dropped"
            self.error(text, once=True)
            return None
        return picture

    def _show(self, time_s: float, picture: np.ndarray) -> None:
        if self._file is None and self._waiting is None:
            self._waiting = time_s, picture
            return
        if self._waiting is not None:
            between = max(time_s - self._waiting[0], 1e-6)
            self._open(min(max(round(1 / between, 3), _SLOWEST), _FASTEST))
        assert self._file is not None
        assert self._shown is not None
        step = 1 / self._file.fps
        # Half a picture early is in time.
        gap_s = time_s - self._due_s - step / 2
        if gap_s > _LONGEST_GAP_S:
            self._due_s += gap_s - _LONGEST_GAP_S
        while time_s - self._due_s > step / 2:
            self._add(self._shown)
        self._add(picture)

    def _open(self, fps: float) -> None:
        assert self._waiting is not None
        (self._due_s, picture), self._waiting = self._waiting, None
        height, width = picture.shape[:2]
        self._file = VideoFile(self.context.settings.uvc, fps, width, height)
        self._add(picture)

    def _add(self, picture: np.ndarray) -> None:
        assert self._file is not None
        self._file.add(picture)
        self._shown = picture
        self._due_s += 1 / self._file.fps
