"""Names that NumPy had when the scripts were written: an unmodified script finds them, and is told.

Only where the installed NumPy has no such name; the first use of each is noted on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Gone since 1.24 and 2.0, and what NumPy's own release notes name in their place.
_NAMES: dict[str, Any] = {
    "int0": np.intp,
    "uint0": np.uintp,
    "int": int,
    "float": float,
    "object": object,
    "str": str,
    "bool8": np.bool_,
    "float_": np.float64,
    "complex_": np.complex128,
    "Inf": np.inf,
    "NaN": np.nan,
    "infty": np.inf,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "alltrue": np.all,
    "sometrue": np.any,
    "round_": np.round,
    "asfarray": lambda values, dtype=np.float64: np.asarray(values, dtype),
}


@contextmanager
def serve_old_numpy() -> Iterator[None]:
    """Serve the old names until the end of the block."""
    module: Any = np
    original = module.__getattr__
    noted: set[str] = set()

    def find(name: str) -> Any:
        if name not in _NAMES:
            return original(name)
        if name not in noted:
            noted.add(name)
            print(
                f"note: numpy.{name} is gone from NumPy {np.__version__}; "
                f"this run has it for the script's sake",
                file=sys.stderr,
            )
        return _NAMES[name]

    module.__getattr__ = find
    try:
        yield
    finally:
        module.__getattr__ = original
