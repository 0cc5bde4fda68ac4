"""Frames side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from .vision import Vision


def concat(*frames: Tensor) -> Tensor:
    """NCHW frames of equal height, left to right in one."""
    return torch.cat(frames, 3)


class Concat(Vision):
    """Three frames side by side: y = [img1 | img2 | img3].

    img1, img2, img3 [1,3,height,width] U8; output [1,3,height,3 width], 0..255.
    Source: ``torch.cat`` along the width; the vendor's ``concat`` blob.
    """

    def __init__(self, height: int = 300, width: int = 300) -> None:
        shape = (1, 3, height, width)
        super().__init__(img1=shape, img2=shape, img3=shape)

    def forward(self, img1: Tensor, img2: Tensor, img3: Tensor) -> Tensor:
        """Left to right."""
        return concat(img1, img2, img3)
