"""Functions of two or three tensors, broadcast as numpy does: missing outer axes are 1.

All share one parameter record: two coefficients that only Sum uses, and an activation that may
follow. If the first operand is S32, arithmetic is on integers.
"""

# numpy's stubs call arithmetic on arrays of any type Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oakwright.blob import EltwiseParams, StageType

from .activation import Kernel
from .tensor import Array, Form, Tensor, must_fill

NO_POST_OPERATION = -1


def eltwise(function: Callable[[Array, Array], Array]) -> Kernel:
    """A kernel from a function of two arrays."""

    def kernel(params: EltwiseParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
        a, b = operands(inputs[:2], outputs[0])
        return post_operation(params, function(a, b)).reshape(outputs[0].shape)

    kernel.__name__ = getattr(function, "__name__", "eltwise")
    kernel.__doc__ = function.__doc__
    return kernel


def operands(inputs: list[Tensor], out: Form) -> list[Array]:
    """The values of tensors that broadcast to the output, each other's sizes permitting."""
    must_fill(out, np.broadcast_shapes(*(x.shape for x in inputs)))
    return [x.values for x in inputs]


def weighted_sum(params: EltwiseParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Sum (12): a * c1 + b * c2."""
    a, b = operands(inputs[:2], outputs[0])
    kind = np.result_type(a.dtype.type, np.int32 if a.dtype.kind in "iu" else np.float32).type
    return post_operation(params, a * kind(params.coeff1) + b * kind(params.coeff2))


def post_operation(params: EltwiseParams, y: Array) -> Array:
    """Apply the activation that the compiler merged into the stage, if any."""
    if params.post_op == NO_POST_OPERATION:
        return y
    if params.post_op == StageType.Relu:
        return np.maximum(y, 0)
    if params.post_op == StageType.LeakyRelu:
        return np.where(y < 0, y * np.float32(params.negative_slope), y)
    if params.post_op == StageType.Clamp:
        return np.clip(y, np.float32(params.min_value), np.float32(params.max_value))
    raise ValueError(f"post-operation {params.post_op} is not known")


def select(_: EltwiseParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Select (90): b where the condition a is not 0, else c."""
    condition, then, otherwise = operands(inputs, outputs[0])
    return np.where(condition != 0, then, otherwise)


def logical_not(_: EltwiseParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Logical_NOT (84): 1 where the operand is 0."""
    return inputs[0].values == 0


def divide(a: Array, b: Array) -> Array:
    """Div (75): a / b; of integers rounded towards zero."""
    if a.dtype.kind in "iu":
        return np.trunc(a / np.where(b == 0, 1, b)).astype(a.dtype)
    return a / b


def floor_mod(a: Array, b: Array) -> Array:
    """Floor_mod (89): what is left of a after whole multiples of b, with the sign of b."""
    return a - np.floor(a / b).astype(a.dtype) * b


def squared_difference(a: Array, b: Array) -> Array:
    """Squared_diff (77): (a - b)^2."""
    return np.square(a - b)
