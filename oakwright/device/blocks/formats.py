"""Pixel formats: frames as the device holds them, from and to BGR or grey arrays.

Names are DepthAI's (``ImgFrame.Type``). YUV is BT.601 in video range, as OpenCV's conversions
(which the host's ``getCvFrame`` uses) have it. A new format is a row in ``_FORMATS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

Encode = Callable[[np.ndarray], np.ndarray]
Decode = Callable[[np.ndarray, int, int], np.ndarray]


class BadFrame(ValueError):
    """A picture whose bytes are not what its type and size say; nodes drop it and log why."""


@dataclass(frozen=True)
class Frame:
    """Pixels in a device format: ``data`` is flat uint8; size in pixels."""

    type: str
    width: int
    height: int
    data: np.ndarray

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of one element of a plane (YUV and planar colour: 1)."""
        return _FORMATS[self.type].bytes_per_pixel if self.type in _FORMATS else 1

    @property
    def stride(self) -> int:
        """Bytes of one line of the first plane."""
        if self.type == "RAW10" and len(self.data) == self.width * self.height * 5 // 4:
            return self.width * 5 // 4  # four pixels in five bytes, see blocks/raw
        return self.width * self.bytes_per_pixel

    @property
    def plane_offsets(self) -> tuple[int, int, int]:
        """Where planes 1 to 3 start, in bytes; 0 for those that are not there."""
        if self.type not in _FORMATS:
            return 0, 0, 0
        plane = self.stride * self.height
        second, third = _FORMATS[self.type].planes
        return 0, int(plane * second), int(plane * third)


@dataclass(frozen=True)
class _Format:
    channels: int
    bytes_per_pixel: int
    # Bytes of a whole frame per pixel.
    density: float
    encode: Encode
    decode: Decode
    # Starts of the second and third plane, in units of the first plane's bytes.
    planes: tuple[float, float] = (0, 0)


def is_known(name: str) -> bool:
    """Whether frames of this type can be made and read."""
    return name in _FORMATS


def is_grey(name: str) -> bool:
    """Whether a type holds one channel."""
    return _FORMATS[name].channels == 1


def frame_bytes(name: str, width: int, height: int) -> int:
    """Bytes of a frame of this type and size."""
    return int(_FORMATS[name].density * width * height)


def encode(pixels: np.ndarray, name: str) -> Frame:
    """A frame of BGR (HxWx3) or grey (HxW) uint8 pixels, or uint16 grey for RAW16.

    Colour becomes grey, and grey colour, where the format wants it.
    """
    kind = _FORMATS[name]
    if kind.channels == 1 and pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    elif kind.channels == 3 and pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    height, width = pixels.shape[:2]
    data = kind.encode(pixels)
    return Frame(name, width, height, data.reshape(-1).view(np.uint8))


def decode(frame: Frame) -> np.ndarray:
    """BGR (HxWx3) or grey (HxW) pixels of a frame; may share its memory."""
    check_frame(frame)
    need = frame_bytes(frame.type, frame.width, frame.height)
    return _FORMATS[frame.type].decode(frame.data[:need], frame.width, frame.height)


def check_frame(frame: Frame) -> None:
    """Raise BadFrame where a frame of a known type cannot be read; others are not looked at."""
    if frame.type not in _FORMATS:
        return
    if frame.width <= 0 or frame.height <= 0:
        raise BadFrame(f"a {frame.type} frame of {frame.width}x{frame.height} shows nothing")
    halves = frame_bytes(frame.type, 2, 2) == 6
    if halves and (frame.width % 2 or frame.height % 2):
        size = f"{frame.width}x{frame.height}"
        raise BadFrame(f"a {frame.type} frame of {size} is odd: its colours are halved")
    need = frame_bytes(frame.type, frame.width, frame.height)
    if len(frame.data) < need:
        raise BadFrame(
            f"a {frame.type} frame of {frame.width}x{frame.height} has {need} bytes, "
            f"this one {len(frame.data)}"
        )


# -- the conversions


