"""Differences of two frames: as a picture and as a number."""

from __future__ import annotations

import torch
from torch import Tensor

from .vision import Vision


def channel_difference(a: Tensor, b: Tensor) -> Tensor:
    """CHW frames: the channels' sum of ``a`` less that of ``b``, [H,W]."""
    return torch.sum(a, dim=0) - torch.sum(b, dim=0)


def absolute_difference(a: Tensor, b: Tensor) -> Tensor:
    """``|a - b|``, of any shape."""
    return torch.abs(a - b)


def mean_difference(a: Tensor, b: Tensor) -> Tensor:
    """NCHW frames of bytes: mean of ``|a - b|``, [N,1].

    A row of 300 bytes already sums to 76500, beyond FP16: the mean is of sixteenths, axis by axis.
    """
    rows = torch.mean(torch.abs(a - b) / 16, dim=3)
    return torch.mean(torch.mean(rows, dim=2), dim=1, keepdim=True) * 16


class ChannelDifference(Vision):
    """What changed between two frames: y = sum over channels of a, less that of b.

    img1, img2 [3,height,width] U8; output [height,width], -765..765.
    Source: the vendor's ``diff`` blob.
    """

    def __init__(self, height: int = 720, width: int = 720) -> None:
        super().__init__(img1=(3, height, width), img2=(3, height, width))

    def forward(self, img1: Tensor, img2: Tensor) -> Tensor:
        """Of the channel sums, the first less the second."""
        return channel_difference(img1, img2)


class AbsoluteDifference(Vision):
    """What changed between two frames: y = |a - b|.

    img1, img2 [1,3,height,width] U8; output of the same shape, 0..255.
    Source: OpenCV's ``absdiff``.
    """

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(img1=(1, 3, height, width), img2=(1, 3, height, width))

    def forward(self, img1: Tensor, img2: Tensor) -> Tensor:
        """y = |a - b|."""
        return absolute_difference(img1, img2)


class MeanDifference(Vision):
    """How much changed between two frames: y = mean |a - b|, a number.

    img1, img2 [1,3,height,width] U8; output [1,1], 0..255.
    Source: the mean absolute error. Summed in parts: see ``mean_difference``.
    """

    def __init__(self, height: int = 300, width: int = 300) -> None:
        super().__init__(img1=(1, 3, height, width), img2=(1, 3, height, width))

    def forward(self, img1: Tensor, img2: Tensor) -> Tensor:
        """y = mean |a - b|."""
        return mean_difference(img1, img2)
