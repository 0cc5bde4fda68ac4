"""MyriadXHwOp (38): what the convolution hardware computes.

One stage holds several operations ("ops"): usually the same convolution for successive ranges of
output channels, which are computed as one here. Tiles of height, width and input channels are
stages of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from oakwright.blob import HwOp, HwOpType, HwPadMode, HwParams, PoolType

from .convolution import correlate, correlate_depthwise, pad_to
from .tensor import Array, Form, Tensor

# Depthwise blocks have 8 channels or a few times that; wider weights are not looked at.
WIDEST_BLOCK = 64


def hardware_op(params: HwParams, operands: list[Tensor | None], outputs: list[Form]) -> Array:
    """MyriadXHwOp (38); ``operands`` is the stage's buffer list, that of the output None."""
    form = outputs[0]
    n, c, height, width = form.planes()
    out = np.empty((n * c, height, width), np.float32)
    computed = np.zeros(n * c, bool)
    for op in merged(params.ops):
        if op.op_type is HwOpType.FC:
            raise ValueError("the FC op of the hardware, which OpenVINO 2021.4 never makes")
        channels = channels_of(op)
        if channels.stop > n * c:
            raise ValueError(f"channel {channels.stop - 1} of an output that has {n * c}")
        compute = convolution if op.is_convolution else pool
        out[channels] = compute(op, operands, form)
        computed[channels] = True
    if not computed.all():
        raise ValueError(f"no operation computes output channel {int(np.argmin(computed))}")
    return out.reshape(form.shape)


def merged(ops: Iterable[HwOp]) -> list[HwOp]:
    """Neighbouring ops that differ only in their range of channels, as one op."""
    joined: list[HwOp] = []
    for op in ops:
        last = joined[-1] if joined else None
        if last is not None and last.op_type is not HwOpType.FC:
            first, end = channels_of(last).start, channels_of(last).stop
            # ``mode`` is a hint for scheduling and does not change the result.
            wider = replace(op, mode=last.mode, out_chan_off=first, out_num_chans=end - first)
            if op.out_chan_off == end and wider == last:
                joined[-1] = replace(last, out_num_chans=channels_of(op).stop - first)
                continue
        joined.append(op)
    return joined


def channels_of(op: HwOp) -> slice:
    """The output channels an op computes."""
    first, count = op.out_chan_off or 0, op.out_num_chans or 0
    return slice(first, first + count)


def kernel_of(op: HwOp) -> tuple[int, int, int]:
    """Kernel height, width, and the stride along both axes."""
    return op.kernel_h or 1, op.kernel_w or 1, op.stride or 1


def operand(operands: list[Tensor | None], index: int | None, role: str) -> Tensor:
    """The buffer an op refers to by number."""
    tensor = None if index is None else operands[index]
    if tensor is None:
        raise ValueError(f"an operation without {role}")
    return tensor


def hardware_weights(stored: Tensor) -> Array:
    """[OC/8][IC][KH*KW][8] as stored -> (OC rounded up to 8, IC, KH*KW)."""
    blocks, ic, taps, lanes = stored.values.shape
    return stored.values.transpose(0, 3, 1, 2).reshape(blocks * lanes, ic, taps)


def convolution(op: HwOp, operands: list[Tensor | None], form: Form) -> Array:
    """One CONV or CONV_POOL -> (channels of the op, H, W)."""
    source = operand(operands, op.input, "input")
    weights = hardware_weights(operand(operands, op.coeffs, "weights"))[channels_of(op)]
    kh, kw, stride = kernel_of(op)
    n, ic, _, _ = source.planes()
    if n != 1:
        raise ValueError(f"a hardware convolution over {n} samples")
    weights = weights[:, :ic].reshape(len(weights), -1, kh, kw)
    x = without_stale(source.as_planes()[0][: weights.shape[1]], weights)
    _, _, height, width = form.planes()
    if op.op_type is HwOpType.CONV_POOL:  # the pool halves what the convolution computes
        height, width = 2 * height, 2 * width
    geometry = {"stride": (stride, stride), "pad": (op.pad_top, op.pad_left)}
    kernel = diagonal(weights)
    if kernel is not None:
        acc = correlate_depthwise(x[: len(kernel)], kernel, (height, width), **geometry)
    else:
        acc = correlate(x, weights, (height, width), **geometry)
    acc = finish(op, acc, operands)
    if op.op_type is HwOpType.CONV_POOL:
        acc = acc.reshape(len(acc), height // 2, 2, width // 2, 2).max(axis=(2, 4))
    return acc


def diagonal(weights: Array) -> Array | None:
    """(C, KH, KW) of weights where each output channel reads only the input of its number."""
    oc, ic, _, _ = weights.shape
    if oc > ic or ic > WIDEST_BLOCK:
        return None
    reads = np.asarray(weights.any(axis=(2, 3)))
    np.fill_diagonal(reads, False)
    same = np.arange(oc)
    return None if reads.any() else weights[same, same]


def without_stale(x: Array, weights: Array) -> Array:
    """Zero the channels of (C, H, W) that no weight reads, where they are not finite.

    The hardware reads channels rounded up, and so memory that nobody wrote; its weights are 0
    there, but 0 * NaN is not.
    """
    bad = ~np.isfinite(x)
    if not bad.any():
        return x
    unread = np.asarray(~weights.any(axis=(0, 2, 3)))
    return np.where(bad & unread[:, None, None], np.float32(0), x)


def finish(op: HwOp, acc: Array, operands: list[Tensor | None]) -> Array:
    """Post-operations in the hardware's order: bias, scale, relu, clamp. ``acc`` is (C, H, W).

    The bias comes before the scale: the compiler multiplies weights and bias by 2^k and has the
    scale undo it; a leaky ReLU hides its slope in the scale and multiplies the positive half.
    """
    if op.bias is not None:
        acc = acc + operand(operands, op.bias, "bias").values.ravel()[channels_of(op), None, None]
    if op.scale is not None:
        acc = acc * operand(operands, op.scale, "scale").values.ravel()[channels_of(op), None, None]
    if op.relu is not None:
        low, high = np.float32(op.relu.a0), np.float32(op.relu.a1)
        acc = np.where(acc < op.relu.t0, acc * low if low else np.float32(0), acc * high)
    if op.clamp_max is not None:
        acc = np.clip(acc, 0, np.float32(op.clamp_max))
    return acc


def pool(op: HwOp, operands: list[Tensor | None], form: Form) -> Array:
    """One POOL -> (channels of the op, H, W); channels count over N*C."""
    source = operand(operands, op.input, "input")
    n, c, in_h, in_w = source.planes()
    x = source.values.reshape(n * c, in_h, in_w)[channels_of(op)]
    _, _, height, width = form.planes()
    kh, kw, stride = kernel_of(op)
    need = ((height - 1) * stride + kh, (width - 1) * stride + kw)
    if op.pool_type is PoolType.AVERAGE:
        windows = _windows(pad_to(x, op.pad_top, op.pad_left, *need), (kh, kw), stride)
        return finish(op, windows.mean(axis=(3, 4), dtype=np.float32), operands)
    top = kh // 2 if op.pad_mode & HwPadMode.TOP else 0
    left = kw // 2 if op.pad_mode & HwPadMode.LEFT else 0
    windows = _windows(pad_to(x, top, left, *need, "lowest"), (kh, kw), stride)
    return finish(op, windows.max(axis=(3, 4)), operands)


def _windows(x: Array, kernel: tuple[int, int], stride: int) -> Array:
    """(C, H, W) -> (C, out_h, out_w, KH, KW), a view."""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))
    return view[:, ::stride, ::stride]
