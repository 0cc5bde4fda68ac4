"""The distance between two embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from .vision import Vision


def euclidean_distance(a: Tensor, b: Tensor) -> Tensor:
    """``|a - b|`` of [N,K] rows: [N,1]. Differences are squared over the greatest of them."""
    apart = a - b
    peak = torch.amax(torch.abs(apart), dim=1, keepdim=True)
    part = apart / torch.clamp(peak, min=2.0**-14)
    return torch.sqrt(torch.sum(part * part, dim=1, keepdim=True)) * peak


class EuclideanDistance(Vision):
    """Euclidean distance: y = sqrt(sum (a - b)^2).

    Computed as m |(a - b) / m| with m the greatest difference: squares of bytes overflow.

    a, b [1,length] U8 as it stands; embeddings of a network are FP16 (``--ip FP16``).
    Output [1,1], 0..255 sqrt(length): up to 66049 elements fit FP16.
    Source: the definition; the scaling is that of LAPACK's ``nrm2``.
    """

    def __init__(self, length: int = 256) -> None:
        super().__init__(a=(1, length), b=(1, length))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The length of the difference."""
        return euclidean_distance(a, b)
