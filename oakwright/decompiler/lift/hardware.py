"""Descriptors of the hardware accelerator: convolutions with what follows them, and pools.

A convolution computes ``(sum + bias) * scale``, then a leaky ReLU or a clamp. Bias and scale are
folded here into ordinary weights and bias: the scale undoes a power of two that the compiler put
into the weights, and carries a leaky ReLU's slope. So the graph has the network's own weights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from oakwright.blob import Buffer, HwOp, HwOpType, HwPadMode, HwParams, Location, PoolType, Stage
from oakwright.errors import RunError

from ..graph import Value
from ..lifter import Lifter
from ..ops import binary, constant, pad, per_channel, reshape, slice_axis, transpose, unary
from ..views import View
from .windows import Window, average_pool, convolution, max_pool


def hardware(lift: Lifter, stage: Stage) -> None:
    """MyriadXHwOp: all descriptors in order. The injected stage is lifted by the caller."""
    for op in _ranges_joined(cast(HwParams, stage.params).ops):
        if op.op_type is HwOpType.POOL:
            _pool(lift, stage, op)
        elif op.op_type is HwOpType.FC:
            raise RunError(
                "a hardware full connection (2021.4 makes none: its layout is not known)",
                remedy="compile the model again with OpenVINO 2021.4",
            )
        else:
            _convolution(lift, stage, op)


def _ranges_joined(ops: tuple[HwOp, ...]) -> list[HwOp]:
    """Descriptors that differ only in their range of output channels, as one over all of them."""
    joined: list[HwOp] = []
    for op in ops:
        last = joined[-1] if joined else None
        if (
            last is not None
            and op.out_chan_off is not None
            and last.out_num_chans is not None
            and last.out_chan_off is not None
            and op.out_num_chans is not None
            and op.out_chan_off == last.out_chan_off + last.out_num_chans
            and _unranged(op) == _unranged(last)
        ):
            joined[-1] = replace(last, out_num_chans=last.out_num_chans + op.out_num_chans)
        else:
            joined.append(op)
    return joined


def _unranged(op: HwOp) -> HwOp:
    """The descriptor without what says nothing about results, and without its range."""
    return replace(op, out_chan_off=0, out_num_chans=0, mode=0, reuse_data=False, reuse_coeff=False)


def _convolution(lift: Lifter, stage: Stage, op: HwOp) -> None:
    source, output = stage.buffers[op.input], stage.buffers[op.output]
    first, count = op.out_chan_off or 0, op.out_num_chans or 0
    view = View.of(output)
    if len(view.shape) != 4 or not 0 < count <= view.shape[1] - first:
        raise RunError(f"channels {first} to {first + count} of {output}")
    weights = _weights(lift, stage, op)
    factor, offset = _factor_and_offset(lift, stage, op, first, count)
    size = view.shape[2:]
    if op.op_type is HwOpType.CONV_POOL:
        if (op.pool_kernel_w, op.pool_kernel_h) != (2, 2):
            raise RunError(f"a fused pool of {op.pool_kernel_w}x{op.pool_kernel_h}")
        size = (size[0] * 2, size[1] * 2)
    if isinstance(weights, Value):
        # Computed weights: a matrix product that was turned into a convolution.
        x = lift.read(source)
        x, windows = _edges(x, op, _windows(op, size))
        y = convolution(x, slice_axis(weights, 0, first, first + count), windows)
        if (factor != 1).any():
            y = binary("Multiply", y, per_channel(factor, 4))
    else:
        if first + count > weights.shape[0]:
            raise RunError(f"weights of {weights.shape[0]} channels, {first + count} wanted")
        folded = weights[first : first + count] * factor[:, None, None, None]
        x, folded = _input(lift, source, folded)
        x, windows = _edges(x, op, _windows(op, size))
        y = convolution(x, constant(folded), windows)
    if offset.any():
        y = binary("Add", y, per_channel(offset, 4))
    y = _activated(y, op)
    if op.op_type is HwOpType.CONV_POOL:
        y = max_pool(y, [Window(2, 2, 0, d) for d in view.shape[2:]])
    lift.write(output, y, view.narrowed(1, first, count))


def _weights(lift: Lifter, stage: Stage, op: HwOp) -> np.ndarray | Value:
    """[OC', IC', KH, KW] from blocks of eight output channels: stored [8, K, IC', OC'/8]."""
    if op.coeffs is None:
        raise RunError("a convolution without weights")
    buffer = stage.buffers[op.coeffs]
    kw, kh = op.kernel_w or 1, op.kernel_h or 1
    shape = buffer.desc.shape
    if len(shape) != 4 or shape[3] != 8 or shape[2] != kh * kw:
        raise RunError(f"weights {buffer} for a kernel of {kw}x{kh}")
    final = (shape[0] * 8, shape[1], kh, kw)
    if buffer.location is Location.BLOB:
        packed = lift.blob.array(buffer).astype(np.float32)
        return np.ascontiguousarray(packed.transpose(0, 3, 1, 2)).reshape(final)
    return reshape(transpose(lift.read_stored(buffer), (0, 3, 1, 2)), final)


def _input(lift: Lifter, source: Buffer, weights: np.ndarray) -> tuple[Value, np.ndarray]:
    """The input and its weights, without the channels that only fill up the hardware's blocks.

    The hardware reads a multiple of its block count: beyond the real channels lies whatever
    memory holds, under weights of zero.
    """
    view = View.of(source)
    if len(view.shape) != 4 or view.shape[1] != weights.shape[1]:
        raise RunError(f"weights for {weights.shape[1]} channels, the input is {source}")
    trace = lift.trace(source)
    used = np.flatnonzero(weights.any((0, 2, 3)))
    count = int(used[-1]) + 1 if used.size else 1
    if not trace.is_simple and count < view.shape[1]:
        trace = lift.trace(source, view.narrowed(1, 0, count))
        weights = np.ascontiguousarray(weights[:, :count])
    return trace.value(lift.dtype(source)), weights


def _factor_and_offset(
    lift: Lifter, stage: Stage, op: HwOp, first: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per output channel: what the weights are multiplied by, and what is added afterwards."""

    def channels(index: int | None, default: float) -> np.ndarray:
        if index is None:
            return np.full(count, default, np.float32)
        data = lift.flat(stage.buffers[index])
        if data.size < first + count:
            raise RunError(f"{data.size} channels of bias or scale, {first + count} wanted")
        return data[first : first + count]

    factor = channels(op.scale, 1.0)
    if op.relu is not None and op.relu.a1:
        # The two slopes of a leaky ReLU are whole numbers a0, a1: take a1 out of both.
        factor = factor * np.float32(op.relu.a1)
    return factor, channels(op.bias, 0.0) * factor


