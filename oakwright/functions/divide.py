"""Division by a number."""

from __future__ import annotations

from torch import Tensor

from oakwright.errors import UsageError

from .vision import Vision


def divide(input: Tensor, by: float) -> Tensor:
    """``input / by``, of any shape."""
    return input / by


class Divide(Vision):
    """A frame over ``by``: y = x / by.

    input [1,3,height,width] U8; output of the same shape, 0..255 / by, dimmed by 2 as it stands.
    Source: the first network that people write for the camera.
    """

    def __init__(self, by: float = 2.0, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        if by == 0:
            raise UsageError("by is 0: a picture is not divided by it", key="by")
        self.by = by

    def forward(self, input: Tensor) -> Tensor:
        """y = x / by."""
        return divide(input, self.by)
