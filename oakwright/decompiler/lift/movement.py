"""Moving values without computing: copies, orders, padding, repetitions, resizing."""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import (
    CoordinateMode,
    InterpolateMode,
    InterpParams,
    NearestMode,
    PadMode,
    PadParams,
    PermuteParams,
    ReorgYoloParams,
    ResampleParams,
    ResampleType,
    Stage,
    TileParams,
)
from oakwright.errors import RunError

from ..graph import Value, make
from ..lifter import Lifter
from ..ops import constant, pad, transpose
from ..views import logical_axis
from .windows import planes

_PAD_MODES = {
    PadMode.CONSTANT: "constant",
    PadMode.EDGE: "edge",
    PadMode.REFLECT: "reflect",
    PadMode.SYMMETRIC: "symmetric",
}
_COORDINATES = {
    CoordinateMode.HALF_PIXEL: "half_pixel",
    CoordinateMode.PYTORCH_HALF_PIXEL: "pytorch_half_pixel",
    CoordinateMode.ASYMMETRIC: "asymmetric",
    CoordinateMode.TF_HALF_PIXEL_FOR_NN: "tf_half_pixel_for_nn",
    CoordinateMode.ALIGN_CORNERS: "align_corners",
}
_NEAREST = {
    NearestMode.ROUND_PREFER_FLOOR: "round_prefer_floor",
    NearestMode.ROUND_PREFER_CEIL: "round_prefer_ceil",
    NearestMode.FLOOR: "floor",
    NearestMode.CEIL: "ceil",
    NearestMode.SIMPLE: "simple",
}
_LINEAR = {InterpolateMode.LINEAR: "linear", InterpolateMode.LINEAR_ONNX: "linear_onnx"}


def copy(lift: Lifter, stage: Stage) -> None:
    """Copy: the same value in another place."""
    lift.write(stage.buffer("output"), lift.read(stage.buffer("input")))


def permute(lift: Lifter, stage: Stage) -> None:
    """Permute: stored dim i of the output is stored dim p[i] of the input."""
    x = lift.read_stored(stage.buffer("input"))
    order = [p for p in cast(PermuteParams, stage.params).order if p >= 0]
    if sorted(order) != list(range(x.rank)):
        raise RunError(f"{order} is no order of {x.rank} axes")
    last = x.rank - 1
    lift.write_stored(stage.buffer("output"), transpose(x, [last - p for p in reversed(order)]))


def padding(lift: Lifter, stage: Stage) -> None:
    """Pad: amounts per stored position of the input."""
    params = cast(PadParams, stage.params)
    source = stage.buffer("input")
    x = lift.read(source)
    begin, end = [0] * x.rank, [0] * x.rank
    for position, amounts in enumerate(zip(params.begins, params.ends, strict=True)):
        if position < x.rank:
            axis = logical_axis(source.desc, position)
            begin[axis], end[axis] = amounts
        elif any(amounts):
            raise RunError(f"padding of axis {position} of {x.rank}")
    y = pad(x, begin, end, _PAD_MODES[params.mode], params.value)
    lift.write(stage.buffer("output"), y)


def tile(lift: Lifter, stage: Stage) -> None:
    """Tile: repeat along one axis."""
    params = cast(TileParams, stage.params)
    source = stage.buffer("input")
    x = lift.read(source)
    repeats = np.ones(x.rank, np.int32)
    axis = logical_axis(source.desc, params.axis)
    repeats[axis] = params.tiles
    shape = tuple(d * int(r) for d, r in zip(x.shape, repeats, strict=True))
    lift.write(stage.buffer("output"), make("Tile", (x, constant(repeats)), shape, x.dtype))


def space_to_depth(lift: Lifter, stage: Stage) -> None:
    """ReorgYolo: channel (dy*s + dx)*C + c holds in[c, y*s + dy, x*s + dx]."""
    x = planes(lift.read(stage.buffer("input")))
    stride = cast(ReorgYoloParams, stage.params).stride
    n, c, h, w = x.shape
    if stride < 1 or h % stride or w % stride:
        raise RunError(f"{x.shape} in blocks of {stride}")
    shape = (n, c * stride * stride, h // stride, w // stride)
    y = make("ReorgYolo", (x,), shape, x.dtype, stride=[stride])
    lift.write(stage.buffer("output"), y)


def resample(lift: Lifter, stage: Stage) -> None:
    """Resample: nearest resize to the output's size."""
    params = cast(ResampleParams, stage.params)
    if params.type is not ResampleType.NEAREST:
        raise RunError(f"a Resample by {params.type.name}: only NEAREST is known")
    _resize(
        lift, stage, "nearest", _COORDINATES[params.coordinate_mode], _NEAREST[params.nearest_mode]
    )


def interpolate(lift: Lifter, stage: Stage) -> None:
    """Interp: bilinear resize to the output's size."""
    params = cast(InterpParams, stage.params)
    if params.mode not in _LINEAR:
        raise RunError(f"an Interp by {params.mode.name}: only the LINEAR ones are known")
    coordinates = _COORDINATES[params.coordinate_mode]
    if params.align_corners:
        coordinates = "align_corners"
    _resize(lift, stage, "linear_onnx", coordinates, "simple")


def _resize(lift: Lifter, stage: Stage, mode: str, coordinates: str, nearest: str) -> None:
    x: Value = planes(lift.read(stage.buffer("input")))
    output = stage.buffer("output")
    size = (output.desc.dim("H"), output.desc.dim("W"))
    y = make(
        "Interpolate",
        (x,),
        (*x.shape[:2], *size),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode=nearest,
    )
    lift.write(output, y)
