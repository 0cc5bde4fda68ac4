"""Peaks of heat maps: key points, centres."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from oakwright.errors import UsageError

from .vision import Vision, odd


class Peaks(Vision):
    """The k highest local maxima of each heat map, and where.

    A pixel is a peak where it is the greatest of its size x size window; position = y width + x.
    Where there are fewer than k peaks the rest score 0, as does a peak below 0.

    input [1,maps,height,width] FP16, 0..1; outputs [1,maps,k] scores FP16 and [1,maps,k]
    positions, I32.
    Source: Zhou et al., Objects as Points, 2019: peaks by max-pooling.
    """

    precision: ClassVar[str] = "FP16"
    largest: ClassVar[float] = 1.0

    def __init__(
        self, maps: int = 17, k: int = 5, size: int = 3, height: int = 64, width: int = 48
    ) -> None:
        super().__init__(input=(1, maps, height, width))
        if not 1 <= k <= height * width:
            raise UsageError(f"k is {k} of {height * width} pixels", key="k")
        self.k, self.size = k, odd(size)

    def samples(self) -> dict[str, np.ndarray]:
        """Maps of a few round peaks, each of another height."""
        maps, height, width = self.example_input["input"].shape[1:]
        rng = np.random.default_rng(0)
        y, x = np.mgrid[0:height, 0:width]
        array = np.zeros((1, maps, height, width), np.float32)
        for plane in array[0]:
            for score in np.linspace(0.95, 0.3, 6):
                at_y, at_x = rng.integers(0, height), rng.integers(0, width)
                bump = score * np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / 4)
                np.maximum(plane, bump, out=plane)
        return {"input": array.astype(np.float16).astype(np.float32)}

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and positions."""
        highest = functional.max_pool2d(input, self.size, stride=1, padding=self.size // 2)
        # Far below any score, so that a peak is not outdone by what is none.
        peaks = torch.where(highest > input, torch.full_like(input, -1024.0), input)
        scores, places = torch.topk(peaks.flatten(2), self.k, dim=2)
        return scores.clamp(min=0), places
