"""Functions of one value: activations, and the per-channel bias and scale that go with them."""

# numpy's stubs call arithmetic on arrays of any type Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oakwright.blob import (
    ClampParams,
    EluParams,
    NoParams,
    PowerParams,
    ReluParams,
    RoundMode,
    RoundParams,
    SCReluParams,
    SwishParams,
)

from .tensor import Array, C, Form, Tensor

# Inputs are tensors, but for the hardware stage, whose list has None where the output stands.
Kernel = Callable[[Any, list[Any], list[Form]], Array | list[Array]]


def unary(function: Callable[[Array], Array]) -> Kernel:
    """A kernel without parameters from a function of one array."""

    def kernel(_: Any, inputs: list[Tensor], outputs: list[Form]) -> Array:
        return function(inputs[0].values)

    kernel.__name__ = getattr(function, "__name__", "unary")
    kernel.__doc__ = function.__doc__
    return kernel


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), without overflow on either side."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def softplus(x: Array) -> Array:
    """log(1 + e^x)."""
    return np.logaddexp(x, np.float32(0))


def mish(x: Array) -> Array:
    """x * tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


# Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: |error| < 1.5e-7.
_ERF_P = 0.3275911
_ERF_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def erf(x: Array) -> Array:
    """The error function."""
    magnitude = np.abs(x).astype(np.float64)
    t = 1 / (1 + _ERF_P * magnitude)
    series = np.zeros_like(t)
    for a in reversed(_ERF_A):
        series = (series + a) * t
    return np.asarray(np.sign(x) * (1 - series * np.exp(-magnitude * magnitude)), np.float32)


def gelu(x: Array) -> Array:
    """x * Phi(x), the erf form."""
    return x * (1 + erf(x / np.float32(np.sqrt(2)))) / 2


def hswish(x: Array) -> Array:
    """x * relu6(x + 3) / 6."""
    return x * np.clip(x + 3, 0, 6) / 6


def relu(params: ReluParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Relu (6), LeakyRelu (44), BiasRelu (45), BiasLeakyRelu (46)."""
    x = biased(inputs)
    return np.where(x < 0, x * np.float32(params.negative_slope), x)


def biased(inputs: list[Tensor]) -> Array:
    """The first input plus the bias per channel that may follow it."""
    if len(inputs) == 1:
        return inputs[0].values
    return inputs[0].values + per_channel(inputs[1], inputs[0])


def per_channel(coefficients: Tensor, x: Form) -> Array:
    """A 1-D [C] tensor, shaped so that it broadcasts along the channels of ``x``."""
    axis = x.axis_of(C)
    if axis is None:
        raise ValueError(f"a tensor of {x.rank} dimensions without channels")
    flat = coefficients.values.reshape(-1)
    if flat.size not in (1, x.shape[axis]):
        raise ValueError(f"{flat.size} coefficients for {x.shape[axis]} channels")
    return flat.reshape([-1 if a == axis else 1 for a in range(x.rank)])


def bias(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Bias (9): x + b[c]."""
    return biased(inputs)


def scale(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Scale (15): x * s[c]."""
    x, factors = inputs
    return x.values * per_channel(factors, x)


def scale_shift(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ScaleShift (47): x * s[c] + b[c]."""
    x, factors, shifts = inputs
    return x.values * per_channel(factors, x) + per_channel(shifts, x)


def scale_relu(params: SCReluParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """SCRelu (109): scale, bias and leaky ReLU in one."""
    x, factors, shifts = inputs
    y = x.values * per_channel(factors, x) + per_channel(shifts, x)
    return np.where(y < 0, y * np.float32(params.negative_slope), y)


def prelu(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """PRelu (10): a slope per channel for what is negative."""
    x, slopes = inputs
    return np.where(x.values < 0, x.values * per_channel(slopes, x), x.values)


def clamp(params: ClampParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Clamp (57)."""
    return np.clip(inputs[0].values, np.float32(params.min_value), np.float32(params.max_value))


def elu(params: EluParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Elu (23): alpha * (e^x - 1) for what is negative."""
    x = inputs[0].values
    return np.where(x < 0, np.float32(params.alpha) * np.expm1(np.minimum(x, 0)), x)


def swish(params: SwishParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Swish (135): x * sigmoid(beta * x)."""
    x = inputs[0].values
    return x * sigmoid(np.float32(params.beta) * x)


def power(params: PowerParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Power (26): (x * scale + bias) ^ power."""
    y = inputs[0].values * np.float32(params.scale) + np.float32(params.bias)
    return y if params.power == 1 else np.power(y, np.float32(params.power))


def round_values(params: RoundParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Round (140): halves to even, or away from zero."""
    x = inputs[0].values
    if params.mode is RoundMode.HALF_AWAY_FROM_ZERO:
        return np.trunc(x + np.copysign(np.float32(0.5), x))
    return np.rint(x)
