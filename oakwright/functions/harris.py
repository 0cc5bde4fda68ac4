"""Corners by the structure tensor."""

from __future__ import annotations

from torch import Tensor

from .box_blur import box_kernel
from .grey import grey
from .sobel import sobel_kernels
from .vision import Vision, windowed


class Harris(Vision):
    """Corner response: R = det M - k trace(M)^2, M the window's mean of the gradients' products.

    The gradients are of grey over 16, by Sobel's windows over 8, so |g| <= 8: products stay below
    65 and R within -660..4097, while R of weak corners is not yet lost in FP16's small numbers.

    input [1,3,height,width] U8, BGR; output [1,1,height,width]; multiply by 1024^2 for the units
    of OpenCV's ``cornerHarris(grey, size, 3, k)``.
    Source: Harris and Stephens, A Combined Corner and Edge Detector, 1988.
    """

    kernel_x: Tensor
    kernel_y: Tensor
    window: Tensor

    def __init__(self, k: float = 0.04, size: int = 3, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        self.k = k
        along_x, along_y = sobel_kernels(1)
        self.register_buffer("kernel_x", along_x)
        self.register_buffer("kernel_y", along_y)
        self.register_buffer("window", box_kernel(self.fits(size), 1))

    def forward(self, input: Tensor) -> Tensor:
        """Great at corners, below 0 on edges, 0 on flat parts."""
        small = grey(input) / 16
        along_x, along_y = windowed(small, self.kernel_x), windowed(small, self.kernel_y)
        xx = windowed(along_x * along_x, self.window)
        yy = windowed(along_y * along_y, self.window)
        xy = windowed(along_x * along_y, self.window)
        trace = xx + yy
        return xx * yy - xy * xy - self.k * trace * trace
