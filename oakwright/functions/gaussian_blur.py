"""Blur by a Gaussian window."""

from __future__ import annotations

import torch
from torch import Tensor

from oakwright.errors import UsageError

from .vision import Vision, odd, windowed


def gaussian_kernel(size: int, sigma: float, channels: int = 3) -> Tensor:
    """[channels,1,size,size]: the outer product of two normalised windows, sum 1."""
    if sigma <= 0:
        raise UsageError(f"sigma is {sigma}", remedy="give a width above 0, in pixels", key="sigma")
    axis = torch.arange(odd(size), dtype=torch.float32) - size // 2
    window = torch.exp(-(axis**2) / (2 * sigma**2))
    window = window / window.sum()
    return (window[:, None] @ window[None, :]).repeat(channels, 1, 1, 1)


class GaussianBlur(Vision):
    """Gaussian blur: weights exp(-(i^2 + j^2) / (2 sigma^2)), normalised to sum 1.

    input [1,3,height,width] U8; output of the same shape, 0..255. ``size`` and ``sigma`` in
    pixels; borders are reflected. Source: OpenCV's ``GaussianBlur``; the vendor's ``blur`` blob.
    """

    kernel: Tensor

    def __init__(
        self, size: int = 9, sigma: float = 2.5, height: int = 300, width: int = 300
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        self.register_buffer("kernel", gaussian_kernel(self.fits(size), sigma))

    def forward(self, input: Tensor) -> Tensor:
        """The window's weighted mean."""
        return windowed(input, self.kernel)
