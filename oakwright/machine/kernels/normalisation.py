"""Normalisations: over channels, over planes, over neighbours."""

# numpy's stubs call arithmetic on arrays of any type Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from oakwright.blob import GRNParams, LRNParams, MVNParams, NormalizeParams

from .tensor import Array, Form, Tensor

# Far more than any network sums over; a damaged file must not take all memory.
MOST_NEIGHBOURS = 1 << 12


def normalize(params: NormalizeParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Normalize (35): x / sqrt(sum x^2 + eps) * scale, the sum over C, or C, H and W."""
    x, scales = inputs[0].as_planes(), inputs[1].values.reshape(1, -1, 1, 1)
    axes = (1, 2, 3) if params.across_spatial else (1,)
    total = np.square(x).sum(axis=axes, keepdims=True, dtype=np.float32)
    factor = scales[:, :1] if params.channel_shared else scales
    return (x / np.sqrt(total + np.float32(params.eps)) * factor).reshape(outputs[0].shape)


def mvn(params: MVNParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """MVN (62): mean 0 and, if asked for, variance 1 over H, W or C, H, W."""
    x = inputs[0].as_planes()
    axes = (1, 2, 3) if params.across_channels else (2, 3)
    y = x - x.mean(axis=axes, keepdims=True, dtype=np.float32)
    if params.normalize_variance:
        variance = np.square(y).mean(axis=axes, keepdims=True, dtype=np.float32)
        y = y / np.sqrt(variance + np.float32(params.eps))
    return y.reshape(outputs[0].shape)


def grn(params: GRNParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """GRN (61): x / sqrt(sum over C of x^2 + bias)."""
    x = inputs[0].as_planes()
    total = np.square(x).sum(axis=1, keepdims=True, dtype=np.float32)
    return (x / np.sqrt(total + np.float32(params.bias))).reshape(outputs[0].shape)


def lrn(params: LRNParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """LRN (11): x / (k + alpha/size * sum x^2)^beta over neighbouring channels."""
    x = inputs[0].as_planes()
    total = _window_sum(np.square(x), params.size, axis=1)
    return _lrn(params, x, total / params.size).reshape(outputs[0].shape)


def inner_lrn(params: LRNParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """InnerLRN (18): the same over neighbouring pixels of one channel."""
    x = inputs[0].as_planes()
    total = _window_sum(_window_sum(np.square(x), params.size, axis=2), params.size, axis=3)
    return _lrn(params, x, total / params.size**2).reshape(outputs[0].shape)


def _lrn(params: LRNParams, x: Array, mean_square: Array) -> Array:
    base = np.float32(params.k) + np.float32(params.alpha) * mean_square
    return x / np.power(base, np.float32(params.beta))


def _window_sum(x: Array, size: int, axis: int) -> Array:
    """Sum over a centred window of ``size`` along ``axis``, zeros beyond the edge."""
    if not 0 < size <= MOST_NEIGHBOURS:
        raise ValueError(f"a window of {size} neighbours")
    before = (size - 1) // 2
    margins = [(0, 0)] * x.ndim
    margins[axis] = (before, size - 1 - before)
    padded = np.pad(x, margins)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=axis)
    return windows.sum(axis=-1, dtype=np.float32)
