"""What a sensor gives before the ISP: ten bits per pixel, through its colour filters.

Colour sensors have red and green filters over even rows, green and blue ones over odd rows
(OpenCV calls that order BayerBG, after the second row). Packed, as MIPI CSI-2 has it, four pixels
take five bytes: the upper eight bits of each, then the four lower pairs, the first one lowest.
"""

from __future__ import annotations

import numpy as np

from .formats import Frame

TYPE = "RAW10"

_COLDEST, _WARMEST = 16.0, 40.0


def raw_frame(pixels: np.ndarray, *, packed: bool) -> Frame:
    """RAW10 of BGR (HxWx3) or grey (HxW) uint8 pixels; packed, or in 16-bit words.

    Raises ValueError for a width that is no multiple of four, where packed.
    """
    height, width = pixels.shape[:2]
    values = _through_filters(pixels).astype(np.uint16) << 2
    data = pack(values) if packed else values.astype("<u2").view(np.uint8)
    return Frame(TYPE, width, height, data.reshape(-1))


def warmth(grey: np.ndarray) -> Frame:
    """GRAYF16 degrees Celsius of grey pixels, made up: black is 16, white is 40."""
    degrees = (_COLDEST + grey.astype(np.float32) / 255 * (_WARMEST - _COLDEST)).astype("<f2")
    return Frame("GRAYF16", grey.shape[1], grey.shape[0], degrees.reshape(-1).view(np.uint8))


def pack(values: np.ndarray) -> np.ndarray:
    """HxW values of ten bits as H x 5W/4 bytes; see the module."""
    height, width = values.shape
    if width % 4:
        raise ValueError(f"a line of {width} pixels cannot be packed by fours")
    fours = values.reshape(height, width // 4, 4)
    packed = np.empty((height, width // 4, 5), np.uint8)
    packed[:, :, :4] = fours >> 2
    packed[:, :, 4] = ((fours & 3) << (2 * np.arange(4, dtype=np.uint16))).sum(axis=2)
    return packed.reshape(height, -1)


def _through_filters(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 2:
        return pixels
    mosaic = pixels[:, :, 1].copy()
    mosaic[0::2, 0::2] = pixels[0::2, 0::2, 2]
    mosaic[1::2, 1::2] = pixels[1::2, 1::2, 0]
    return mosaic
