"""A constant matrix along one axis of a tensor, as the 1x1 convolution the chip is built for.

Everything that mixes the positions of an axis by fixed weights is one: a running sum, a Fourier
transform, a resize. No rules here; several families write their results with it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .rewrite import Refusal, as_output, const, op, reshape, shape_of, transpose

# 32 MiB of FP16 weights in the blob; beyond it the memory of the chip is in question.
MAX_ELEMENTS = 1 << 24


def along_axis(
    x: Output | Node,
    axis: int,
    matrix: NDArray[np.floating],
    bias: NDArray[np.floating] | None = None,
) -> Output:
    """``y[.., m, ..] = bias[m] + sum over k of matrix[m, k] * x[.., k, ..]`` on ``axis``.

    ``x`` may have any rank; ``matrix`` is (m, k) with k the length of the axis. A Refusal where
    the matrix would be larger than MAX_ELEMENTS.
    """
    shape = shape_of(x)
    rows, columns = matrix.shape
    if rows * columns > MAX_ELEMENTS:
        raise Refusal(
            f"a constant matrix of {rows} x {columns} would be needed",
            "use a shorter axis, or do this step on the host",
        )
    outer, inner = math.prod(shape[:axis]), shape[axis + 1 :]
    height, width = math.prod(inner[:-1]), inner[-1] if inner else 1
    # The axis becomes the channels of one picture; what lies outside it becomes rows.
    y = reshape(x, [outer, columns, height * width])
    if outer > 1:
        y = transpose(y, [1, 0, 2])
    picture = [1, columns, outer * height, width]
    y = pointwise(reshape(y, picture), matrix)
    if bias is not None:
        term = const(np.reshape(bias, [1, rows, 1, 1]), y.get_element_type())
        y = op("Add", [y, term]).output(0)
    if outer > 1:
        y = transpose(reshape(y, [rows, outer, height * width]), [1, 0, 2])
    return reshape(y, [*shape[:axis], rows, *inner])


def pointwise(picture: Output | Node, matrix: NDArray[np.floating]) -> Output:
    """A 1x1 convolution of ``picture`` [1, k, h, w] with ``matrix`` (m, k): [1, m, h, w]."""
    weights = const(matrix[:, :, None, None], as_output(picture).get_element_type())
    return op("Convolution", [picture, weights], convolution_attributes()).output(0)


def convolution_attributes(
    strides: tuple[int, int] = (1, 1),
    dilations: tuple[int, int] = (1, 1),
    pads_begin: tuple[int, int] = (0, 0),
    pads_end: tuple[int, int] = (0, 0),
) -> dict[str, object]:
    """The attributes of a Convolution-1 with explicit padding."""
    return {
        "strides": list(strides),
        "dilations": list(dilations),
        "pads_begin": list(pads_begin),
        "pads_end": list(pads_end),
        "auto_pad": "explicit",
    }
