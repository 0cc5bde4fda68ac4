"""Smaller and smaller copies of a frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from oakwright.errors import UsageError

from .vision import Vision


def halved(input: Tensor, kernel: Tensor) -> Tensor:
    """NCHW smoothed by ``kernel`` [C,1,5,5] and every second pixel of it."""
    wide = functional.pad(input, [2, 2, 2, 2], mode="reflect")
    return functional.conv2d(wide, kernel, stride=2, groups=input.shape[1])


class Pyramid(Vision):
    """Gaussian pyramid: each level is the one before, smoothed by 1 4 6 4 1 / 16, halved.

    input [1,3,height,width] U8; ``levels`` outputs [1,3,height/2,width/2], [.../4] ..., rounded
    up, 0..255.
    Source: Burt and Adelson, The Laplacian Pyramid, 1983; OpenCV's ``pyrDown``.
    """

    kernel: Tensor

    def __init__(self, levels: int = 3, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        if levels < 1 or min(height, width) >> (levels - 1) < 3:
            raise UsageError(
                f"{levels} levels of {height}x{width}",
                remedy="1 or more, the last but one not below 3 pixels",
                key="levels",
            )
        self.levels = levels
        window = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        kernel = (window[:, None] @ window[None, :])[None, None]
        self.register_buffer("kernel", kernel.repeat(3, 1, 1, 1))

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The levels, large to small."""
        levels = [halved(input, self.kernel)]
        for _ in range(self.levels - 1):
            levels.append(halved(levels[-1], self.kernel))
        return tuple(levels) if self.levels > 1 else levels[0]
