"""What dropping the rounding of a quantised model does to its outputs: measured, and bounded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oakwright import ir
from oakwright.errors import ConversionMismatch

from .sources import Reference

if TYPE_CHECKING:
    import openvino as ov

# Rounding to 8 bits costs a percent or a few; beyond this something else is wrong.
QUANTISED_LIMIT = 0.3


@dataclass(frozen=True)
class Rounding:
    """What dropping the rounding of a quantised model's activations does to its outputs.

    ``difference``: root mean square of the gap by that of the original's output, the worst one.
    """

    layers: int
    against: str
    difference: float

    def describe(self) -> str:
        """One line for people."""
        return (
            f"quantised model: weights are kept as the file has them, in FP16; the rounding of"
            f" {self.layers} activation(s) to integers is dropped, which the chip has no use for;"
            f" against {self.against} outputs differ by {100 * self.difference:.2g} % (rms on"
            f" random input; {100 * QUANTISED_LIMIT:g} % is refused)"
        )


def measure_rounding(
    reference: Reference | None,
    fed: Sequence[np.ndarray] | None,
    preprocessed: ov.Model,
    legalised: ov.Model,
    inputs: Mapping[str, np.ndarray],
) -> Rounding:
    """The quantised original, run with its rounding, against the result; layers are not counted.

    By its own framework on ``fed``, where both are given, else as OpenVINO reads it. Raises
    ConversionMismatch beyond QUANTISED_LIMIT.
    """
    against, wanted = "OpenVINO's reading of the source", None
    if reference is not None and fed is not None:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                wanted = reference.run(fed)
            against = reference.name
        except Exception as error:
            against = f"{against} ({reference.name} cannot run it: {type(error).__name__})"
    if wanted is None:
        wanted = ir.run_on_cpu(preprocessed, inputs)
    got = ir.run_on_cpu(legalised, inputs)
    gaps = [ir.rms_difference(np.asarray(a), b) for a, b in zip(wanted, got, strict=True)]
    worst = max(gaps, default=0.0)
    if not worst <= QUANTISED_LIMIT:
        name = ir.port_names(legalised).outputs[gaps.index(worst)]
        raise ConversionMismatch(
            f"output '{name}' differs from {against} by {100 * worst:.0f} % once activations are"
            f" not rounded to integers (allowed is {100 * QUANTISED_LIMIT:g} %)",
            remedy="convert the model it was quantised from, or say --verify off to convert it all"
            " the same",
            layer=name,
            difference=worst,
        )
    return Rounding(0, against, worst)
