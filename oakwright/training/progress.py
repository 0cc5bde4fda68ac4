"""What a training tells while it runs, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Progress:
    """Told after each step, and with ``ap`` after each validation. ``eta_s``: seconds to go."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    learning_rate: float
    pictures_per_s: float
    eta_s: float
    ap: float | None = None


@dataclass(frozen=True)
class Trained:
    """What came out: the checkpoints, the best AP on the validation set, a row per epoch."""

    latest: Path
    best: Path
    ap: float
    history: tuple[Mapping[str, float], ...]
