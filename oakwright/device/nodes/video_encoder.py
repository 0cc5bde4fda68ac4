"""VideoEncoder: pictures as JPEG files, one message each.

H.264 and H.265 are refused by name when the pipeline starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import depthai as dai
import numpy as np

from ..blocks.formats import decode
from ..message import frame_of, stamp_like
from ..schema import NodeRecord
from .node import Node

_PROFILE = dai.VideoEncoderProperties.Profile
# What the chip's encoder reads.
_READS = ("NV12", "YUV400p", "GRAY8", "RAW8")


class VideoEncoder(Node):
    """See the module."""

    honoured = ("profile", "quality", "outputFrameSize")
    # Without effect on single pictures.
    harmless = (
        "bitrate",
        "maxBitrate",
        "frameRate",
        "keyframeFrequency",
        "numBFrames",
        "numFramesPool",
        "rateCtrlMode",
    )
    sends = ("out", "bitstream")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        # A fresh node has another profile: changed_fields does not show one that is left as it is.
        yield from super().problems(record)
        profile = _PROFILE(record.properties["profile"])
        if profile != _PROFILE.MJPEG:
            yield f"profile = {profile.name} is not supported, only MJPEG is"

    def step(self) -> None:
        """See Node."""
        message = self.inputs["in"].get()
        frame = frame_of(message)
        if frame.type not in _READS:
            self.error(
                f"the picture is of type {frame.type}, the encoder takes {', '.join(_READS)}: "
                "dropped"
            )
            return
        data = encode_jpeg(decode(frame), self.properties["quality"])
        limit = self.properties["outputFrameSize"]
        if 0 < limit < len(data):
            self.error(f"the picture takes {len(data)} bytes, more than the {limit} allowed")
            return
        if self.output("bitstream").is_linked:
            self.send("bitstream", self._bitstream(data, message))
        if self.output("out").is_linked:
            self.send("out", self._encoded(data, message))

    def _bitstream(self, data: np.ndarray, source: Any) -> Any:
        message = dai.ImgFrame()
        message.setType(dai.ImgFrame.Type.BITSTREAM)
        message.setWidth(source.getWidth())
        message.setHeight(source.getHeight())
        message.setInstanceNum(source.getInstanceNum())
        message.setData(data)
        return stamp_like(message, source)

    def _encoded(self, data: np.ndarray, source: Any) -> Any:
        message = dai.EncodedFrame()
        message.setProfile(dai.EncodedFrame.Profile.JPEG)
        message.setFrameType(dai.EncodedFrame.FrameType.I)
        message.setQuality(self.properties["quality"])
        message.setWidth(source.getWidth())
        message.setHeight(source.getHeight())
        raw: Any = message.getRaw()
        raw.instanceNum = source.getInstanceNum()
        message.setData(data)
        return stamp_like(message, source)


def encode_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """A JPEG file, uint8; ``quality`` is 1 to 100."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    assert done
    return np.asarray(data).reshape(-1)
