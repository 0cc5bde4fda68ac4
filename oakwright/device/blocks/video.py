"""Encoding: single JPEG pictures, and H.264 and H.265 streams, with a decoder for the latter two.

JPEG is OpenCV's; the rest is FFmpeg's, through the package ``av``, which is optional and loaded
when first used. Streams are in the byte-stream form (Annex B), with the headers before every
keyframe, so that a file of them plays from its start.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from .formats import Frame

H264, H265 = "h264", "hevc"
REMEDY = "install the package av: pip install 'oakwright[video]'"
_CODERS = {H264: "libx264", H265: "libx265"}
# Speed over size, no look-ahead, scene cuts make no keyframes; one thread, so that every run has
# the same bits.
_OPTIONS = {
    H264: {"preset": "superfast", "tune": "zerolatency", "sc_threshold": "0", "b_strategy": "0"},
    H265: {"preset": "ultrafast", "tune": "zerolatency"},
}
_H265_WORDS = "log-level=none:pools=none:frame-threads=1:wpp=0:scenecut=0:open-gop=0:b-adapt=0"
# The vendor's documented automatic bit rates: luma pixels per second, bits per second.
_AUTOMATIC = (
    (1280 * 720 * 30, 4_000_000),
    (1920 * 1080 * 30, 8_500_000),
    (2560 * 1440 * 30, 14_000_000),
    (3840 * 2160 * 30, 20_000_000),
)


def has_video() -> bool:
    """Whether the package for H.264, H.265 and lossless JPEG is installed."""
    return importlib.util.find_spec("av") is not None


def automatic_bitrate(width: int, height: int, fps: float) -> int:
    """Bits per second for a size and rate: between the table's points in proportion."""
    rate = width * height * fps
    sizes, bits = zip(*_AUTOMATIC, strict=True)
    if rate < sizes[0]:
        return max(int(bits[0] * rate / sizes[0]), 100_000)
    return int(np.interp(rate, sizes, bits))


@dataclass(frozen=True)
class VideoFormat:
    """How a stream is made. ``profile``: baseline, main, high; rates in bits/s, 0 for automatic.

    ``is_constant`` holds every second to the rate; otherwise ``max_bitrate`` bounds it.
    """

    codec: str
    profile: str
    fps: float
    bitrate: int = 0
    max_bitrate: int = 0
    is_constant: bool = True
    keyframe_every: int = 30
    b_frames: int = 0


@dataclass(frozen=True)
class Packet:
    """One encoded picture. ``number`` counts what was put in; ``kind`` is I, P or B."""

    data: np.ndarray
    number: int
    kind: str


class StreamEncoder:
    """Pictures of one size in, packets out; B frames make them come later and out of order."""

    def __init__(self, form: VideoFormat, width: int, height: int) -> None:
        import av

        self.size = width, height
        self.bitrate = form.bitrate or automatic_bitrate(width, height, form.fps)
        rate = Fraction(form.fps).limit_denominator(1001)
        context: Any = av.CodecContext.create(_CODERS[form.codec], "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.framerate, context.time_base = rate, 1 / rate
        context.bit_rate, context.gop_size = self.bitrate, form.keyframe_every
        context.max_b_frames, context.thread_count = form.b_frames, 1
        most = self.bitrate if form.is_constant else max(form.max_bitrate, self.bitrate)
        options = dict(_OPTIONS[form.codec], profile=form.profile)
        if form.codec == H264:
            options |= {"maxrate": str(most), "bufsize": str(most), "threads": "1"}
        else:
            kilo = f"vbv-maxrate={most // 1000}:vbv-bufsize={most // 1000}"
            options["x265-params"] = (
                f"{_H265_WORDS}:{kilo}:min-keyint={form.keyframe_every}:bframes={form.b_frames}"
            )
        context.options = options
        self._context, self._make = context, av.VideoFrame.from_ndarray
        self._given, self._newest = 0, -1

    def encode(self, frame: Frame) -> list[Packet]:
        """Take a picture (see ``planes``) of the encoder's size."""
        picture = self._make(planes(frame), format="yuv420p")
        picture.pts = self._given
        self._given += 1
        return self._packets(self._context.encode(picture))

    def finish(self) -> list[Packet]:
        """What was held back; nothing can be put in after it."""
        return self._packets(self._context.encode(None))

    def _packets(self, made: Any) -> list[Packet]:
        found = []
        for packet in made:
            is_late = packet.pts < self._newest
            kind = "I" if packet.is_keyframe else "B" if is_late else "P"
            self._newest = max(self._newest, packet.pts)
            found.append(Packet(np.frombuffer(bytes(packet), np.uint8), int(packet.pts), kind))
        return found


class StreamDecoder:
    """Reads a stream packet by packet; starts at its first keyframe."""

    def __init__(self, codec: str) -> None:
        import av

        self._context: Any = av.CodecContext.create(codec, "r")
        self._context.thread_count = 1
        self._packet, self._error = av.Packet, av.FFmpegError

    def decode(self, data: np.ndarray) -> list[np.ndarray]:
        """Pictures that are ready, each the planes Y, U, V as one array (height * 3/2 x width).

        None of a packet that cannot be read: those it builds on may be lost.
        """
        try:
            frames = self._context.decode(self._packet(data.tobytes()))
        except self._error:
            return []
        return [frame.to_ndarray(format="yuv420p") for frame in frames]


def codec_of(data: np.ndarray) -> str | None:
    """Which codec a packet with headers is of; None where it has none (no keyframe)."""
    raw = data[:4096].tobytes()
    start = raw.find(b"\x00\x00\x01")
    while 0 <= start < len(raw) - 3:
        unit = raw[start + 3]
        if unit >> 1 & 0x3F in (32, 33) and unit & 0x81 == 0 and raw[start + 4] == 1:
            return H265
        if unit & 0x1F == 7 and unit & 0x80 == 0:
            return H264
        start = raw.find(b"\x00\x00\x01", start + 3)
    return None


def planes(frame: Frame) -> np.ndarray:
    """Y, U, V below each other (height * 3/2 x width, even sizes) of NV12, YUV420p or grey."""
    width, height = frame.width, frame.height
    size = width * height
    out = np.empty(size * 3 // 2, np.uint8)
    if frame.type == "NV12":
        out[:size] = frame.data[:size]
        out[size : size * 5 // 4] = frame.data[size : size * 3 // 2 : 2]
        out[size * 5 // 4 :] = frame.data[size + 1 : size * 3 // 2 : 2]
    elif frame.type == "YUV420p":
        out[:] = frame.data[: size * 3 // 2]
    else:
        out[:size] = frame.data[:size]
        out[size:] = 128
    return out.reshape(height * 3 // 2, width)


def encode_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """A JPEG file, uint8; ``quality`` is 0 to 100."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    assert done
    return np.asarray(data).reshape(-1)


def encode_lossless_jpeg(frame: Frame) -> np.ndarray:
    """A lossless JPEG file (predictor, Huffman code) of the planes as they are, no range changed.

    Frames as for ``planes``. FFmpeg and libjpeg-turbo from 3 on read it.
    """
    import av

    context: Any = av.CodecContext.create("ljpeg", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuvj420p"
    context.time_base, context.thread_count = Fraction(1, 30), 1
    picture = av.VideoFrame.from_ndarray(planes(frame), format="yuvj420p")
    picture.pts = 0
    data = b"".join(bytes(p) for p in (*context.encode(picture), *context.encode(None)))
    return np.frombuffer(data, np.uint8)
