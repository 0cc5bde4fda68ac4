"""Discrete Fourier transforms: products with constant matrices of cosines and sines.

A complex tensor has a last axis of two, real and imaginary part. Each transformed axis takes one
1x1 convolution whose channels are that axis and the complex one together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .matrices import MAX_ELEMENTS, along_axis, pointwise
from .rewrite import (
    Refusal,
    as_output,
    const,
    constant_input,
    dtype_of,
    op,
    reshape,
    shape_of,
    transpose,
)

Matrix = NDArray[np.float64]


def dft(node: Node) -> Sequence[Output]:
    """DFT-7: complex to complex, axis after axis."""
    x = node.input_value(0)
    for axis, size in _axes(node, len(shape_of(x)) - 1):
        x = _complex(x, axis, size, inverse=False)
    return [x]


def idft(node: Node) -> Sequence[Output]:
    """IDFT-7: complex to complex, scaled by one over the size."""
    x = node.input_value(0)
    for axis, size in _axes(node, len(shape_of(x)) - 1):
        x = _complex(x, axis, size, inverse=True)
    return [x]


def rdft(node: Node) -> Sequence[Output]:
    """RDFT-9: the last of the axes from real to half a spectrum, then the others as DFT."""
    x = node.input_value(0)
    *others, (axis, size) = _axes(node, len(shape_of(x)))
    shape = shape_of(x)
    size = shape[axis] if size is None else size
    half = size // 2 + 1
    angles = _angles(half, min(shape[axis], size), size)
    matrix = np.zeros((half, 2, shape[axis]))
    matrix[:, 0, : angles.shape[1]] = np.cos(angles)
    matrix[:, 1, : angles.shape[1]] = -np.sin(angles)
    both = along_axis(x, axis, matrix.reshape(2 * half, -1))
    # [.., half * 2, inner] to [.., half, inner, 2]
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    paired = transpose(reshape(both, [outer, half, 2, inner]), [0, 1, 3, 2])
    y = reshape(paired, [*shape[:axis], half, *shape[axis + 1 :], 2])
    for other, length in others:
        y = _complex(y, other, length, inverse=False)
    return [y]


def irdft(node: Node) -> Sequence[Output]:
    """IRDFT-9: all axes but the last as IDFT, the last from half a spectrum to real."""
    x = node.input_value(0)
    *others, (axis, size) = _axes(node, len(shape_of(x)) - 1)
    for other, length in others:
        x = _complex(x, other, length, inverse=True)
    shape = shape_of(x)
    size = 2 * (shape[axis] - 1) if size is None else size
    used = min(shape[axis], size // 2 + 1)
    angles = _angles(size, used, size)
    # The other half of the spectrum mirrors this one: all but the ends count twice.
    weight = np.full(used, 2.0)
    weight[0] = 1
    if size % 2 == 0 and used == size // 2 + 1:
        weight[-1] = 1
    matrix = np.zeros((size, shape[axis], 2))
    matrix[:, :used, 0] = np.cos(angles) * weight / size
    matrix[:, :used, 1] = -np.sin(angles) * weight / size
    real = _mixed(x, axis, matrix.reshape(size, 1, -1))
    return [reshape(real, [*shape[:axis], size, *shape[axis + 1 : -1]])]


def stft(node: Node) -> Sequence[Output]:
    """STFT-15: frames and transform in one convolution along the signal."""
    signal = node.input_value(0)
    window = constant_input(node, 1).astype(np.float64)
    frame = int(constant_input(node, 2).ravel()[0])
    step = int(constant_input(node, 3).ravel()[0])
    shape = shape_of(signal)
    batch, length = (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])
    bins, frames = frame // 2 + 1, (length - frame) // step + 1
    # A window shorter than the frame stands in its middle.
    left = (frame - window.size) // 2
    centred = np.pad(window, (left, frame - window.size - left))
    angles = _angles(bins, frame, frame)
    kernels = np.stack([np.cos(angles), -np.sin(angles)], 1) * centred  # [bins, 2, frame]
    attrs = {
        "strides": [1, step],
        "dilations": [1, 1],
        "pads_begin": [0, 0],
        "pads_end": [0, 0],
        "auto_pad": "explicit",
    }
    picture = reshape(signal, [batch, 1, 1, length])
    weights = const(kernels.reshape(2 * bins, 1, 1, frame), dtype_of(signal))
    spectra = op("Convolution", [picture, weights], attrs)
    parts = reshape(spectra, [batch, bins, 2, frames])
    # transpose_frames: [.., bins, frames, 2], otherwise [.., frames, bins, 2].
    swapped = bool(node.get_attributes()["transpose_frames"])
    y = transpose(parts, [0, 1, 3, 2] if swapped else [0, 3, 1, 2])
    return [reshape(y, shape_of(node.output(0)))]


def _axes(node: Node, rank: int) -> list[tuple[int, int | None]]:
    """The transformed axes, each with the size asked for (None: as it is)."""
    axes = [int(a) % rank for a in constant_input(node, 1).ravel()]
    if len(node.inputs()) < 3:
        return [(axis, None) for axis in axes]
    sizes = [int(s) for s in constant_input(node, 2).ravel()]
    return [(a, None if s == -1 else s) for a, s in zip(axes, sizes, strict=True)]


def _complex(x: Output, axis: int, size: int | None, *, inverse: bool) -> Output:
    """One axis of a complex tensor transformed; longer input is cut, shorter is followed by 0."""
    length = shape_of(x)[axis]
    size = length if size is None else size
    used = min(length, size)
    angles = _angles(size, used, size)
    sign, scale = (1, 1 / size) if inverse else (-1, 1)
    cosine, sine = np.cos(angles) * scale, sign * np.sin(angles) * scale
    matrix = np.zeros((size, 2, length, 2))
    matrix[:, 0, :used, 0], matrix[:, 0, :used, 1] = cosine, -sine
    matrix[:, 1, :used, 0], matrix[:, 1, :used, 1] = sine, cosine
    return _mixed(x, axis, matrix.reshape(size, 2, -1))


def _angles(rows: int, columns: int, size: int) -> Matrix:
    """``2 pi m k / size`` for every row m and column k; a Refusal where that is too many."""
    if 4 * rows * columns > MAX_ELEMENTS:
        raise Refusal(
            f"a Fourier transform of {size} points would need {4 * rows * columns} weights",
            "use a smaller transform, or do it on the host",
        )
    # The product is reduced before it meets pi: exact for any size.
    turns = np.outer(np.arange(rows), np.arange(columns)) % size
    angles: Matrix = 2 * math.pi * turns / size
    return angles


def _mixed(x: Output, axis: int, matrix: Matrix) -> Output:
    """Mix an axis with the complex one: ``matrix`` is (new size, 1 or 2, old size * 2)."""
    size, parts, columns = matrix.shape
    shape = shape_of(x)
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 : -1])
    y = _permuted(reshape(x, [outer, shape[axis], inner, 2]), [1, 3, 0, 2])
    y = pointwise(reshape(y, [1, columns, outer, inner]), matrix.reshape(size * parts, columns))
    y = _permuted(reshape(y, [size, parts, outer, inner]), [2, 0, 3, 1])
    return reshape(y, [*shape[:axis], size, *shape[axis + 1 : -1], parts])


def _permuted(x: Output | Node, order: list[int]) -> Output:
    """A transpose, or a reshape where only axes of length one change places."""
    shape = shape_of(x)
    moved = [axis for axis in order if shape[axis] > 1]
    if moved == sorted(moved):
        return reshape(x, [shape[axis] for axis in order])
    return as_output(transpose(x, order))
