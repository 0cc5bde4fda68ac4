"""Software pooling: windows clipped to the input; the right and bottom padding is implied."""

# numpy's stubs call arithmetic on arrays of any type Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from oakwright.blob import PoolParams

from .convolution import pad_to
from .tensor import Array, Form, Tensor


def _windows(params: PoolParams, x: Array, out: Form, fill: str) -> Array:
    """(N, C, H, W) -> (N, C, out_h, out_w, KH, KW), a view of the padded input."""
    _, _, height, width = out.planes()
    need_h = (height - 1) * params.stride_y + params.kernel_h
    need_w = (width - 1) * params.stride_x + params.kernel_w
    padded = pad_to(x, params.pad_top, params.pad_left, need_h, need_w, fill)
    view = np.lib.stride_tricks.sliding_window_view(
        padded, (params.kernel_h, params.kernel_w), axis=(2, 3)
    )
    return view[:, :, :: params.stride_y, :: params.stride_x]


def max_pool(params: PoolParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """MaxPool (1)."""
    windows = _windows(params, inputs[0].as_planes(), outputs[0], "lowest")
    return windows.max(axis=(4, 5)).reshape(outputs[0].shape)


def average_pool(params: PoolParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """AvgPool (2): divides by the clipped window with exclude_pad, else by KH*KW."""
    x = inputs[0].as_planes()
    total = _windows(params, x, outputs[0], "zero").sum(axis=(4, 5), dtype=np.float32)
    if params.exclude_pad:
        ones = np.ones((1, 1, *x.shape[2:]), np.float32)
        count = _windows(params, ones, outputs[0], "zero").sum(axis=(4, 5), dtype=np.float32)
        total = total / np.maximum(count, 1)
    else:
        total = total / np.float32(params.kernel_h * params.kernel_w)
    return total.reshape(outputs[0].shape)


def global_max_pool(_: PoolParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """GlobalMaxPool (60): the greatest value of each plane."""
    return inputs[0].as_planes().max(axis=(2, 3)).reshape(outputs[0].shape)
