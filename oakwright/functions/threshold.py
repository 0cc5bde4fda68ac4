"""Black and white by a level."""

from __future__ import annotations

from torch import Tensor

from .grey import grey
from .vision import Vision


def threshold(input: Tensor, level: float) -> Tensor:
    """255 where ``input`` is above ``level``, else 0."""
    return (input > level).to(input.dtype) * 255


class Threshold(Vision):
    """Threshold of the grey picture: y = 255 if x > level, else 0.

    input [1,3,height,width] U8, BGR; output [1,1,height,width], 0 or 255.
    Source: OpenCV's ``threshold`` with ``THRESH_BINARY``.
    """

    def __init__(self, level: float = 127.0, height: int = 300, width: int = 300) -> None:
        super().__init__(input=(1, 3, height, width))
        self.level = level

    def forward(self, input: Tensor) -> Tensor:
        """Above the level or not."""
        return threshold(grey(input), self.level)
