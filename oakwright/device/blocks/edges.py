"""Edges: the strength of a picture's gradient by two 3x3 kernels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

# Sobel's: the gradient across, and down.
ACROSS = ((1, 0, -1), (2, 0, -2), (1, 0, -1))
DOWN = ((1, 2, 1), (0, 0, 0), (-1, -2, -1))

Kernel = Sequence[Sequence[float]]


def edges(grey: np.ndarray, across: Kernel = ACROSS, down: Kernel = DOWN) -> np.ndarray:
    """The length of the gradient of HxW uint8 values, rounded and held to 0..255.

    Beyond its border the picture is its edge pixels again.
    """
    x, y = (
        cv2.filter2D(
            grey, cv2.CV_32F, np.array(kernel, np.float32), borderType=cv2.BORDER_REPLICATE
        )
        for kernel in (across, down)
    )
    return np.asarray(cv2.convertScaleAbs(cv2.magnitude(x, y)))
