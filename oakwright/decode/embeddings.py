"""Embeddings: who is it? Vectors compared by their angle."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from oakwright.errors import ModelError, UsageError


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., D] of length 1, float64; zeros stay zeros. No sum overflows."""
    values = np.asarray(vectors, np.float64)
    values = values / np.maximum(np.abs(values).max(axis=-1, keepdims=True), 1e-300)
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(np.divide(values, length, out=np.zeros_like(values), where=length > 0))


def similarities(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosines of the angles of every pair: [A,D] and [B,D] to [A,B], -1 to 1."""
    return np.asarray(np.clip(unit(first) @ unit(second).T, -1, 1))


@dataclass
class Gallery:
    """Known things, each with one or more vectors.

    ``threshold``: the least cosine that counts as the same; it is the network's, so measure it.
    """

    threshold: float = 0.5
    names: list[str] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)

    def add(self, name: str, vector: np.ndarray) -> None:
        """Another vector of someone. Raises UsageError for one of another length."""
        known = unit(np.asarray(vector).reshape(-1))
        if self.vectors and len(known) != len(self.vectors[0]):
            raise UsageError(
                f"a vector of {len(known)} numbers among those of {len(self.vectors[0])}"
            )
        self.names.append(name)
        self.vectors.append(known)

    def find(self, vector: np.ndarray) -> tuple[str | None, float]:
        """The nearest name and its cosine; None where nobody is near enough."""
        asked = unit(np.asarray(vector).reshape(-1))
        if not self.vectors:
            return None, -1.0
        if len(asked) != len(self.vectors[0]):
            raise ModelError(
                f"the network gives {len(asked)} numbers, those known have {len(self.vectors[0])}"
            )
        cosines = np.stack(self.vectors) @ asked
        best = int(cosines.argmax())
        cosine = float(np.clip(cosines[best], -1, 1))
        return (self.names[best] if cosine >= self.threshold else None), cosine
