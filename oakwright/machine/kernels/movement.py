"""Moving values without computing: copies, orders, paddings, repetitions, conversions."""

from __future__ import annotations

from typing import Any

import numpy as np

from oakwright.blob import (
    ConvertParams,
    NoParams,
    PadParams,
    PermuteParams,
    ReorgYoloParams,
    TileParams,
    UpsamplingParams,
)

from .tensor import Array, Form, Tensor, must_fill

PAD_MODES = ("constant", "edge", "reflect", "symmetric")


def copy(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Copy (19): the same values in another place, by DMA."""
    return inputs[0].values.reshape(outputs[0].shape)


def convert(params: ConvertParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Convert (111): x * scale + bias in the type of the output."""
    x = inputs[0].values
    if params.scale == 1 and params.bias == 0:
        return x.reshape(outputs[0].shape)
    y = x.astype(np.float32) * np.float32(params.scale) + np.float32(params.bias)
    return y.reshape(outputs[0].shape)


def permute(params: PermuteParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Permute (34): stored dim i of the output is stored dim p[i] of the input.

    Also how layouts are changed: then the orders differ, and the rule about what is stored is
    still the same.
    """
    x, out = inputs[0], outputs[0]
    order = [p for p in params.order if p >= 0]
    if sorted(order) != list(range(x.rank)):
        raise ValueError(f"{order} is no permutation of {x.rank} dimensions")
    stored = x.values.transpose(x.to_stored)
    last = x.rank - 1
    return stored.transpose([last - p for p in reversed(order)]).transpose(out.from_stored)


def pad(params: PadParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Pad (71): margins are listed by stored position."""
    x = inputs[0]
    margins = [(0, 0)] * x.rank
    for position, margin in enumerate(zip(params.begins, params.ends, strict=True)):
        if position < x.rank:
            margins[x.axis(position)] = margin
        elif margin != (0, 0):
            raise ValueError(f"padding of position {position} of {x.rank} dimensions")
    must_fill(
        outputs[0],
        tuple(n + sum(margin) for n, margin in zip(x.shape, margins, strict=True)),
    )
    mode: Any = PAD_MODES[params.mode]
    if mode == "constant":
        return np.pad(x.values, margins, constant_values=params.value)
    return np.pad(x.values, margins, mode=mode)


def tile(params: TileParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Tile (28): the input ``tiles`` times along one axis."""
    x = inputs[0]
    times = [1] * x.rank
    times[x.axis(params.axis)] = params.tiles
    must_fill(outputs[0], tuple(n * t for n, t in zip(x.shape, times, strict=True)))
    return np.tile(x.values, times)


def upsampling(params: UpsamplingParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Upsampling (73): pixels apart from each other, zeros between and around."""
    out = np.zeros(outputs[0].planes(), np.float32)
    x = inputs[0].as_planes()
    _, _, height, width = x.shape
    rows = slice(params.pad_top, params.pad_top + (height - 1) * params.factor_y + 1)
    columns = slice(params.pad_left, params.pad_left + (width - 1) * params.factor_x + 1)
    out[:, :, rows, columns][:, :, :: params.factor_y, :: params.factor_x] = x
    return out.reshape(outputs[0].shape)


def reorg_yolo(params: ReorgYoloParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ReorgYolo (30), as Darknet does it: a plane of every s-th pixel, but of other planes.

    The input counts as (C/s^2, H*s, W*s) whatever its shape says; channel (dy*s + dx)*C/s^2 + c,
    an H x W plane, holds that view's [c, y*s + dy, x*s + dx].
    """
    x, s = inputs[0].as_planes(), params.stride
    n, c, height, width = x.shape
    blocks = x.reshape(n, c // s**2, height, s, width, s)
    return blocks.transpose(0, 3, 5, 1, 2, 4).reshape(outputs[0].shape)
