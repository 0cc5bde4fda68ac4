"""Morphology by a square: the least and the greatest of a window."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from .vision import Vision


def dilate(input: Tensor, size: int) -> Tensor:
    """Greatest of each pixel's size x size window in NCHW; borders count as what is inside.

    The border is reflected, and what is reflected into a window is in the window already.
    """
    wide = functional.pad(input, [size // 2] * 4, mode="reflect")
    return functional.max_pool2d(wide, size, stride=1)


def erode(input: Tensor, size: int) -> Tensor:
    """Least of each pixel's size x size window in NCHW."""
    return -dilate(-input, size)


class _Window(Vision):
    def __init__(self, size: int = 5, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        self.size = self.fits(size)


class Erode(_Window):
    """Erosion: y = least of the size x size window; bright things shrink.

    input [1,3,height,width] U8; output of the same shape, 0..255.
    Source: Serra, Image Analysis and Mathematical Morphology, 1982; OpenCV's ``erode``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The window's least."""
        return erode(input, self.size)


class Dilate(_Window):
    """Dilation: y = greatest of the size x size window; bright things grow.

    input [1,3,height,width] U8; output of the same shape, 0..255.
    Source: Serra, Image Analysis and Mathematical Morphology, 1982; OpenCV's ``dilate``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The window's greatest."""
        return dilate(input, self.size)


class Open(_Window):
    """Opening: dilation of the erosion; bright things smaller than the window go.

    input [1,3,height,width] U8; output of the same shape, 0..255.
    Source: OpenCV's ``MORPH_OPEN``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Eroded, then dilated."""
        return dilate(erode(input, self.size), self.size)


class Close(_Window):
    """Closing: erosion of the dilation; dark things smaller than the window go.

    input [1,3,height,width] U8; output of the same shape, 0..255.
    Source: OpenCV's ``MORPH_CLOSE``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Dilated, then eroded."""
        return erode(dilate(input, self.size), self.size)
