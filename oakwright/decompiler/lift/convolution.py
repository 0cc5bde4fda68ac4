"""Convolutions on SHAVEs, plain and transposed, full connections and matrix products.

The file's weights carry no layout of their own (the buffer always says [K, IC, OC]); which of
the layouts below they have follows from the stage and the order of its input. They are all
brought to OpenVINO's: [OC, IC, KH, KW], transposed ones [IC, OC, KH, KW].
"""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import (
    Buffer,
    ConvParams,
    DeconvParams,
    GEMMParams,
    Stage,
    StageType,
    UpsamplingParams,
)
from oakwright.errors import RunError

from ..graph import make
from ..lifter import Lifter
from ..ops import binary, constant, matmul, reshape, scale
from .windows import Window, convolution, planes, transposed_convolution


def software_convolution(lift: Lifter, stage: Stage) -> None:
    """Conv, Im2ColConvolution, RefConvolution."""
    params = cast(ConvParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    output = stage.buffer("output")
    inputs, outputs = x.shape[1], output.desc.dim("C")
    raw = _sized(lift, stage, params.kernel_w * params.kernel_h * inputs * outputs)
    weights = _unpacked(raw, stage, params, inputs, outputs)
    lift.write(output, convolution(x, constant(weights), _windows(params, output)))


def _unpacked(
    raw: np.ndarray, stage: Stage, params: ConvParams, inputs: int, outputs: int
) -> np.ndarray:
    """[OC, IC, KH, KW] from the layout that the kernel of this case wants."""
    kw, kh = params.kernel_w, params.kernel_h
    taps = kw * kh
    channels_innermost = stage.buffer("input").desc.position("C") == 0
    if stage.type == StageType.Im2ColConvolution:
        packed = raw.reshape(outputs, taps, inputs).transpose(0, 2, 1)
    elif taps == 1:
        packed = raw.reshape(outputs, inputs, 1)
    elif (
        channels_innermost
        and kh != 1
        and kw in (3, 5, 7, 9, 11)
        and (inputs * outputs <= 256 or inputs <= 3)
    ):
        packed = raw.reshape(taps, inputs, outputs).transpose(2, 1, 0)
    else:
        packed = raw.reshape(taps, outputs, inputs).transpose(1, 2, 0)
    return np.ascontiguousarray(packed).reshape(outputs, inputs, kh, kw)


def depthwise_convolution(lift: Lifter, stage: Stage) -> None:
    """DepthConv: weights [K][C]."""
    params = cast(ConvParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    channels, taps = x.shape[1], params.kernel_w * params.kernel_h
    output = stage.buffer("output")
    outputs = output.desc.dim("C")
    if outputs % channels:
        raise RunError(f"{outputs} depthwise outputs of {channels} channels")
    raw = _sized(lift, stage, taps * outputs).reshape(taps, outputs)
    shape = (channels, outputs // channels, 1, params.kernel_h, params.kernel_w)
    weights = constant(np.ascontiguousarray(raw.T).reshape(shape))
    lift.write(output, convolution(x, weights, _windows(params, output)))


def deconvolution(lift: Lifter, stage: Stage) -> None:
    """Deconvolution: weights [K][OC][IC], K mirrored in x and y."""
    params = cast(DeconvParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    output = stage.buffer("output")
    inputs, outputs = x.shape[1], output.desc.dim("C")
    raw = _sized(lift, stage, params.kernel_w * params.kernel_h * inputs * outputs)
    mirrored = raw.reshape(-1, outputs, inputs)[::-1].transpose(2, 1, 0)
    shape = (inputs, outputs, params.kernel_h, params.kernel_w)
    weights = constant(np.ascontiguousarray(mirrored).reshape(shape))
    lift.write(output, transposed_convolution(x, weights, _deconv_windows(params, output)))


def depthwise_deconvolution(lift: Lifter, stage: Stage) -> None:
    """DepthDeconv: weights [C][K mirrored] where the input is planar, else [K mirrored][C]."""
    params = cast(DeconvParams, stage.params)
    source = stage.buffer("input")
    x = planes(lift.read(source))
    channels, taps = x.shape[1], params.kernel_w * params.kernel_h
    raw = _sized(lift, stage, taps * channels)
    by_channel = (
        raw.reshape(taps, channels).T
        if source.desc.position("C") == 0
        else raw.reshape(channels, taps)
    )
    shape = (channels, 1, 1, params.kernel_h, params.kernel_w)
    weights = constant(np.ascontiguousarray(by_channel[:, ::-1]).reshape(shape))
    output = stage.buffer("output")
    lift.write(output, transposed_convolution(x, weights, _deconv_windows(params, output)))


def full_connection(lift: Lifter, stage: Stage) -> None:
    """FC: weights [HW][IC][OC], one sample per stage, no bias inside."""
    x = planes(lift.read(stage.buffer("input")))
    output = stage.buffer("output")
    outputs = output.desc.element_count
    channels, area = x.shape[1], x.shape[2] * x.shape[3]
    raw = _sized(lift, stage, x.size * outputs)
    if x.shape[0] != 1:
        # One sample per stage: what looks like a batch is part of the flattened input.
        channels, area = x.size, 1
    matrix = raw.reshape(area, channels, outputs).transpose(2, 1, 0).reshape(outputs, -1)
    y = matmul(reshape(x, (1, x.size)), constant(np.ascontiguousarray(matrix)), transpose_b=True)
    lift.write(output, y)


def matrix_product(lift: Lifter, stage: Stage) -> None:
    """GEMM: alpha * A @ B + beta * C on the two innermost stored axes."""
    params = cast(GEMMParams, stage.params)
    a, b = (lift.read_stored(stage.buffer(role)) for role in ("a", "b"))
    y = scale(matmul(a, b, params.transpose_a, params.transpose_b), params.alpha)
    if params.has_c:
        y = binary("Add", y, scale(lift.read_stored(stage.buffer("c")), params.beta))
    lift.write_stored(stage.buffer("output"), y)


def zero_insertion(lift: Lifter, stage: Stage) -> None:
    """Upsampling: the input's elements ``factor`` apart, zeros between and around them."""
    params = cast(UpsamplingParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    output = stage.buffer("output")
    if params.factor_z not in (0, 1) or params.pad_front or params.pad_back:
        raise RunError("zero insertion along depth")
    height, width = output.desc.dim("H"), output.desc.dim("W")
    factors, begin = (params.factor_y, params.factor_x), (params.pad_top, params.pad_left)
    for dim, factor, before, size in zip(x.shape[2:], factors, begin, (height, width), strict=True):
        if factor < 1 or before < 0 or (dim - 1) * factor + before >= size:
            raise RunError(f"zero insertion of {x.shape} by {factors} into {output}")
    y = make(
        "ZeroInsertion",
        (x,),
        (*x.shape[:2], height, width),
        factors=factors,
        begin=begin,
    )
    lift.write(output, y)


def _sized(lift: Lifter, stage: Stage, count: int) -> np.ndarray:
    """The stage's weights as they lie, held against the number the sizes ask for."""
    raw = lift.flat(stage.buffer("weights"))
    if raw.size < count:
        raise RunError(f"{raw.size} weights where the sizes ask for {count}")
    return raw[:count]


def _windows(params: ConvParams, output: Buffer) -> list[Window]:
    return [
        Window(
            params.kernel_h,
            params.stride_y,
            params.pad_top,
            output.desc.dim("H"),
            params.dilation_y,
        ),
        Window(
            params.kernel_w,
            params.stride_x,
            params.pad_left,
            output.desc.dim("W"),
            params.dilation_x,
        ),
    ]


def _deconv_windows(params: DeconvParams, output: Buffer) -> list[Window]:
    return [
        Window(params.kernel_h, params.stride_y, params.pad_top, output.desc.dim("H")),
        Window(params.kernel_w, params.stride_x, params.pad_left, output.desc.dim("W")),
    ]
