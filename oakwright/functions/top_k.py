"""The best classes of a classifier."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from oakwright.errors import UsageError

from .vision import Vision


class TopK(Vision):
    """The k best of a row of scores: softmax, then the greatest first.

    The softmax subtracts the greatest score before it takes powers, so no score is too large.

    input [1,classes] FP16, any logits; outputs [1,k] probabilities FP16 and [1,k] classes, I32.
    ``softmax=no`` for scores that are probabilities already. It saves the host from reading
    a thousand numbers a frame.
    Source: torch's ``softmax`` and ``topk``.
    """

    precision: ClassVar[str] = "FP16"
    largest: ClassVar[float] = 12.0

    def __init__(self, classes: int = 1000, k: int = 5, softmax: bool = True) -> None:
        super().__init__(input=(1, classes))
        if not 1 <= k <= classes:
            raise UsageError(f"k is {k} of {classes} classes", key="k")
        self.k, self.softmax = k, softmax

    def samples(self) -> dict[str, np.ndarray]:
        """Logits that no two classes share."""
        count = self.example_input["input"].shape[1]
        order = np.random.default_rng(0).permutation(count)
        return {"input": (order[None] / max(count - 1, 1) * self.largest).astype(np.float32)}

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and classes."""
        scores = torch.softmax(input, dim=1) if self.softmax else input
        values, classes = torch.topk(scores, self.k, dim=1)
        return values, classes