def _activated(y: Value, op: HwOp) -> Value:
    if op.relu is not None:
        if op.relu.t0:
            raise RunError(f"a ReLU with its knee at {op.relu.t0}")
        if not op.relu.a1:
            negative = binary("Minimum", y, constant(np.float32(0)))
            y = binary("Multiply", negative, constant(np.float32(op.relu.a0)))
        elif not op.relu.a0:
            y = unary("Relu", y)
        elif op.relu.a0 != op.relu.a1:
            y = leaky_relu(y, op.relu.a0 / op.relu.a1)
    if op.clamp_max is not None:
        y = unary("Clamp", y, min_value=0.0, max_value=float(op.clamp_max))
    return y


def leaky_relu(x: Value, slope: float) -> Value:
    """x < 0 ? x * slope : x."""
    if slope == 0:
        return unary("Relu", x)
    return binary("PRelu", x, constant(np.array([slope], np.float32)))


def _windows(op: HwOp, size: tuple[int, ...]) -> list[Window]:
    kernel = (op.kernel_h or 1, op.kernel_w or 1)
    pads = (op.pad_top, op.pad_left)
    return [Window(k, op.stride or 1, p, d) for k, p, d in zip(kernel, pads, size, strict=True)]


def _edges(x: Value, op: HwOp, windows: list[Window]) -> tuple[Value, list[Window]]:
    """Padding that repeats the edge, done beforehand; sides without it are padded with zeros."""
    if not op.pad_mode:
        return x, windows
    begin = [w.pad_begin for w in windows]
    end = [max(w.needed() - w.pad_begin - x.shape[2 + i], 0) for i, w in enumerate(windows)]
    sides = op.pad_mode
    repeat_begin = [begin[0] * bool(sides & HwPadMode.TOP), begin[1] * bool(sides & HwPadMode.LEFT)]
    repeat_end = [end[0] * bool(sides & HwPadMode.BOTTOM), end[1] * bool(sides & HwPadMode.RIGHT)]
    x = pad(x, [0, 0, *repeat_begin], [0, 0, *repeat_end], "edge")
    rest = [b - r for b, r in zip(begin, repeat_begin, strict=True)]
    return x, [replace(w, pad_begin=r) for w, r in zip(windows, rest, strict=True)]


def _pool(lift: Lifter, stage: Stage, op: HwOp) -> None:
    """Channels are counted over the whole batch: output channel c is input channel c."""
    source, output = stage.buffers[op.input], stage.buffers[op.output]
    first, count = op.out_chan_off or 0, op.out_num_chans or 0
    view, place = View.of(source), View.of(output)
    if len(view.shape) != 4 or len(place.shape) != 4 or view.shape[:2] != place.shape[:2]:
        raise RunError(f"a pool from {source} to {output}")
    channels = view.shape[1]
    total = view.shape[0] * channels
    if not 0 < count <= total - first:
        raise RunError(f"channels {first} to {first + count} of {output}")
    if count == total:
        lift.write(output, _pooled(lift.read(source), op, place.shape[2:]))
        return
    for sample in range(first // channels, (first + count - 1) // channels + 1):
        start = max(first - sample * channels, 0)
        length = min(first + count - sample * channels, channels) - start
        part = view.narrowed(0, sample, 1).narrowed(1, start, length)
        y = _pooled(lift.read_view(source, part), op, place.shape[2:])
        lift.write(output, y, place.narrowed(0, sample, 1).narrowed(1, start, length))


def _pooled(x: Value, op: HwOp, size: tuple[int, ...]) -> Value:
    kernel = (op.kernel_h or 1, op.kernel_w or 1)
    stride = op.stride or 1
    if op.pool_type is PoolType.MAX:
        sides = (op.pad_mode & HwPadMode.TOP, op.pad_mode & HwPadMode.LEFT)
        pads = [k // 2 if side else 0 for k, side in zip(kernel, sides, strict=True)]
        y = max_pool(
            x, [Window(k, stride, p, d) for k, p, d in zip(kernel, pads, size, strict=True)]
        )
    else:
        pads = [k // 2 if op.with_pad else 0 for k in kernel]
        windows = [Window(k, stride, p, d) for k, p, d in zip(kernel, pads, size, strict=True)]
        # The hardware always divides by the whole window; padding counts as zeros.
        y = average_pool(x, windows, exclude_pad=False)
    return _activated(y, op)
