"""What a message shows, kept small: for telling whether a stream follows the scene.

Each message becomes a *view*: a grid of points of a picture, the boxes of detections. The share of
a view that no recent message of the stream showed is its *news*, between 0 and 1. A stream that
follows the scene has news when the scene changes, and none while the scene stands still; one that
goes through several pictures in turn (tiles) shows nothing new after its first round.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from .blocks.formats import frame_bytes, is_known
from .blocks.video import StreamDecoder, codec_of, has_video
from .message import content_of, kind_of, tensors_of, time_of

# Points of a picture that are looked at, each way.
_GRID = 40
# A point has changed by more than this: of 8-bit values, and of the largest of 16-bit ones.
_STEP_8, _SHARE_16 = 4, 0.02
# A box is the same while no side moves by more than this share of the picture.
_SAME_BOX = 0.02
_RECENT = 8
# More says nothing more, and a long run's report must stay small.
_LONGEST = 600
_BOXES = ("ImgDetections", "SpatialImgDetections")

View = Any


@dataclass
class Witness:
    """A stream's judged side: when something came, how much of it was news, what was wrong."""

    # (clock seconds of the message, news); the first message has none.
    news: list[tuple[float, float]] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    # Name and bytes of the tensors of each message; nearly always one entry.
    tensors: list[dict[str, int]] = field(default_factory=list)
    blank: int = 0
    judged: int = 0
    problem: str = ""
    _recent: deque[View] = field(default_factory=lambda: deque(maxlen=_RECENT))
    # Of a stream of H.264 or H.265; it can only be read from the start.
    _video: StreamDecoder | None = None

    def see(self, message: Any) -> None:
        """Take a message in."""
        self.problem = self.problem or problem_of(message)
        if kind_of(message) == "ImgFrame":
            self.sizes.add((message.getWidth(), message.getHeight()))
        elif kind_of(message) == "NNData":
            held = {name: array.nbytes for name, array in tensors_of(message).items()}
            if held not in self.tensors and len(self.tensors) < _RECENT:
                self.tensors.append(held)
        view = self._video_view(message) if _is_video(message) else view_of(message)
        if view is None or len(self.news) >= _LONGEST:
            return
        self.judged += 1
        self.blank += content_of(message) is None
        share = min((news_in(view, old) for old in self._recent), default=1.0)
        self.news.append((time_of(message), round(share, 4)))
        self._recent.append(view)

    def _video_view(self, message: Any) -> View | None:
        data = np.asarray(message.getData())
        if self._video is None:
            codec = codec_of(data)
            if codec is None or not has_video():
                return None
            self._video = StreamDecoder(codec)
        # In deterministic runs a packet gives its picture at once, unless there are B frames.
        pictures = self._video.decode(data)
        return _grid(pictures[-1]) if pictures else None

    def report(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "news": self.news,
            "sizes": sorted(self.sizes),
            "tensors": self.tensors,
            "blank": self.blank,
            "judged": self.judged,
            "problem": self.problem,
        }


def problem_of(message: Any) -> str:
    """What is wrong with a message in itself; '' if nothing."""
    kind = kind_of(message)
    if kind == "MessageGroup":
        parts = (problem_of(message[name]) for name in message.getMessageNames())
        return next((text for text in parts if text), "")
    if kind == "ImgFrame":
        name, size = message.getType().name, (message.getWidth(), message.getHeight())
        if is_known(name) and len(message.getData()) != frame_bytes(name, *size):
            return f"brought a {name} picture of {size[0]}x{size[1]} in {len(message.getData())} B"
    if kind in _BOXES:
        for one in message.detections:
            if not (one.xmin <= one.xmax and one.ymin <= one.ymax and 0 <= one.confidence <= 1):
                return "brought a box that is inside out, or of no confidence"
    return ""


def view_of(message: Any) -> View | None:
    """What is compared; None for messages that are neither pictures nor boxes, nor hold any."""
    kind = kind_of(message)
    if kind == "MessageGroup":
        parts = [view_of(message[name]) for name in sorted(message.getMessageNames())]
        known = [part for part in parts if part is not None]
        return known or None
    if kind == "ImgFrame":
        return _points(message)
    if kind == "EncodedFrame":
        return _encoded(np.asarray(message.getData()))
    if kind in _BOXES:
        rows = [(d.label, d.xmin, d.ymin, d.xmax, d.ymax) for d in message.detections]
        return np.array(rows, np.float32).reshape(-1, 5)
    return None


def news_in(view: View, old: View) -> float:
    """The share of ``view`` that ``old`` did not show, 0 to 1. A group's is its least new part."""
    if isinstance(view, list):
        if not isinstance(old, list) or len(old) != len(view):
            return 1.0
        return min(news_in(one, other) for one, other in zip(view, old, strict=True))
    if isinstance(view, int) or isinstance(old, int):
        return float(view != old) if isinstance(view, int) and isinstance(old, int) else 1.0
    if view.dtype == np.float32:
        return _news_in_boxes(view, old)
    if view.shape != old.shape or view.dtype != old.dtype:
        return 1.0
    step = _STEP_8 if view.itemsize == 1 else _SHARE_16 * float(max(view.max(), old.max()))
    apart = np.abs(view.astype(np.int32) - old.astype(np.int32)) > step
    return float(apart.mean()) if apart.size else 0.0


def _news_in_boxes(view: np.ndarray, old: np.ndarray) -> float:
    if not len(view) and not len(old):
        return 0.0
    if not len(view) or not len(old):
        return 1.0
    apart = np.abs(view[:, None, 1:] - old[None, :, 1:]).max(axis=2)
    same = (apart <= _SAME_BOX) & (view[:, None, 0] == old[None, :, 0])
    unmatched = (~same.any(axis=1)).sum() + (~same.any(axis=0)).sum()
    return float(unmatched / (len(view) + len(old)))


def _points(message: Any) -> View | None:
    data, name = message.getData(), message.getType().name
    if not len(data):
        return 0
    if name == "BITSTREAM":
        return _encoded(data)
    wide = name in ("RAW16", "RAW14", "RAW12", "RAW10") and len(data) % 2 == 0
    values = data.view(np.uint16) if wide else data
    height = max(message.getHeight(), 1)
    # Whole lines of the first planes; what is left over (half a line of chroma) says nothing new.
    width = len(values) // height
    if not width:
        return zlib.crc32(data.tobytes())
    return _grid(values[: width * height].reshape(height, width))


def _grid(lines: np.ndarray) -> np.ndarray:
    height, width = lines.shape
    # Steps prime to most widths, so that every channel is met.
    down, across = max(height // _GRID, 1), max(width // _GRID, 1) | 1
    return lines[down // 2 :: down, across // 2 :: across].copy()


def _is_video(message: Any) -> bool:
    kind = kind_of(message)
    if kind == "EncodedFrame" or (kind == "ImgFrame" and message.getType().name == "BITSTREAM"):
        return bytes(message.getData()[:3]) in (b"\0\0\0", b"\0\0\1")
    return False


def _encoded(data: np.ndarray) -> View:
    """A JPEG's own points; other streams differ wherever they do."""
    if bytes(data[:2]) == b"\xff\xd8":
        pixels = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_8)
        if pixels is not None:
            return np.asarray(pixels)
    return zlib.crc32(data.tobytes())
