"""Gradients by the Sobel windows."""

from __future__ import annotations

import torch
from torch import Tensor

from .vision import Vision, windowed


def sobel_kernels(channels: int) -> tuple[Tensor, Tensor]:
    """Windows of d/dx and d/dy, [channels,1,3,3] each: 1 2 1 across, -1 0 1 along, over 8.

    A step of 255 gives 127.5, so that the sum of two squares stays below 32513.
    """
    across = torch.tensor([[-1.0, 0.0, 1.0]]) / 8
    kernel = torch.tensor([[1.0], [2.0], [1.0]]) @ across
    both = kernel[None, None].repeat(channels, 1, 1, 1)
    return both, both.transpose(2, 3).contiguous()


def magnitude(along_x: Tensor, along_y: Tensor) -> Tensor:
    """``sqrt(x^2 + y^2)`` of gradients up to 180 each."""
    return torch.sqrt(along_x * along_x + along_y * along_y)


class Sobel(Vision):
    """Size of the gradient: y = sqrt(gx^2 + gy^2), by Sobel's windows over 8.

    input [1,3,height,width] U8; output of the same shape, 0..180. Borders are reflected.
    Source: Sobel and Feldman, 1968; Kornia's ``sobel`` with ``normalized=True``.
    """

    kernel_x: Tensor
    kernel_y: Tensor

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        self.fits(3)
        along_x, along_y = sobel_kernels(3)
        self.register_buffer("kernel_x", along_x)
        self.register_buffer("kernel_y", along_y)

    def forward(self, input: Tensor) -> Tensor:
        """The gradient's length, channel by channel."""
        return magnitude(windowed(input, self.kernel_x), windowed(input, self.kernel_y))
