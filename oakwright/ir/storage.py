"""How the engine stores numbers in a blob: FP16 without its subnormal numbers.

Of what lies between 0 and 2**-14, all from 2**-15 on becomes 2**-14 and the rest 0, in the FP16
files it reads too. Measured: constants read back from its blobs (test_small_weights.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX = 65504.0
# The least number above 0 that is kept, and the half of it, below which numbers become 0.
LEAST = 2.0**-14
VANISHES = LEAST / 2


def stored(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Numbers as the engine stores them: FP16, and none between 0 and 2**-14."""
    with np.errstate(over="ignore"):
        half = np.clip(values, -MAX, MAX).astype(np.float16).astype(np.float32)
    size = np.abs(values)
    small = np.where(size >= VANISHES, np.sign(values) * np.float32(LEAST), np.float32(0))
    return np.where(size < LEAST, small, half).astype(np.float32)
