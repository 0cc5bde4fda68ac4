"""The angle between two embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from .euclidean_distance import euclidean_distance
from .vision import Vision


def unit_peak(input: Tensor) -> Tensor:
    """``input`` [N,K] over its greatest absolute value, row by row; zeros stay zeros.

    Squares of it sum to K at most: no overflow, and nothing that counts is lost below.
    """
    peak = torch.amax(torch.abs(input), dim=1, keepdim=True)
    return input / torch.clamp(peak, min=2.0**-14)


def unit(input: Tensor) -> Tensor:
    """[N,K] rows of length 1, K up to 65504; zeros stay zeros."""
    input = unit_peak(input)
    size = torch.sqrt(torch.sum(input * input, dim=1, keepdim=True))
    return input / torch.clamp(size, min=2.0**-14)


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """``1 - a.b / (|a| |b|)`` of [N,K] rows: [N,1]; 0.5 where one of them is all 0.

    As ``|u - v|^2 / 2`` of the rows of length 1: 1 less a number close to 1 would leave FP16
    nothing of a small distance but its rounding.
    """
    apart = euclidean_distance(unit(a), unit(b))
    return apart * apart / 2


class CosineDistance(Vision):
    """Cosine distance: y = 1 - a.b / (|a| |b|).

    Of bytes 0..255 the plain form overflows from two elements on. The distance does not change
    with the vectors' lengths, so each is first divided by its greatest element, then by its
    length; 1 - cos is half the square of the distance between the results.

    a, b [1,length] U8 as it stands; embeddings of a network are FP16 (``--ip FP16``).
    Output [1,1], 0..2.
    Source: the definition; torch's ``cosine_similarity``.
    """

    def __init__(self, length: int = 256) -> None:
        super().__init__(a=(1, length), b=(1, length))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """One less the cosine of the angle."""
        return cosine_distance(a, b)
