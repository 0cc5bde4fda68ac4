"""One layer of a Caffe network, with its parameters read by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .text import Message


class LayerError(Exception):
    """A layer that makes no sense: its parameters, its inputs or its weights."""


@dataclass
class Layer:
    """``kind`` is Caffe's type name (the newer one); ``parameters`` its ``..._param`` message."""

    name: str
    kind: str
    bottoms: list[str]
    tops: list[str]
    message: Message
    blobs: list[np.ndarray] = field(default_factory=list)
    parameters: Message = field(default_factory=dict)

    def text(self, key: str, default: str = "") -> str:
        """A text or enumeration parameter."""
        return str(self.parameters.get(key, [default])[-1])

    def number(self, key: str, default: float = 0.0) -> float:
        """A real parameter."""
        return float(_number(self.parameters.get(key, [default])[-1], self.name, key))

    def integer(self, key: str, default: int = 0) -> int:
        """A whole parameter."""
        return int(self.number(key, default))

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean parameter."""
        return str(self.parameters.get(key, [default])[-1]).lower() in ("true", "1", "t")

    def numbers(self, key: str) -> list[float]:
        """A repeated real parameter."""
        return [_number(value, self.name, key) for value in self.parameters.get(key, [])]

    def integers(self, key: str) -> list[int]:
        """A repeated whole parameter."""
        return [int(value) for value in self.numbers(key)]

    def pair(self, key: str, default: int, one: str = "") -> tuple[int, int]:
        """Height and width: ``key_h`` and ``key_w``, or ``key`` once or twice.

        ``one``: what ``key`` is called where it stands for both (``kernel_size``).
        """
        if f"{key}_h" in self.parameters or f"{key}_w" in self.parameters:
            return self.integer(f"{key}_h", default), self.integer(f"{key}_w", default)
        values = self.integers(one or key) or [default]
        return values[0], values[-1]

    def weight(self, index: int, shape: Sequence[int]) -> np.ndarray:
        """An array of the layer's, in ``shape``. Raises LayerError where it does not fit."""
        if index >= len(self.blobs):
            raise LayerError(f"it has {len(self.blobs)} arrays of weights, not {index + 1}")
        array = self.blobs[index]
        if array.size != int(np.prod(shape)):
            raise LayerError(
                f"its weights have the shape {list(array.shape)}, wanted is {list(shape)}"
            )
        return array.reshape(shape)


def _number(value: Any, name: str, key: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise LayerError(f"{key} is '{value}', not a number") from None
