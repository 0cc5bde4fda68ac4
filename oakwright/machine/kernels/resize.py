"""Resizing of planes. Coordinates as in the Interpolate operation of OpenVINO's opset 4."""

from __future__ import annotations

import numpy as np

from oakwright.blob import (
    CoordinateMode,
    InterpolateMode,
    InterpParams,
    NearestMode,
    ResampleParams,
    ResampleType,
)

from .tensor import Array, Form, Tensor


def source_coordinates(size_in: int, size_out: int, mode: CoordinateMode) -> Array:
    """For each output pixel the place in the input it comes from, as a fraction; float32."""
    x = np.arange(size_out, dtype=np.float32)
    scale = np.float32(size_out / size_in)  # a factor rounded to float32, as the operation has
    if mode is CoordinateMode.HALF_PIXEL:
        return (x + np.float32(0.5)) / scale - np.float32(0.5)
    if mode is CoordinateMode.PYTORCH_HALF_PIXEL:
        return (x + np.float32(0.5)) / scale - np.float32(0.5) if size_out > 1 else x * 0
    if mode is CoordinateMode.ASYMMETRIC:
        return x / scale
    if mode is CoordinateMode.TF_HALF_PIXEL_FOR_NN:
        return (x + np.float32(0.5)) / scale
    if mode is CoordinateMode.ALIGN_CORNERS:
        return x * np.float32((size_in - 1) / (size_out - 1)) if size_out > 1 else x * 0
    raise ValueError(f"coordinate mode {mode} is not known")


def nearest_indices(
    size_in: int, size_out: int, coordinate_mode: CoordinateMode, nearest_mode: NearestMode
) -> Array:
    """For each output pixel the input pixel it copies."""
    x = source_coordinates(size_in, size_out, coordinate_mode)
    if nearest_mode is NearestMode.ROUND_PREFER_FLOOR:
        x = np.ceil(x - np.float32(0.5))
    elif nearest_mode is NearestMode.ROUND_PREFER_CEIL:
        x = np.floor(x + np.float32(0.5))
    elif nearest_mode is NearestMode.FLOOR:
        x = np.floor(x)
    elif nearest_mode is NearestMode.CEIL:
        x = np.ceil(x)
    elif nearest_mode is NearestMode.SIMPLE:
        x = np.ceil(x) if size_in > size_out else np.trunc(x)
    else:
        raise ValueError(f"nearest mode {nearest_mode} is not known")
    return np.clip(x.astype(np.int64), 0, size_in - 1)


def linear_along(x: Array, axis: int, size_out: int, coordinate_mode: CoordinateMode) -> Array:
    """Linear interpolation along one axis; beyond the edge the edge pixel."""
    size_in = x.shape[axis]
    place = np.clip(source_coordinates(size_in, size_out, coordinate_mode), 0, size_in - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, size_in - 1)
    shape = [1] * x.ndim
    shape[axis] = size_out
    part = (place - low).astype(np.float32).reshape(shape)
    return np.asarray(x.take(low, axis) * (1 - part) + x.take(high, axis) * part)


def resample(params: ResampleParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Resample (72): copies the nearest pixel."""
    x = inputs[0].as_planes()
    _, _, height, width = outputs[0].planes()
    if params.type is not ResampleType.NEAREST:
        raise ValueError(f"a Resample by {params.type.name}: only NEAREST is known")
    rows = nearest_indices(x.shape[2], height, params.coordinate_mode, params.nearest_mode)
    columns = nearest_indices(x.shape[3], width, params.coordinate_mode, params.nearest_mode)
    return x[:, :, rows][:, :, :, columns].reshape(outputs[0].shape)


def interpolate(params: InterpParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Interp (67): linear in both directions, no antialiasing."""
    x = inputs[0].as_planes()
    _, _, height, width = outputs[0].planes()
    if params.mode not in (InterpolateMode.LINEAR, InterpolateMode.LINEAR_ONNX):
        raise ValueError(f"an Interp by {params.mode.name}: only the LINEAR ones are known")
    mode = CoordinateMode.ALIGN_CORNERS if params.align_corners else params.coordinate_mode
    y = linear_along(linear_along(x, 2, height, mode), 3, width, mode)
    return y.reshape(outputs[0].shape)
