"""Thin edges: gradient, its ridges, and weak ones kept where they touch strong ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from oakwright.errors import UsageError

from .gaussian_blur import gaussian_kernel
from .grey import grey
from .sobel import magnitude, sobel_kernels
from .vision import Vision, windowed

# Neighbours (dy, dx) on both sides of a pixel for gradients along x, y, and the two diagonals.
_SIDES = ((0, 1), (1, 0), (1, 1), (1, -1))


def _pairs(size: Tensor) -> list[Tensor]:
    """For each direction the greater of a pixel's two neighbours, 0 beyond the border.

    By slices: as a convolution from one channel to eight the engine makes hundreds of stages.
    """
    height, width = size.shape[-2:]
    wide = functional.pad(size, [1, 1, 1, 1])

    def moved(dy: int, dx: int) -> Tensor:
        return wide[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    return [torch.maximum(moved(dy, dx), moved(-dy, -dx)) for dy, dx in _SIDES]


def _grown(edges: Tensor) -> Tensor:
    """Greatest of each 3x3 window, by rows and then columns.

    The hardware's pooling of one such wide channel is cut into 140 stages; this takes ten.
    """
    up = functional.pad(edges, [0, 0, 1, 1])
    tall = torch.maximum(torch.maximum(up[:, :, :-2], up[:, :, 2:]), edges)
    wide = functional.pad(tall, [1, 1, 0, 0])
    return torch.maximum(torch.maximum(wide[..., :-2], wide[..., 2:]), tall)


class Canny(Vision):
    """Edges as Canny's: 255 on thin edges, 0 elsewhere.

    Grey, Gaussian blur, Sobel over 8; a pixel stays where its gradient is the greatest of three
    along its direction (of four) and above ``low``; it is an edge where one above ``high`` is
    reached over such pixels in ``reach`` steps (Canny goes on for ever, which no fixed graph can).

    input [1,3,height,width] U8, BGR; output [1,1,height,width], 0 or 255.
    Source: Canny, A Computational Approach to Edge Detection, 1986.
    """

    blur: Tensor
    kernel_x: Tensor
    kernel_y: Tensor

    def __init__(
        self,
        low: float = 6.0,
        high: float = 14.0,
        reach: int = 4,
        height: int = 300,
        width: int = 300,
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        if not 0 <= low <= high:
            raise UsageError(f"low is {low}, high {high}", remedy="0 <= low <= high", key="low")
        if reach < 0:
            raise UsageError(f"reach is {reach}", remedy="0 or more steps", key="reach")
        self.fits(5)
        self.low, self.high, self.reach = low, high, reach
        along_x, along_y = sobel_kernels(1)
        self.register_buffer("blur", gaussian_kernel(5, 1.4, 1))
        self.register_buffer("kernel_x", along_x)
        self.register_buffer("kernel_y", along_y)

    def forward(self, input: Tensor) -> Tensor:
        """Ridges of the gradient, by two thresholds."""
        smooth = windowed(grey(input), self.blur)
        along_x, along_y = windowed(smooth, self.kernel_x), windowed(smooth, self.kernel_y)
        size = magnitude(along_x, along_y)
        ridge = self._is_ridge(size, along_x, along_y)
        weak = ridge * (size > self.low).to(size.dtype)
        edges = ridge * (size > self.high).to(size.dtype)
        for _ in range(self.reach):
            edges = _grown(edges) * weak
        return edges * 255

    def _is_ridge(self, size: Tensor, along_x: Tensor, along_y: Tensor) -> Tensor:
        """1 where no neighbour along the gradient's direction is greater, else 0."""
        pairs = _pairs(size)
        flat = math.tan(math.pi / 8)
        wide, tall = along_x.abs(), along_y.abs()
        diagonal = torch.where(along_x * along_y > 0, pairs[2], pairs[3])
        rival = torch.where(tall < flat * wide, pairs[0], diagonal)
        rival = torch.where(wide < flat * tall, pairs[1], rival)
        return 1 - (rival > size).to(size.dtype)