def _planar(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _from_planar(data: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.ascontiguousarray(data.reshape(3, height, width).transpose(1, 2, 0))


def _interleaved(data: np.ndarray, width: int, height: int) -> np.ndarray:
    return data.reshape(height, width, 3)


def _grey(data: np.ndarray, width: int, height: int) -> np.ndarray:
    return data.reshape(height, width)


def _grey16(data: np.ndarray, width: int, height: int) -> np.ndarray:
    return data.view("<u2").reshape(height, width)


def _swap(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _half(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype("<f2")


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values.astype(np.float32)), 0, 255).astype(np.uint8)


def _i420(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420))


def _nv12(pixels: np.ndarray, first: int = 0) -> np.ndarray:
    height, width = pixels.shape[:2]
    flat = _i420(pixels).reshape(-1)
    luma, quarter = width * height, width * height // 4
    out = np.empty_like(flat)
    out[:luma] = flat[:luma]
    out[luma + first :: 2] = flat[luma : luma + quarter]
    out[luma + 1 - first :: 2] = flat[luma + quarter :]
    return out


def _yuv(code: int) -> Decode:
    def read(data: np.ndarray, width: int, height: int) -> np.ndarray:
        return np.asarray(cv2.cvtColor(data.reshape(height * 3 // 2, width), code))

    return read


def _identity(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels)


_FORMATS: dict[str, _Format] = {
    "BGR888i": _Format(3, 3, 3, _identity, _interleaved),
    "RGB888i": _Format(3, 3, 3, _swap, lambda d, w, h: _swap(_interleaved(d, w, h))),
    "BGR888p": _Format(3, 1, 3, _planar, _from_planar, (1, 2)),
    "RGB888p": _Format(
        3,
        1,
        3,
        lambda p: _planar(p[:, :, ::-1]),
        lambda d, w, h: np.ascontiguousarray(_from_planar(d, w, h)[:, :, ::-1]),
        (1, 2),
    ),
    "BGRF16F16F16i": _Format(
        3, 6, 6, _half, lambda d, w, h: _bytes(_interleaved(d.view("<f2"), w, h))
    ),
    "RGBF16F16F16i": _Format(
        3,
        6,
        6,
        lambda p: _half(_swap(p)),
        lambda d, w, h: _swap(_bytes(_interleaved(d.view("<f2"), w, h))),
    ),
    "BGRF16F16F16p": _Format(
        3,
        2,
        6,
        lambda p: _half(_planar(p)),
        lambda d, w, h: _bytes(_from_planar(d.view("<f2"), w, h)),
        (1, 2),
    ),
    "RGBF16F16F16p": _Format(
        3,
        2,
        6,
        lambda p: _half(_planar(p[:, :, ::-1])),
        lambda d, w, h: _swap(_bytes(_from_planar(d.view("<f2"), w, h))),
        (1, 2),
    ),
    "NV12": _Format(3, 1, 1.5, _nv12, _yuv(cv2.COLOR_YUV2BGR_NV12), (1, 0)),
    "NV21": _Format(3, 1, 1.5, lambda p: _nv12(p, 1), _yuv(cv2.COLOR_YUV2BGR_NV21), (1, 0)),
    "YUV420p": _Format(3, 1, 1.5, _i420, _yuv(cv2.COLOR_YUV2BGR_I420), (1, 1.25)),
    "YUV400p": _Format(1, 1, 1, _identity, _grey),
    "GRAY8": _Format(1, 1, 1, _identity, _grey),
    "RAW8": _Format(1, 1, 1, _identity, _grey),
    "GRAYF16": _Format(1, 2, 2, _half, lambda d, w, h: _bytes(_grey(d.view("<f2"), w, h))),
    "RAW16": _Format(1, 2, 2, lambda p: p.astype("<u2"), _grey16),
}
# 16-bit sensors' types: the sensor's own bits in the low end of a little-endian word.
for _bits in (10, 12, 14):
    _FORMATS[f"RAW{_bits}"] = _FORMATS["RAW16"]
