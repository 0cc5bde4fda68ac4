"""CIE L*a*b* of an sRGB frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .vision import Vision

# Rows X, Y, Z of linear B, G, R: sRGB's primaries, each row over the D65 white's X, Y, Z.
_XYZ = (
    (0.180423 / 0.950456, 0.357580 / 0.950456, 0.412453 / 0.950456),
    (0.072169, 0.715160, 0.212671),
    (0.950227 / 1.088754, 0.119193 / 1.088754, 0.019334 / 1.088754),
)


def lab(input: Tensor) -> Tensor:
    """NCHW BGR bytes to L 0..100, a and b about -127..127."""
    colour = input / 255
    linear = torch.where(colour > 0.04045, ((colour + 0.055) / 1.055) ** 2.4, colour / 12.92)
    xyz = functional.conv2d(linear, torch.tensor(_XYZ).view(3, 3, 1, 1).to(input.dtype))
    bent = torch.where(xyz > 0.008856, xyz ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = bent[:, 0:1], bent[:, 1:2], bent[:, 2:3]
    return torch.cat((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


class Lab(Vision):
    """CIE L*a*b*: L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)).

    f is the cube root, straight near 0; X, Y, Z are over the D65 white's. In FP16 the roots are
    right to 1/2048, so a is right to half a unit.

    input [1,3,height,width] U8, BGR; output of the same shape: L 0..100, a and b -127..127.
    Source: CIE 15; IEC 61966-2-1 for sRGB; OpenCV's ``COLOR_BGR2Lab`` of floats.
    """

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))

    def forward(self, input: Tensor) -> Tensor:
        """L, a, b."""
        return lab(input)
