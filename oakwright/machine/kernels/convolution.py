"""Software convolutions, fully connected layers, and the correlation that all of them share.

All are cross-correlations (the kernel is not flipped), accumulate in float32 and add no bias: a
Bias or ScaleShift stage follows. Padding on the right and bottom is what the output size needs.
The buffer of weights claims dims [K, IC, OC] whatever the real layout is; that one depends on
the stage type and on the layout of the input, and is undone here.
"""

from __future__ import annotations

from math import prod

import numpy as np

from oakwright.blob import ConvParams, DeconvParams, NoParams

from .tensor import Array, C, Form, Tensor

# im2col of one band of output rows stays under this many bytes.
BAND_BYTES = 64 << 20
# Padding and spreading make a tensor larger, but not without end: by this factor, or up to this
# many elements. Strides and paddings of a damaged file must not take all memory.
MOST_GROWTH, SMALL = 16, 1 << 24


def pad_to(x: Array, top: int, left: int, height: int, width: int, mode: str = "zero") -> Array:
    """Cut or pad (..., H, W) to height x width with ``top`` rows and ``left`` columns before.

    ``mode`` is ``zero``, ``edge`` or ``lowest`` (the least float, for max pooling).
    """
    if top >= height or left >= width or _grows(x.size, (*x.shape[:-2], height, width)):
        raise ValueError(f"{x.shape} padded by {top} and {left} to {height} x {width}")
    bottom = max(0, height - top - x.shape[-2])
    right = max(0, width - left - x.shape[-1])
    if top or left or bottom or right:
        margins = [(0, 0)] * (x.ndim - 2) + [(top, bottom), (left, right)]
        if mode == "edge":
            x = np.pad(x, margins, mode="edge")
        else:
            x = np.pad(x, margins, constant_values=-np.inf if mode == "lowest" else 0)
    return x[..., :height, :width]


