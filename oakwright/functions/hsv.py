"""Hue, saturation and value."""

from __future__ import annotations

import torch
from torch import Tensor

from .vision import Vision


def hsv(input: Tensor) -> Tensor:
    """NCHW BGR bytes to hue 0..180 (half degrees), saturation and value 0..255."""
    blue, green, red = input[:, 0:1], input[:, 1:2], input[:, 2:3]
    value = torch.maximum(torch.maximum(blue, green), red)
    spread = value - torch.minimum(torch.minimum(blue, green), red)
    # Bytes: what is not 0 is at least 1, so that 1 in place of 0 changes no other quotient.
    step = 30 / torch.clamp(spread, min=1)
    of_red = (green - blue) * step
    of_red = torch.where(of_red < 0, of_red + 180, of_red)
    hue = torch.where(green >= value, 60 + (blue - red) * step, 120 + (red - green) * step)
    hue = torch.where(red >= value, of_red, hue)
    saturation = spread / torch.clamp(value, min=1) * 255
    return torch.cat((hue, saturation, value), 1)


class Hsv(Vision):
    """HSV: V = max, S = 255 (max - min) / max, H = half the degrees on the colour circle.

    input [1,3,height,width] U8, BGR; output of the same shape: H 0..180, S and V 0..255.
    Source: Smith, Color Gamut Transform Pairs, 1978; OpenCV's ``COLOR_BGR2HSV``.
    """

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))

    def forward(self, input: Tensor) -> Tensor:
        """Hue, saturation, value."""
        return hsv(input)
