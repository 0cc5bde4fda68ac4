"""The Laplacian: second derivatives."""

from __future__ import annotations

import torch
from torch import Tensor

from oakwright.errors import UsageError

from .vision import Vision, odd, windowed


def laplacian_kernel(size: int, channels: int = 3) -> Tensor:
    """[channels,1,size,size]: ones around 1 - size^2, over the sum of absolute values."""
    kernel = torch.ones(1, 1, odd(size), size)
    kernel[..., size // 2, size // 2] = 1 - size * size
    return (kernel / kernel.abs().sum()).repeat(channels, 1, 1, 1)


class Laplacian(Vision):
    """Edges by the Laplacian: y = (sum of the 8 neighbours - 8 x) / 16, for size 3.

    input [1,3,height,width] U8; output of the same shape, within -127.5..127.5: the weights'
    absolute values sum to 1. Borders are reflected.
    Source: Kornia's ``laplacian`` with ``normalized=True``; the vendor's ``edge`` blob.
    """

    kernel: Tensor

    def __init__(self, size: int = 3, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        if size < 3:
            raise UsageError(f"size is {size}: one pixel has no neighbours", key="size")
        self.register_buffer("kernel", laplacian_kernel(self.fits(size)))

    def forward(self, input: Tensor) -> Tensor:
        """Neighbours less the middle."""
        return windowed(input, self.kernel)
