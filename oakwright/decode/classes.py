"""Classifiers: scores to a class with its probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oakwright.errors import ModelError, UsageError

# Sums of probabilities that went through FP16 are this near to 1.
_ROUNDING = 0.02
KINDS = ("auto", "logits", "probabilities")


def log_softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """Logarithms of the probabilities that raw scores stand for, float64; never overflows."""
    values = np.asarray(scores, np.float64)
    values = values - values.max(axis=axis, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(axis=axis, keepdims=True)))


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """Probabilities, float64, that raw scores stand for."""
    return np.asarray(np.exp(log_softmax(scores, axis)))


@dataclass(frozen=True)
class Classified:
    """The class a network thinks most likely. ``probabilities`` [C] float64."""

    label: int
    name: str
    probability: float
    probabilities: np.ndarray

    def __str__(self) -> str:
        return f"{self.name} {self.probability:.0%}"

    def best(self, count: int) -> list[tuple[int, float]]:
        """The ``count`` likeliest classes with their probabilities."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(i), float(self.probabilities[i])) for i in order]


@dataclass(frozen=True)
class Classifier:
    """Decodes a classifier's tensors: ``Classifier(("no mask", "mask"))(tensors)``.

    ``names`` may be empty, or one for each class. ``output``: which tensor, if there are several.
    ``kind``: "logits" (a softmax is applied), "probabilities" (taken as they are) or "auto": what
    lies in 0..1 and sums to 1 is probabilities.
    """

    names: Sequence[str] = ()
    output: str = ""
    kind: str = "auto"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"kind '{self.kind}' is not one of {', '.join(KINDS)}", key="kind")

    def __call__(self, tensors: Mapping[str, np.ndarray]) -> Classified:
        """The class; raises ModelError where names and scores do not fit."""
        scores = np.asarray(one_of(tensors, self.output), np.float64).reshape(-1)
        if not scores.size or (self.names and len(self.names) != scores.size):
            raise ModelError(
                f"the network gives {scores.size} scores, there are {len(self.names)} names",
                remedy="name one class for each score, in the network's order",
            )
        chances = self._probabilities(scores)
        label = int(chances.argmax())
        name = self.names[label] if self.names else str(label)
        return Classified(label, name, float(chances[label]), chances)

    def _probabilities(self, scores: np.ndarray) -> np.ndarray:
        is_done = self.kind == "probabilities"
        if self.kind == "auto":
            inside = scores.min() >= -1e-3 and scores.max() <= 1 + 1e-3
            is_done = bool(inside and abs(scores.sum() - 1) < _ROUNDING)
        return scores if is_done else softmax(scores)


def one_of(tensors: Mapping[str, np.ndarray], name: str = "") -> np.ndarray:
    """The tensor of that name, or the first. Raises ModelError, which lists what there is."""
    if not tensors or (name and name not in tensors):
        there = ", ".join(tensors) or "none"
        raise ModelError(
            f"the network has no output '{name}': it has {there}",
            remedy="name one of these",
        )
    return tensors[name] if name else next(iter(tensors.values()))
