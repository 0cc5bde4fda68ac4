"""Arrays from the user's .npy files: numbers only, never a pickle, no more than is in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oakwright.errors import UsageError


def read_array(path: str, key: str, axes: int, told: str) -> np.ndarray:
    """F32 of a .npy with that many axes; UsageError, with ``told`` as what to do, otherwise."""
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path}", remedy="give a .npy", key=key)
    try:
        # Mapped: a header that claims more than there is costs no memory.
        found = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path} is no .npy of numbers", remedy=told, key=key) from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu" or found.ndim != axes:
        what = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else "several"
        raise UsageError(f"{path} holds {what}", remedy=told, key=key)
    values = np.array(found, np.float32)
    if values.size == 0 or not np.isfinite(values).all():
        raise UsageError(f"{path} holds nothing, or what is no number", remedy=told, key=key)
    return values
