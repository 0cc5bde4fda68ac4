"""Reading and writing by index."""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import (
    Buffer,
    GatherElementsParams,
    GatherNDParams,
    GatherParams,
    OneHotParams,
    ReverseSequenceParams,
    Stage,
    StridedSliceParams,
)
from oakwright.errors import RunError

from ..graph import F32, I32, Value, make
from ..lifter import Lifter
from ..ops import constant, convert, gather, reshape, slice_box
from ..views import View, logical_axis


def gathering(lift: Lifter, stage: Stage) -> None:
    """Gather: slices along one axis, picked by index."""
    source = stage.buffer("input")
    axis = logical_axis(source.desc, cast(GatherParams, stage.params).axis)
    indices = _indices(lift, stage.buffer("indices"))
    lift.write(stage.buffer("output"), gather(lift.read(source), indices, axis))


def gather_elements(lift: Lifter, stage: Stage) -> None:
    """GatherElements: an index for every element; the axis is in IR order."""
    x, indices = lift.read(stage.buffer("input")), _indices(lift, stage.buffer("indices"))
    axis = cast(GatherElementsParams, stage.params).axis
    y = make("GatherElements", (x, indices), indices.shape, x.dtype, axis=axis)
    lift.write(stage.buffer("output"), y)


def gather_nd(lift: Lifter, stage: Stage) -> None:
    """GatherND: the last axis of the indices is a place in the input."""
    x, indices = lift.read(stage.buffer("input")), _indices(lift, stage.buffer("indices"))
    batch = cast(GatherNDParams, stage.params).batch_dims
    depth = indices.shape[-1]
    if not 0 <= batch < indices.rank or batch + depth > x.rank:
        raise RunError(f"places of {depth} coordinates after {batch} of {x.rank} axes")
    # Opset 5 flattens the batch axes into one.
    lead = [int(np.prod(indices.shape[:batch]))] if batch else []
    shape = (*lead, *indices.shape[batch:-1], *x.shape[batch + depth :])
    y = make("GatherND", (x, indices), shape, x.dtype, batch_dims=batch)
    lift.write(stage.buffer("output"), y)


def scatter_update(lift: Lifter, stage: Stage) -> None:
    """ScatterUpdate: slices along one axis replaced."""
    _scatter(lift, stage, "ScatterUpdate")


def scatter_elements_update(lift: Lifter, stage: Stage) -> None:
    """ScatterElementsUpdate: single elements replaced along one axis."""
    _scatter(lift, stage, "ScatterElementsUpdate")


def _scatter(lift: Lifter, stage: Stage, op: str) -> None:
    x, updates = lift.read(stage.buffer("input")), lift.read(stage.buffer("updates"))
    indices = _indices(lift, stage.buffer("indices"))
    axis = int(lift.flat(stage.buffer("axis"))[0])
    if not -x.rank <= axis < x.rank:
        raise RunError(f"axis {axis} of {x.rank}")
    axis %= x.rank
    if op == "ScatterUpdate":
        updates = reshape(updates, x.shape[:axis] + indices.shape + x.shape[axis + 1 :])
    y = make(op, (x, indices, updates, constant(np.array(axis, np.int32))), x.shape, x.dtype)
    lift.write(stage.buffer("output"), y)


def strided_slice(lift: Lifter, stage: Stage) -> None:
    """StridedSlice: axes in IR order; a mask bit of 1 uses the value, 0 takes the whole range."""
    params = cast(StridedSliceParams, stage.params)
    if params.new_axis_mask or params.shrink_axis_mask or params.ellipsis_mask:
        raise RunError("a slice that adds or removes axes")
    x = lift.read(stage.buffer("input"))
    first, last = (lift.flat(stage.buffer(role)).tolist() for role in ("begin", "end"))
    steps = [1] * len(first)
    if "strides" in stage.operands:
        steps = lift.flat(stage.buffer("strides")).tolist()
    if not len(first) == len(last) == len(steps) <= x.rank or 0 in steps:
        raise RunError(f"bounds {first}, {last}, {steps} for {x.rank} axes")
    box = [(0, d, 1) for d in x.shape]
    for axis, (b, e, s) in enumerate(zip(first, last, steps, strict=True)):
        wanted = slice(
            b if params.begin_mask >> axis & 1 else None,
            e if params.end_mask >> axis & 1 else None,
            s,
        )
        box[axis] = wanted.indices(x.shape[axis])
    if any(len(range(*each)) == 0 for each in box):
        raise RunError("an empty slice")
    if all(s > 0 for _, _, s in box):
        begin, end, step = zip(*box, strict=True)
        lift.write(stage.buffer("output"), slice_box(x, begin, end, step))
        return
    # Backwards along an axis: the op has no way to say "before the first" but a negative end.
    first, last, steps = ([each[i] for each in box] for i in range(3))
    last = [
        e - d - 1 if s < 0 and e < 0 else e for e, d, s in zip(last, x.shape, steps, strict=True)
    ]
    shape = tuple(len(range(*each)) for each in box)
    y = make("StridedSlice", (x,), shape, x.dtype, begin=first, end=last, step=steps)
    lift.write(stage.buffer("output"), y)


def one_hot(lift: Lifter, stage: Stage) -> None:
    """OneHot: ``on`` where the index is the place along the axis, else ``off``."""
    params = cast(OneHotParams, stage.params)
    output = stage.buffer("output")
    axis = logical_axis(output.desc, params.axis)
    shape = View.of(output).shape
    indices = _indices(lift, stage.buffer("input"))
    indices = reshape(indices, shape[:axis] + shape[axis + 1 :])
    values = [constant(np.array(v, np.float32)) for v in (params.on_value, params.off_value)]
    operands = (indices, constant(np.array(params.depth, np.int32)), *values)
    if params.depth != shape[axis]:
        raise RunError(f"a depth of {params.depth} in {output}")
    lift.write(output, make("OneHot", operands, shape, F32, axis=axis))


def reverse_sequence(lift: Lifter, stage: Stage) -> None:
    """ReverseSequence: per batch entry the first ``length`` steps backwards."""
    params = cast(ReverseSequenceParams, stage.params)
    source = stage.buffer("input")
    x, lengths = lift.read(source), _indices(lift, stage.buffer("lengths"))
    y = make(
        "ReverseSequence",
        (x, reshape(lengths, [lengths.size])),
        x.shape,
        x.dtype,
        batch_axis=logical_axis(source.desc, params.batch_axis),
        seq_axis=logical_axis(source.desc, params.seq_axis),
    )
    lift.write(stage.buffer("output"), y)


def _indices(lift: Lifter, buffer: Buffer) -> Value:
    """Indices as I32; they may be stored as FP16."""
    return convert(lift.read(buffer), I32)
