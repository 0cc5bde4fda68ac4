"""What changes while training, and what of it a checkpoint keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Of a run, in a checkpoint that can be resumed from.
KEPT = ("epoch", "step", "elapsed_s", "best", "best_epoch", "history")


@dataclass
class RunState:
    """Where a run is."""

    epoch: int = 0
    step: int = 0
    elapsed_s: float = 0.0
    best: float = -1.0
    best_epoch: int = -1
    is_over: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def room_for(network: Any) -> int:
    """Bytes that the checkpoints take: weights thrice, two moments, and latest.pth's other copy."""
    return 12 * 4 * int(sum(parameter.numel() for parameter in network.parameters()))


def groups(network: Any, decay: float) -> list[dict[str, Any]]:
    """Weights shrink towards zero, norms and biases do not."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
