"""Functions of two operands, broadcast as numpy does on the logical axes."""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import EltwiseParams, Stage, StageType
from oakwright.errors import RunError

from ..graph import BOOL, F32, Value, make
from ..lifter import Lifter, truth
from ..ops import binary, convert, scale, unary
from .hardware import leaky_relu

_OPS = {
    StageType.Sum: "Add",
    StageType.Prod: "Multiply",
    StageType.Max: "Maximum",
    StageType.Min: "Minimum",
    StageType.Div: "Divide",
    StageType.Squared_diff: "SquaredDifference",
    StageType.Pow: "Power",
    StageType.Floor_mod: "FloorMod",
    StageType.Equal: "Equal",
    StageType.Not_equal: "NotEqual",
    StageType.Greater: "Greater",
    StageType.Greater_equal: "GreaterEqual",
    StageType.Less: "Less",
    StageType.Less_equal: "LessEqual",
}
_LOGICAL = {
    StageType.Logical_AND: "LogicalAnd",
    StageType.Logical_OR: "LogicalOr",
    StageType.Logical_XOR: "LogicalXor",
}


def eltwise(lift: Lifter, stage: Stage) -> None:
    """All two-operand stages; a Sum weighs its operands, and a ReLU or clamp may follow."""
    params = cast(EltwiseParams, stage.params)
    a, b = (lift.read(stage.buffer(role)) for role in ("input0", "input1"))
    if stage.type in _LOGICAL:
        y = binary(_LOGICAL[StageType(stage.type)], truth(a), truth(b))
    else:
        if a.dtype != b.dtype:
            a, b = convert(a, F32), convert(b, F32)
        if stage.type == StageType.Sum:
            y = _sum(a, b, params)
        else:
            y = binary(_OPS[StageType(stage.type)], a, b)
    lift.write(stage.buffer("output"), _followed(y, params))


def _sum(a: Value, b: Value, params: EltwiseParams) -> Value:
    if (params.coeff1, params.coeff2) == (1, -1):
        return binary("Subtract", a, b)
    return binary("Add", scale(a, params.coeff1), scale(b, params.coeff2))


def _followed(y: Value, params: EltwiseParams) -> Value:
    if params.post_op == -1:
        return y
    if params.post_op == StageType.Relu:
        return unary("Relu", y)
    if params.post_op == StageType.LeakyRelu:
        return leaky_relu(y, params.negative_slope)
    if params.post_op == StageType.Clamp:
        low, high = float(params.min_value), float(params.max_value)
        return unary("Clamp", y, min_value=low, max_value=high)
    raise RunError(f"stage type {params.post_op} fused behind an elementwise one")


def logical_not(lift: Lifter, stage: Stage) -> None:
    """Logical_NOT: 1 where the operand is 0."""
    x = truth(lift.read(stage.buffer("input0")))
    lift.write(stage.buffer("output"), make("LogicalNot", (x,), x.shape, BOOL))


def select(lift: Lifter, stage: Stage) -> None:
    """Select: input0 != 0 ? input1 : input2."""
    condition = truth(lift.read(stage.buffer("input0")))
    a, b = (lift.read(stage.buffer(role)) for role in ("input1", "input2"))
    shape = tuple(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    lift.write(stage.buffer("output"), make("Select", (condition, a, b), shape, a.dtype))
