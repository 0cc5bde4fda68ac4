"""Functions of one element, and of one element and its channel's constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from oakwright.blob import (
    Buffer,
    ClampParams,
    ConvertParams,
    EluParams,
    PowerParams,
    ReluParams,
    RoundMode,
    RoundParams,
    SCReluParams,
    SoftMaxParams,
    Stage,
    SwishParams,
)

from ..graph import F32, Value, make
from ..lifter import Lifter
from ..ops import binary, constant, convert, per_channel, scale, shift, unary
from ..views import logical_axes, logical_axis
from .hardware import leaky_relu

Lift = Callable[[Lifter, Stage], None]


def _plain(op: str, **attributes: object) -> Lift:
    """A stage that is one op without parameters."""

    def lift_plain(lift: Lifter, stage: Stage) -> None:
        x = lift.read(stage.buffer("input"))
        lift.write(stage.buffer("output"), unary(op, x, **attributes))

    return lift_plain


sigmoid = _plain("Sigmoid")
tanh = _plain("Tanh")
exp = _plain("Exp")
log = _plain("Log")
floor = _plain("Floor")
ceiling = _plain("Ceiling")
erf = _plain("Erf")
mish = _plain("Mish")
gelu = _plain("Gelu")
soft_plus = _plain("SoftPlus")
hswish = _plain("HSwish")


def relu(lift: Lifter, stage: Stage) -> None:
    """Relu, LeakyRelu, BiasRelu, BiasLeakyRelu: x + bias, then x < 0 ? x * slope : x."""
    x = lift.read(stage.buffer("input"))
    if "bias" in stage.operands:
        x = binary("Add", x, _by_channel(lift, stage, "bias"))
    slope = cast(ReluParams, stage.params).negative_slope
    lift.write(stage.buffer("output"), leaky_relu(x, slope))


def bias(lift: Lifter, stage: Stage) -> None:
    """Bias: x + bias of the channel."""
    x = lift.read(stage.buffer("input"))
    lift.write(stage.buffer("output"), binary("Add", x, _by_channel(lift, stage, "bias")))


def scale_shift(lift: Lifter, stage: Stage) -> None:
    """Scale, ScaleShift: x * scale of the channel, + bias of the channel if any."""
    x = lift.read(stage.buffer("input"))
    x = binary("Multiply", x, _by_channel(lift, stage, "scale"))
    if "bias" in stage.operands:
        x = binary("Add", x, _by_channel(lift, stage, "bias"))
    lift.write(stage.buffer("output"), x)


def prelu(lift: Lifter, stage: Stage) -> None:
    """PRelu: a slope per channel."""
    source = stage.buffer("input")
    x = lift.read(source)
    slopes = lift.read(stage.buffer("slopes"))
    if x.rank != 2 and slopes.constant is not None and _channel_axis(source) == 1:
        # One number per channel is what the op takes, whatever the rank.
        slopes = constant(slopes.constant.ravel())
        lift.write(stage.buffer("output"), make("PRelu", (x, slopes), x.shape))
        return
    negative = binary("Minimum", x, constant(np.float32(0)))
    positive = unary("Relu", x)
    y = binary("Add", positive, binary("Multiply", negative, _by_channel(lift, stage, "slopes")))
    lift.write(stage.buffer("output"), y)


def scale_bias_relu(lift: Lifter, stage: Stage) -> None:
    """SCRelu: scale, bias and leaky ReLU in one."""
    x = lift.read(stage.buffer("input"))
    x = binary("Multiply", x, _by_channel(lift, stage, "scales"))
    x = binary("Add", x, _by_channel(lift, stage, "biases"))
    slope = cast(SCReluParams, stage.params).negative_slope
    lift.write(stage.buffer("output"), leaky_relu(x, slope))


def clamp(lift: Lifter, stage: Stage) -> None:
    """Clamp to [min, max]."""
    params = cast(ClampParams, stage.params)
    x = lift.read(stage.buffer("input"))
    y = unary("Clamp", x, min_value=params.min_value, max_value=params.max_value)
    lift.write(stage.buffer("output"), y)


def elu(lift: Lifter, stage: Stage) -> None:
    """Elu: x < 0 ? alpha * (exp(x) - 1) : x."""
    x = lift.read(stage.buffer("input"))
    lift.write(stage.buffer("output"), unary("Elu", x, alpha=cast(EluParams, stage.params).alpha))


def swish(lift: Lifter, stage: Stage) -> None:
    """Swish: x * sigmoid(beta * x)."""
    x = lift.read(stage.buffer("input"))
    y = unary("Swish", x, beta=cast(SwishParams, stage.params).beta)
    lift.write(stage.buffer("output"), y)


def round_(lift: Lifter, stage: Stage) -> None:
    """Round, halves to even or away from zero."""
    modes = {
        RoundMode.HALF_TO_EVEN: "half_to_even",
        RoundMode.HALF_AWAY_FROM_ZERO: "half_away_from_zero",
    }
    x = lift.read(stage.buffer("input"))
    y = unary("Round", x, mode=modes[cast(RoundParams, stage.params).mode])
    lift.write(stage.buffer("output"), y)


def power(lift: Lifter, stage: Stage) -> None:
    """Power: (x * scale + bias) ** power."""
    params = cast(PowerParams, stage.params)
    x = lift.read(stage.buffer("input"))
    y = shift(scale(x, params.scale), params.bias)
    if params.power == 0.5:
        y = unary("Sqrt", y)
    elif params.power != 1:
        y = binary("Power", y, constant(np.array(params.power, np.float32)))
    lift.write(stage.buffer("output"), y)


def cast_to(lift: Lifter, stage: Stage) -> None:
    """Convert: cast(x * scale + bias)."""
    params = cast(ConvertParams, stage.params)
    x = lift.read(stage.buffer("input"))
    if params.scale != 1 or params.bias != 0:
        x = shift(scale(convert(x, F32), params.scale), params.bias)
    lift.write(stage.buffer("output"), x)


def soft_max(lift: Lifter, stage: Stage) -> None:
    """SoftMax along one axis."""
    source = stage.buffer("input")
    axis = logical_axis(source.desc, cast(SoftMaxParams, stage.params).axis)
    lift.write(stage.buffer("output"), unary("Softmax", lift.read(source), axis=axis))


def _channel_axis(buffer: Buffer) -> int:
    return logical_axes(buffer.desc).index("C")


def _by_channel(lift: Lifter, stage: Stage, role: str) -> Value:
    """A 1-D constant broadcast along the input's channel axis."""
    source = stage.buffer("input")
    rank = source.desc.rank
    return per_channel(lift.flat(stage.buffer(role)), rank, _channel_axis(source))
