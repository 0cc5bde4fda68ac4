"""Normalisation of a frame."""

from __future__ import annotations

from torch import Tensor

from oakwright.errors import UsageError

from .vision import Vision


def normalise(input: Tensor, mean: float, scale: float) -> Tensor:
    """``(input - mean) / scale``, of any shape."""
    return (input - mean) / scale


class Normalise(Vision):
    """A frame brought to another range: y = (x - mean) / scale.

    input [1,3,height,width] U8; output of the same shape, -1..1 as it stands (mean 127.5, scale
    127.5). Inside a network's own blob (``oakwright convert --range -1..1``) it costs less.
    Source: Model Optimizer's definition of mean and scale.
    """

    def __init__(
        self, mean: float = 127.5, scale: float = 127.5, height: int = 300, width: int = 300
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        if scale == 0:
            raise UsageError("scale is 0: a picture is not divided by it", key="scale")
        self.mean, self.scale = mean, scale

    def forward(self, input: Tensor) -> Tensor:
        """y = (x - mean) / scale."""
        return normalise(input, self.mean, self.scale)
