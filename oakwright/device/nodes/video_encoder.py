"""VideoEncoder: pictures as JPEG files, or as an H.264 or H.265 stream; a message each.

``bitstream`` sends ImgFrames of type BITSTREAM, ``out`` EncodedFrames of the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import depthai as dai
import numpy as np

from ..blocks.formats import Frame, decode
from ..blocks.video import (
    H264,
    H265,
    REMEDY,
    StreamEncoder,
    VideoFormat,
    encode_jpeg,
    encode_lossless_jpeg,
    has_video,
)
from ..message import frame_of, stamp_like
from ..schema import NodeRecord
from .node import Context, Node

_PROFILE = dai.VideoEncoderProperties.Profile
_CODECS = {
    _PROFILE.H264_BASELINE: (H264, "baseline"),
    _PROFILE.H264_MAIN: (H264, "main"),
    _PROFILE.H264_HIGH: (H264, "high"),
    _PROFILE.H265_MAIN: (H265, "main"),
}
_READS = ("NV12", "YUV420p", "YUV400p", "GRAY8", "RAW8")
# The chip's limits of H.264 and H.265.
_WIDTH_STEP, _WIDEST = 32, 4096
_CBR = 0
_KINDS = {kind: getattr(dai.EncodedFrame.FrameType, kind) for kind in "IPB"}
# Messages whose pictures the encoder may hold back: more than it ever does.
_HELD = 64


class VideoEncoder(Node):
    """See the module."""

    honoured = (
        "profile",
        "quality",
        "lossless",
        "outputFrameSize",
        "bitrate",
        "maxBitrate",
        "frameRate",
        "keyframeFrequency",
        "numBFrames",
        "rateCtrlMode",
    )
    harmless = ("numFramesPool",)
    sends = ("out", "bitstream")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._profile = _PROFILE(self.properties["profile"])
        self._encoder: StreamEncoder | None = None
        self._sources: deque[tuple[int, Any]] = deque(maxlen=_HELD)
        self._taken = 0

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        values = record.properties
        profile = _PROFILE(values["profile"])
        if profile in _CODECS:
            if not has_video():
                yield f"profile = {profile.name}: {REMEDY}"
            if not values["frameRate"] > 0:
                yield f"frameRate = {values['frameRate']} is not above 0"
            for name, least in (("keyframeFrequency", 1), ("bitrate", 0), ("numBFrames", 0)):
                if values[name] < least:
                    yield f"{name} = {values[name]} is below {least}"
        elif values["lossless"] and not has_video():
            yield f"lossless = True: {REMEDY}"
        if not 0 <= values["quality"] <= 100:
            yield f"quality = {values['quality']} is not in 0 to 100"

    def step(self) -> None:
        """See Node."""
        message = self.inputs["in"].get()
        frame = frame_of(message)
        wrong = self._wrong_with(frame)
        if wrong:
            self.error(f"{wrong}: dropped", once=True)
            return
        if self._profile in _CODECS:
            self._stream(frame, message)
        elif self.properties["lossless"]:
            self._deliver(encode_lossless_jpeg(frame), message, "I")
        else:
            self._deliver(encode_jpeg(decode(frame), self.properties["quality"]), message, "I")

    def _wrong_with(self, frame: Frame) -> str:
        size = f"{frame.width}x{frame.height}"
        if frame.type not in _READS:
            return f"the picture is of type {frame.type}, the encoder takes {', '.join(_READS)}"
        if self._profile not in _CODECS:
            is_odd = self.properties["lossless"] and (frame.width % 2 or frame.height % 2)
            return f"the picture is {size}, lossless JPEG takes even sizes" if is_odd else ""
        if frame.width % _WIDTH_STEP or frame.width > _WIDEST or frame.height % 2:
            return (
                f"the picture is {size}, H.264 and H.265 take widths that are multiples of "
                f"{_WIDTH_STEP} up to {_WIDEST}, and even heights"
            )
        if self._encoder is not None and self._encoder.size != (frame.width, frame.height):
            first = "x".join(str(side) for side in self._encoder.size)
            return f"the picture is {size}, the stream began with {first}"
        return ""

    def _stream(self, frame: Frame, message: Any) -> None:
        if self._encoder is None:
            values, (codec, profile) = self.properties, _CODECS[self._profile]
            form = VideoFormat(
                codec,
                profile,
                values["frameRate"],
                values["bitrate"],
                values["maxBitrate"],
                values["rateCtrlMode"] == _CBR,
                values["keyframeFrequency"],
                # The baseline has none.
                0 if profile == "baseline" else values["numBFrames"],
            )
            self._encoder = StreamEncoder(form, frame.width, frame.height)
        self._sources.append((self._taken, message))
        self._taken += 1
        for packet in self._encoder.encode(frame):
            source = next(held for number, held in self._sources if number == packet.number)
            self._deliver(packet.data, source, packet.kind)

    def _deliver(self, data: np.ndarray, source: Any, kind: str) -> None:
        limit = self.properties["outputFrameSize"]
        if 0 < limit < len(data):
            self.error(f"the picture takes {len(data)} bytes, more than the {limit} allowed")
            return
        if self.output("bitstream").is_linked:
            self.send("bitstream", _bitstream(data, source))
        if self.output("out").is_linked:
            self.send("out", self._encoded(data, source, kind))

    def _encoded(self, data: np.ndarray, source: Any, kind: str) -> Any:
        message, classes = dai.EncodedFrame(), dai.EncodedFrame.Profile
        message.setFrameType(_KINDS[kind])
        if self._encoder is None:
            message.setProfile(classes.JPEG)
            message.setQuality(self.properties["quality"])
            message.setLossless(self.properties["lossless"])
        else:
            codec, _ = _CODECS[self._profile]
            message.setProfile(classes.AVC if codec == H264 else classes.HEVC)
            message.setBitrate(self._encoder.bitrate)
        message.setWidth(source.getWidth())
        message.setHeight(source.getHeight())
        raw: Any = message.getRaw()
        raw.instanceNum = source.getInstanceNum()
        message.setData(data)
        return stamp_like(message, source)


def _bitstream(data: np.ndarray, source: Any) -> Any:
    message = dai.ImgFrame()
    message.setType(dai.ImgFrame.Type.BITSTREAM)
    message.setWidth(source.getWidth())
    message.setHeight(source.getHeight())
    message.setInstanceNum(source.getInstanceNum())
    message.setData(data)
    return stamp_like(message, source)
