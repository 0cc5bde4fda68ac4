"""Pools on SHAVEs."""

from __future__ import annotations

from typing import cast

from oakwright.blob import PoolParams, Stage

from ..graph import Value
from ..lifter import Lifter
from ..ops import reduce
from .windows import Window, average_pool, max_pool, planes


def max_pooling(lift: Lifter, stage: Stage) -> None:
    """MaxPool: windows are clipped to the input."""
    x, windows = _operands(lift, stage)
    lift.write(stage.buffer("output"), max_pool(x, windows))


def average_pooling(lift: Lifter, stage: Stage) -> None:
    """AvgPool; exclude_pad divides by the clipped window, else by the whole one."""
    x, windows = _operands(lift, stage)
    exclude = cast(PoolParams, stage.params).exclude_pad
    lift.write(stage.buffer("output"), average_pool(x, windows, exclude))


def global_max_pooling(lift: Lifter, stage: Stage) -> None:
    """GlobalMaxPool: maximum over H and W."""
    x = planes(lift.read(stage.buffer("input")))
    lift.write(stage.buffer("output"), reduce("ReduceMax", x, [2, 3], keep_dims=True))


def _operands(lift: Lifter, stage: Stage) -> tuple[Value, list[Window]]:
    params = cast(PoolParams, stage.params)
    desc = stage.buffer("output").desc
    return planes(lift.read(stage.buffer("input"))), [
        Window(params.kernel_h, params.stride_y, params.pad_top, desc.dim("H")),
        Window(params.kernel_w, params.stride_x, params.pad_left, desc.dim("W")),
    ]