def correlate(
    x: Array,
    weights: Array,
    out_size: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    pad: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> Array:
    """(IC, H, W) with weights (OC, IC, KH, KW) -> (OC, out_h, out_w), float32.

    Pairs are (y, x). ``pad`` is top and left only.
    """
    oc, ic, kh, kw = weights.shape
    (oh, ow), (sy, sx), (dy, dx) = out_size, stride, dilation
    if ic != x.shape[0]:
        raise ValueError(f"weights for {ic} channels meet an input of {x.shape[0]}")
    need_h, need_w = (oh - 1) * sy + (kh - 1) * dy + 1, (ow - 1) * sx + (kw - 1) * dx + 1
    x = pad_to(x, *pad, need_h, need_w)
    if (kh, kw) == (1, 1):
        columns = x[:, ::sy, ::sx].reshape(ic, oh * ow)
        return (weights.reshape(oc, ic) @ columns).reshape(oc, oh, ow)
    c_step, y_step, x_step = x.strides
    windows = np.lib.stride_tricks.as_strided(
        x,
        (ic, kh, kw, oh, ow),
        (c_step, y_step * dy, x_step * dx, y_step * sy, x_step * sx),
        writeable=False,
    )
    flat = weights.reshape(oc, -1)
    rows = max(1, BAND_BYTES // max(1, ic * kh * kw * ow * 4))
    out = np.empty((oc, oh, ow), np.float32)
    for y in range(0, oh, rows):
        band = windows[:, :, :, y : y + rows]
        columns = band.reshape(ic * kh * kw, -1)
        out[:, y : y + rows] = (flat @ columns).reshape(oc, -1, ow)
    return out


def correlate_depthwise(
    x: Array,
    weights: Array,
    out_size: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    pad: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> Array:
    """(C, H, W) with weights (C, KH, KW) -> (C, out_h, out_w): each channel by itself."""
    _, kh, kw = weights.shape
    (oh, ow), (sy, sx), (dy, dx) = out_size, stride, dilation
    need_h, need_w = (oh - 1) * sy + (kh - 1) * dy + 1, (ow - 1) * sx + (kw - 1) * dx + 1
    x = pad_to(x, *pad, need_h, need_w)
    out = np.zeros((x.shape[0], oh, ow), np.float32)
    for ky in range(kh):
        for kx in range(kw):
            rows = slice(ky * dy, ky * dy + (oh - 1) * sy + 1, sy)
            columns = slice(kx * dx, kx * dx + (ow - 1) * sx + 1, sx)
            out += weights[:, ky, kx, None, None] * x[:, rows, columns]
    return out


def spread(
    x: Array,
    weights: Array,
    out_size: tuple[int, int],
    *,
    stride: tuple[int, int],
    pad: tuple[int, int],
) -> Array:
    """Transposed convolution: (IC, H, W) with weights (OC, IC, KH, KW) -> (OC, out_h, out_w).

    Every input pixel adds its kernel, unflipped, at (y*sy - pad_y, x*sx - pad_x).
    """
    oc, ic, kh, kw = weights.shape
    _, height, width = x.shape
    (oh, ow), (sy, sx), (pad_y, pad_x) = out_size, stride, pad
    full = _room(
        (oc, max((height - 1) * sy + kh, pad_y + oh), max((width - 1) * sx + kw, pad_x + ow)),
        oc * oh * ow,
    )
    columns = x.reshape(ic, -1)
    for ky in range(kh):
        for kx in range(kw):
            part = (weights[:, :, ky, kx] @ columns).reshape(oc, height, width)
            rows = slice(ky, ky + (height - 1) * sy + 1, sy)
            full[:, rows, kx : kx + (width - 1) * sx + 1 : sx] += part
    return full[:, pad_y : pad_y + oh, pad_x : pad_x + ow]


def _room(shape: tuple[int, ...], size: int) -> Array:
    """Zeros for a transposed convolution to add to; ``size`` elements of it are the output."""
    if _grows(size, shape):
        raise ValueError(f"a transposed convolution that spreads over {shape}")
    return np.zeros(shape, np.float32)


def _grows(size: int, shape: tuple[int, ...]) -> bool:
    """Whether a tensor of that shape is absurdly larger than ``size`` elements."""
    return prod(shape) > max(SMALL, MOST_GROWTH * size)


def _is_interleaved(form: Form) -> bool:
    """Whether C is innermost (HWC, NHWC), which decides how software weights lie."""
    return form.stored[0] == C


def _geometry(params: ConvParams) -> dict[str, tuple[int, int]]:
    return {
        "stride": (params.stride_y, params.stride_x),
        "pad": (params.pad_top, params.pad_left),
        "dilation": (params.dilation_y, params.dilation_x),
    }


def convolution_weights(flat: Array, params: ConvParams, x: Form, oc: int, ic: int) -> Array:
    """The weights of a Conv stage as (OC, IC, KH, KW)."""
    kh, kw = params.kernel_h, params.kernel_w
    k = kh * kw
    if k == 1:
        return flat.reshape(oc, ic, 1, 1)
    # The SHAVE code has a special case for small interleaved convolutions with odd kernels.
    special = kw % 2 == 1 and 3 <= kw <= 11 and kh != 1 and ic * oc <= 256
    if _is_interleaved(x) and special:
        return flat.reshape(k, ic, oc).transpose(2, 1, 0).reshape(oc, ic, kh, kw)
    return flat.reshape(k, oc, ic).transpose(1, 2, 0).reshape(oc, ic, kh, kw)


def convolution(params: ConvParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Conv (0): dense convolution in software."""
    x, w = inputs[:2]
    n, oc, oh, ow = outputs[0].planes()
    weights = convolution_weights(w.values.ravel(), params, x, oc, x.planes()[1])
    planes = x.as_planes()
    result = [correlate(planes[i], weights, (oh, ow), **_geometry(params)) for i in range(n)]
    return np.stack(result).reshape(outputs[0].shape)


def im2col_convolution(params: ConvParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Im2ColConvolution (49): the same sum, weights [OC][K][IC]."""
    x, w = inputs[:2]
    n, oc, oh, ow = outputs[0].planes()
    kh, kw = params.kernel_h, params.kernel_w
    weights = w.values.reshape(oc, kh, kw, x.planes()[1]).transpose(0, 3, 1, 2)
    planes = x.as_planes()
    result = [correlate(planes[i], weights, (oh, ow), **_geometry(params)) for i in range(n)]
    return np.stack(result).reshape(outputs[0].shape)


def depth_convolution(params: ConvParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """DepthConv (8): one kernel per channel, weights [K][C]."""
    x, w = inputs[:2]
    n, channels, oh, ow = outputs[0].planes()
    kernel = w.values.reshape(params.kernel_h, params.kernel_w, channels).transpose(2, 0, 1)
    planes = x.as_planes()
    result = [
        correlate_depthwise(planes[i], kernel, (oh, ow), **_geometry(params)) for i in range(n)
    ]
    return np.stack(result).reshape(outputs[0].shape)


def deconvolution(params: DeconvParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Deconvolution (22): transposed convolution, weights [K][OC][IC] with K reversed."""
    x, w = inputs[:2]
    n, oc, oh, ow = outputs[0].planes()
    kh, kw, ic = params.kernel_h, params.kernel_w, x.planes()[1]
    flipped = w.values.reshape(kh, kw, oc, ic)[::-1, ::-1].transpose(2, 3, 0, 1)
    weights = np.ascontiguousarray(flipped)
    stride, pad = (params.stride_y, params.stride_x), (params.pad_top, params.pad_left)
    planes = x.as_planes()
    result = [spread(planes[i], weights, (oh, ow), stride=stride, pad=pad) for i in range(n)]
    return np.stack(result).reshape(outputs[0].shape)


def depth_deconvolution(params: DeconvParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """DepthDeconv (63): transposed, channel by channel; [C][K] in CHW, [K][C] in HWC, flipped."""
    x, w = inputs[:2]
    n, channels, oh, ow = outputs[0].planes()
    kh, kw = params.kernel_h, params.kernel_w
    if _is_interleaved(x):
        kernel = w.values.reshape(kh, kw, channels).transpose(2, 0, 1)
    else:
        kernel = w.values.reshape(channels, kh, kw)
    kernel = kernel[:, ::-1, ::-1, None, None]
    (sy, sx), (pad_y, pad_x) = (params.stride_y, params.stride_x), (params.pad_top, params.pad_left)
    _, _, height, width = x.planes()
    full_h = max((height - 1) * sy + kh, pad_y + oh)
    full_w = max((width - 1) * sx + kw, pad_x + ow)
    full = _room((n, channels, full_h, full_w), n * channels * oh * ow)
    planes = x.as_planes()
    for ky in range(kh):
        for kx in range(kw):
            rows = slice(ky, ky + (height - 1) * sy + 1, sy)
            columns = slice(kx, kx + (width - 1) * sx + 1, sx)
            full[:, :, rows, columns] += kernel[:, ky, kx] * planes
    return full[:, :, pad_y : pad_y + oh, pad_x : pad_x + ow].reshape(outputs[0].shape)


def fully_connected(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """FC (4): one sample; weights [HW][IC][OC], the input flattened with C innermost."""
    x, w = inputs[:2]
    oc = int(np.prod(outputs[0].shape))
    samples, channels, height, width = x.planes()
    if samples * channels * height * width * oc != w.values.size:
        raise ValueError(f"{w.values.size} weights for {x.shape} -> {outputs[0].shape}")
    flat = x.as_planes().transpose(2, 3, 0, 1).reshape(-1)
    return (flat @ w.values.reshape(flat.size, oc)).reshape(outputs[0].shape)
