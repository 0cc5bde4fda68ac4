"""Reductions along axes, the k best, and normalisations."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from oakwright.blob import (
    GRNParams,
    LRNParams,
    MVNParams,
    NormalizeParams,
    Stage,
    StageType,
    TopKMode,
    TopKParams,
    TopKSort,
)
from oakwright.errors import RunError

from ..graph import I32, make, make_many
from ..lifter import Lifter, truth
from ..ops import binary, constant, per_channel, reduce, unary
from ..views import logical_axis
from .windows import planes

_REDUCTIONS = {
    StageType.ReduceMean: "ReduceMean",
    StageType.ReduceSum: "ReduceSum",
    StageType.ReduceMax: "ReduceMax",
    StageType.ReduceMin: "ReduceMin",
}


def reduction(lift: Lifter, stage: Stage) -> None:
    """ReduceMean, Sum, Max, Min, And over constant axes given as stored positions."""
    source = stage.buffer("input")
    x = lift.read(source)
    positions = lift.flat(stage.buffer("axes")).tolist()
    if any(not 0 <= p < x.rank for p in positions):
        raise RunError(f"axes {positions} of {x.rank}")
    axes = [logical_axis(source.desc, p) for p in positions]
    keep = stage.buffer("output").desc.rank == x.rank
    if stage.type == StageType.ReduceAnd:
        y = reduce("ReduceLogicalAnd", truth(x), axes, keep)
    else:
        y = reduce(_REDUCTIONS[StageType(stage.type)], x, axes, keep)
    lift.write(stage.buffer("output"), y)


def top_k(lift: Lifter, stage: Stage) -> None:
    """TopK: values and indices of the k greatest or least."""
    params = cast(TopKParams, stage.params)
    source = stage.buffer("input")
    x = lift.read(source)
    axis = logical_axis(source.desc, params.axis)
    count = int(lift.flat(stage.buffer("k"))[0])
    if not 0 < count <= x.shape[axis]:
        raise RunError(f"the {count} best of {x.shape[axis]}")
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    sorts = {TopKSort.NONE: "none", TopKSort.VALUE: "value", TopKSort.INDEX: "index"}
    values, indices = make_many(
        "TopK",
        (x, constant(np.array(count, np.int32))),
        [(shape, x.dtype), (shape, I32)],
        axis=axis,
        mode="max" if params.mode is TopKMode.MAX else "min",
        sort=sorts[params.sort],
    )
    if params.has_values:
        lift.write(stage.buffer("values"), values)
    if params.has_indices:
        lift.write(stage.buffer("indices"), indices)


def normalize(lift: Lifter, stage: Stage) -> None:
    """Normalize: x / sqrt(sum x^2 + eps) * scales, the sum over C, or over C, H and W."""
    params = cast(NormalizeParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    axes = constant(np.array([1, 2, 3] if params.across_spatial else [1], np.int32))
    y = make("NormalizeL2", (x, axes), x.shape, eps=params.eps, eps_mode="add")
    scales = lift.flat(stage.buffer("scales"))
    if params.channel_shared:
        scales = scales[:1]
    if (scales != 1).any():
        y = binary("Multiply", y, per_channel(scales, 4))
    lift.write(stage.buffer("output"), y)


def mean_variance(lift: Lifter, stage: Stage) -> None:
    """MVN: mean 0 and, if asked for, variance 1 over H, W or C, H, W."""
    params = cast(MVNParams, stage.params)
    x = planes(lift.read(stage.buffer("input")))
    axes = constant(np.array([1, 2, 3] if params.across_channels else [2, 3], np.int32))
    y = make(
        "MVN",
        (x, axes),
        x.shape,
        normalize_variance=params.normalize_variance,
        eps=params.eps,
        eps_mode="INSIDE_SQRT",
    )
    lift.write(stage.buffer("output"), y)


def global_response(lift: Lifter, stage: Stage) -> None:
    """GRN: x / sqrt(sum over channels of x^2 + bias)."""
    x = planes(lift.read(stage.buffer("input")))
    y = unary("GRN", x, bias=cast(GRNParams, stage.params).bias)
    lift.write(stage.buffer("output"), y)


def _local_response(axes: list[int]) -> Callable[[Lifter, Stage], None]:
    def lift_lrn(lift: Lifter, stage: Stage) -> None:
        params = cast(LRNParams, stage.params)
        x = planes(lift.read(stage.buffer("input")))
        if not 0 < params.size < 1 << 16:
            raise RunError(f"a normalisation over {params.size} neighbours")
        y = make(
            "LRN",
            (x, constant(np.array(axes, np.int32))),
            x.shape,
            alpha=params.alpha,
            beta=params.beta,
            bias=params.k,
            size=params.size,
        )
        lift.write(stage.buffer("output"), y)

    return lift_lrn


across_channels = _local_response([1])
within_channel = _local_response([2, 3])
