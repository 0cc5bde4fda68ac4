"""A part of the frame, brought to another size."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from oakwright.errors import UsageError

from .vision import Vision


class CropResize(Vision):
    """A fixed rectangle of the frame, resized by bilinear interpolation.

    left, top, right, bottom are fractions 0..1 of the frame, rounded to pixels; pixel centres are
    half-way (output pixel i reads (i + 0.5) * in / out - 0.5). For rectangles that a detector
    finds, ImageManip is the way: a graph is fixed.

    input [1,3,height,width] U8; output [1,3,out_height,out_width], 0..255.
    Source: OpenCV's ``resize`` with ``INTER_LINEAR``.
    """

    def __init__(
        self,
        left: float = 0.25,
        top: float = 0.25,
        right: float = 0.75,
        bottom: float = 0.75,
        out_height: int = 100,
        out_width: int = 100,
        height: int = 300,
        width: int = 300,
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise UsageError(
                f"{left}, {top}, {right}, {bottom} is no rectangle",
                remedy="0 <= left < right <= 1, and top and bottom alike",
                key="left",
            )
        if min(out_height, out_width) < 1:
            raise UsageError(
                f"the result would be {out_height}x{out_width}",
                remedy="give sizes of 1 or more",
                key="out_height",
            )
        self.rows = slice(round(top * height), round(bottom * height))
        self.columns = slice(round(left * width), round(right * width))
        self.out = (out_height, out_width)

    def forward(self, input: Tensor) -> Tensor:
        """Cut, then resized."""
        cut = input[:, :, self.rows, self.columns]
        return functional.interpolate(cut, self.out, mode="bilinear", align_corners=False)
