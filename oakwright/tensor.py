"""Tensors as the outside sees them: a name, a precision, a shape, a layout."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from oakwright.errors import UsageError

if TYPE_CHECKING:
    import numpy as np


class Precision(str, Enum):
    """Element types of a Myriad X network, by the names the field uses."""

    U8 = "U8"
    I8 = "I8"
    FP16 = "FP16"
    FP32 = "FP32"
    I32 = "I32"

    @classmethod
    def parse(cls, text: str) -> Precision:
        """Read a precision as people write it (``fp16``, ``S32``, ``float32``)."""
        aliases = {"S32": "I32", "INT32": "I32", "FLOAT16": "FP16", "HALF": "FP16"}
        aliases |= {"FLOAT32": "FP32", "FLOAT": "FP32", "UINT8": "U8", "INT8": "I8", "F16": "FP16"}
        aliases |= {"F32": "FP32"}
        name = text.strip().upper()
        try:
            return cls(aliases.get(name, name))
        except ValueError:
            known = ", ".join(p.value for p in cls)
            raise UsageError(f"'{text}' is not a precision", remedy=f"use one of {known}") from None

    @property
    def size_bytes(self) -> int:
        """Bytes of one element."""
        return {"U8": 1, "I8": 1, "FP16": 2, "FP32": 4, "I32": 4}[self.value]

    @property
    def numpy(self) -> np.dtype:
        """The numpy dtype of the same bits."""
        import numpy as np

        names = {"U8": "u1", "I8": "i1", "FP16": "<f2", "FP32": "<f4", "I32": "<i4"}
        return np.dtype(names[self.value])


@dataclass(frozen=True)
class TensorSpec:
    """What is known of an input or output without its data.

    ``shape`` is outermost dimension first, as numpy and OpenVINO have it; ``layout`` names its
    axes (``NCHW``) or is empty where nothing is known.
    """

    name: str
    precision: Precision
    shape: tuple[int, ...]
    layout: str = ""

    def __str__(self) -> str:
        shape = "x".join(str(d) for d in self.shape) or "scalar"
        return f"{self.name} {self.precision.value} {shape}" + (
            f" {self.layout}" * bool(self.layout)
        )
