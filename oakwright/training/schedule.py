"""How far a run is, what learning rate that means, and the running mean of the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# What the cosine ends at, and what the first step starts from, in units of the full rate.
_LAST = 0.01
_FIRST = 0.1


@dataclass(frozen=True)
class Schedule:
    """The length of a run: in steps, in seconds, or whichever is over first."""

    rate: float
    steps: int
    warm_up: int
    limit_s: float = math.inf

    def progress(self, step: int, elapsed_s: float) -> float:
        """0 at the start, 1 at the end."""
        by_time = elapsed_s / self.limit_s if math.isfinite(self.limit_s) else 0.0
        return min(1.0, max(step / self.steps, by_time))

    def learning_rate(self, step: int, progress: float) -> float:
        """Up in a line, then down along a cosine."""
        rate = self.rate * (_LAST + (1 - _LAST) * (1 + math.cos(math.pi * progress)) / 2)
        if step < self.warm_up:
            rate *= _FIRST + (1 - _FIRST) * step / self.warm_up
        return rate


class RunningMean:
    """Weights averaged over the last steps (EMA): less noisy than those of any one step."""

    def __init__(self, network: Any, shadow: Any, decay: float) -> None:
        self.decay, self.shadow = decay, shadow
        pairs = list(zip(_floats(network), _floats(shadow), strict=True))
        self._now, self._mean = [a for a, _ in pairs], [b for _, b in pairs]

    def update(self, step: int) -> None:
        """Take in the weights after ``step`` (from 0); early steps are forgotten sooner."""
        import torch

        share = 1 - min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self._mean, self._now, share)


def _floats(network: Any) -> list[Any]:
    tensors = [*network.parameters(), *network.buffers()]
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
