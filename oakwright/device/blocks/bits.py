"""Counting bits, which NumPy does by itself only since 2.0."""

from __future__ import annotations

import cv2
import numpy as np

_COUNTS = np.array([number.bit_count() for number in range(256)], np.uint8)


def count_bits(values: np.ndarray) -> np.ndarray:
    """How many bits of each byte are 1; [rows, columns] of uint8, as what comes back."""
    return np.asarray(cv2.LUT(np.ascontiguousarray(values, np.uint8), _COUNTS))
