"""Interpolation along one axis as a matrix: the definition of every mode, in numpy.

Formulas are those of OpenVINO's specification of Interpolate-4 and -11. All its modes are
separable: resizing several axes is the product of resizing each. No rules here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Scheme:
    """How positions are found and weighted; attribute values as the specification spells them."""

    mode: str  # nearest, linear, linear_onnx, cubic, bilinear_pillow, bicubic_pillow
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    antialias: bool = False
    cube_coefficient: float = -0.75


def matrix(scheme: Scheme, size_in: int, size_out: int, scale: float) -> Matrix:
    """The (size_out, size_in) weights of one axis; ``scale`` is out over in, or what was asked."""
    if scheme.mode == "nearest":
        return _one_hot(nearest_positions(scheme, size_in, size_out, scale), size_in)
    return _WEIGHTS[scheme.mode](scheme, size_in, size_out, scale).astype(np.float32)


def nearest_positions(
    scheme: Scheme, size_in: int, size_out: int, scale: float
) -> NDArray[np.int64]:
    """Which source position each target position copies."""
    x = _coordinates(scheme, size_in, size_out, scale)
    low = np.floor(x)
    # Ties are ties in F32, the precision the specification computes positions in.
    rounding: dict[str, Callable[[], NDArray[np.floating]]] = {
        "round_prefer_floor": lambda: np.where(x - low <= 0.5, low, low + 1),
        "round_prefer_ceil": lambda: np.where(x - low < 0.5, low, low + 1),
        "floor": lambda: low,
        "ceil": lambda: np.ceil(x),
        "simple": lambda: np.ceil(x) if scale < 1 else np.trunc(x),
    }
    positions: NDArray[np.int64] = rounding[scheme.nearest]().astype(np.int64)
    return np.clip(positions, 0, size_in - 1)


def _coordinates(scheme: Scheme, size_in: int, size_out: int, scale: float) -> NDArray[np.float32]:
    x = np.arange(size_out, dtype=np.float32)
    if size_in == size_out or scale == 1:
        return x  # whatever the formula says: tf_half_pixel_for_nn would move it by a half
    factor, half = np.float32(scale), np.float32(0.5)
    if scheme.coordinates == "half_pixel":
        return (x + half) / factor - half
    if scheme.coordinates == "pytorch_half_pixel":
        return (x + half) / factor - half if size_out > 1 else np.zeros_like(x)
    if scheme.coordinates == "tf_half_pixel_for_nn":
        return (x + half) / factor
    if scheme.coordinates == "align_corners":
        last = np.float32(size_out - 1)
        return x * np.float32(size_in - 1) / last if size_out > 1 else np.zeros_like(x)
    return x / factor  # asymmetric


def _one_hot(positions: NDArray[np.int64], size_in: int) -> Matrix:
    result = np.zeros((len(positions), size_in), np.float32)
    result[np.arange(len(positions)), positions] = 1
    return result


def _linear_onnx(scheme: Scheme, size_in: int, size_out: int, scale: float) -> NDArray[np.floating]:
    x = np.clip(_coordinates(scheme, size_in, size_out, scale), 0, size_in - 1)
    low = np.floor(x).astype(np.int64)
    high = np.minimum(low + 1, size_in - 1)
    right = x - low
    result = np.zeros((size_out, size_in))
    rows = np.arange(size_out)
    np.add.at(result, (rows, low), 1 - right)
    np.add.at(result, (rows, high), right)
    return result


def _linear(scheme: Scheme, size_in: int, size_out: int, scale: float) -> NDArray[np.floating]:
    """A triangle around each position, widened by antialiasing, over what lies inside."""
    x = _coordinates(scheme, size_in, size_out, scale)
    sharpness = scale if scheme.antialias else 1.0
    radius = 2 if scale > 1 else int(np.ceil(2 / sharpness))
    distance = x[:, None] - np.arange(size_in)[None, :]
    near = np.abs(np.arange(size_in)[None, :] - np.round(x)[:, None]) <= radius
    weights = np.maximum(0, 1 - np.abs(sharpness * distance)) * near
    total = weights.sum(1, keepdims=True)
    # A position far outside meets nothing: its row stays zero.
    normal: NDArray[np.floating] = weights / np.where(total > 0, total, 1)
    return normal


def _cubic(scheme: Scheme, size_in: int, size_out: int, scale: float) -> NDArray[np.floating]:
    x = _coordinates(scheme, size_in, size_out, scale)
    low = np.floor(x).astype(np.int64)
    result = np.zeros((size_out, size_in))
    for tap in range(-1, 3):
        position = np.clip(low + tap, 0, size_in - 1)
        weight = cubic_kernel(x - low - tap, scheme.cube_coefficient)
        np.add.at(result, (np.arange(size_out), position), weight)
    return result


def _pillow(scheme: Scheme, size_in: int, size_out: int, scale: float) -> NDArray[np.floating]:
    """Pillow's resize: a kernel as wide as the step, over what lies inside."""
    step = 1 / scale
    stretch = max(step, 1.0)
    cubic = scheme.mode == "bicubic_pillow"
    radius = (2.0 if cubic else 1.0) * stretch
    result = np.zeros((size_out, size_in))
    for row in range(size_out):
        centre = (row + 0.5) * step
        first = max(int(centre - radius + 0.5), 0)
        last = min(int(centre + radius + 0.5), size_in)
        distance = (np.arange(first, last) - centre + 0.5) / stretch
        if cubic:
            weights = cubic_kernel(distance, scheme.cube_coefficient)
        else:
            weights = np.maximum(0, 1 - np.abs(distance))
        result[row, first:last] = weights / weights.sum()
    return result


def cubic_kernel(distance: NDArray[np.floating], a: float) -> NDArray[np.floating]:
    """Keys' kernel: (a+2)|d|^3 - (a+3)|d|^2 + 1 inside, a|d|^3 - 5a|d|^2 + 8a|d| - 4a outside."""
    d = np.abs(distance)
    inner = ((a + 2) * d - (a + 3)) * d * d + 1
    outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, inner, np.where(d < 2, outer, 0.0))


_WEIGHTS: dict[str, Callable[[Scheme, int, int, float], NDArray[np.floating]]] = {
    "linear": _linear,
    "linear_onnx": _linear_onnx,
    "cubic": _cubic,
    "bilinear_pillow": _pillow,
    "bicubic_pillow": _pillow,
}
