"""Grey of a colour frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .vision import Vision

# Of blue, green and red: ITU-R BT.601's luma.
WEIGHTS = (0.114, 0.587, 0.299)


def grey(input: Tensor) -> Tensor:
    """NCHW BGR to [N,1,H,W]: 0.114 B + 0.587 G + 0.299 R, as a 1x1 convolution."""
    return functional.conv2d(input, torch.tensor(WEIGHTS).view(1, 3, 1, 1).to(input.dtype))


class Grey(Vision):
    """Grey: y = 0.114 B + 0.587 G + 0.299 R.

    input [1,3,height,width] U8, BGR; output [1,1,height,width], 0..255.
    Source: ITU-R BT.601; OpenCV's ``COLOR_BGR2GRAY``.
    """

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))

    def forward(self, input: Tensor) -> Tensor:
        """Luma."""
        return grey(input)
