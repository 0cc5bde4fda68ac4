"""The conformance cases: at least one network per stage type and option.

``CASES`` maps a name to a ``Case``; whoever can run a blob asks every case the same question::

    case = CASES["hw_conv_3x3"]
    blob = case.blob()                  # compiled by the engine, kept for the session
    given = case.inputs(seed=0)         # name -> array, exact in FP16
    wanted = case.reference(given)      # name -> array, OpenVINO's CPU in f32 on the source

The names of inputs and outputs are those of the blob; ``as_stored`` and ``from_stored`` go from
OpenVINO's order of axes to the blob's and back. ``difference`` is the metric,
``exceptions.toml`` names the cases that are allowed to differ by more than one rounding.
"""

from . import (  # noqa: F401 - each enters its cases into the table
    cases_convolution,
    cases_detection,
    cases_elementwise,
    cases_loops,
    cases_movement,
    cases_networks,
    cases_reduction,
)
from .case import CASES, ONE_ROUNDING, WORST, Case, as_stored, difference, from_stored, names

__all__ = [
    "CASES",
    "ONE_ROUNDING",
    "WORST",
    "Case",
    "as_stored",
    "difference",
    "from_stored",
    "names",
]
