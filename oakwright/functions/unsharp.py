"""Sharpening by the difference to a blur."""

from __future__ import annotations

from torch import Tensor

from .gaussian_blur import gaussian_kernel
from .vision import Vision, windowed


def unsharp(input: Tensor, kernel: Tensor, amount: float) -> Tensor:
    """``input + amount * (input - blurred)``, kept within 0..255; ``kernel`` [C,1,k,k]."""
    return (input + amount * (input - windowed(input, kernel))).clamp(0, 255)


class Unsharp(Vision):
    """Unsharp mask: y = x + amount (x - G x), within 0..255; G a Gaussian blur.

    input [1,3,height,width] U8; output of the same shape, 0..255.
    Source: the darkroom's; Gonzalez and Woods, Digital Image Processing, "unsharp masking".
    """

    kernel: Tensor

    def __init__(
        self,
        amount: float = 1.0,
        size: int = 5,
        sigma: float = 1.5,
        height: int = 300,
        width: int = 300,
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        self.amount = amount
        self.register_buffer("kernel", gaussian_kernel(self.fits(size), sigma))

    def forward(self, input: Tensor) -> Tensor:
        """The picture and its detail once more."""
        return unsharp(input, self.kernel, self.amount)
