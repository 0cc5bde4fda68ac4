"""Luma and two colour differences."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .grey import WEIGHTS
from .vision import Vision


def ycrcb_matrix() -> tuple[Tensor, Tensor]:
    """Weights [3,3,1,1] of B, G, R and biases [3] for Y, Cr, Cb."""
    luma = torch.tensor(WEIGHTS)
    blue, red = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    rows = torch.stack([luma, (red - luma) * 0.713, (blue - luma) * 0.564])
    return rows.view(3, 3, 1, 1), torch.tensor([0.0, 128.0, 128.0])


class YCrCb(Vision):
    """Y = luma, Cr = 0.713 (R - Y) + 128, Cb = 0.564 (B - Y) + 128: one 1x1 convolution.

    input [1,3,height,width] U8, BGR; output of the same shape, 0..255 (and half a level more).
    Source: ITU-R BT.601; OpenCV's ``COLOR_BGR2YCrCb``.
    """

    weights: Tensor
    bias: Tensor

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        weights, bias = ycrcb_matrix()
        self.register_buffer("weights", weights)
        self.register_buffer("bias", bias)

    def forward(self, input: Tensor) -> Tensor:
        """Y, Cr, Cb."""
        return functional.conv2d(input, self.weights, self.bias)
