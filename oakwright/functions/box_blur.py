"""Blur by the mean of a window."""

from __future__ import annotations

import torch
from torch import Tensor

from .vision import Vision, windowed


def box_kernel(size: int, channels: int = 3) -> Tensor:
    """[channels,1,size,size], all equal, sum 1."""
    return torch.full((channels, 1, size, size), 1.0 / (size * size))


class BoxBlur(Vision):
    """Mean of a window: y = sum of the size x size pixels around x, over size^2.

    input [1,3,height,width] U8; output of the same shape, 0..255. Borders are reflected.
    Source: OpenCV's ``blur``.
    """

    kernel: Tensor

    def __init__(self, size: int = 5, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        self.register_buffer("kernel", box_kernel(self.fits(size)))

    def forward(self, input: Tensor) -> Tensor:
        """The window's mean."""
        return windowed(input, self.kernel)
