"""One step of a recurrent layer, in multiplications and activations. No rules here.

Formulas and the order of gates are those of OpenVINO's specification of LSTMCell-4 (f, i, c, o),
GRUCell-3 (z, r, h) and RNNCell-1. ``B`` is the batch, ``H`` the hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .rewrite import Refusal, Value, const, constant_input, dtype_of, op

Floats: TypeAlias = NDArray[np.float32]
Function: TypeAlias = Callable[["Output | Node"], "Output | Node"]
Tensor: TypeAlias = "Output | Node"


@dataclass(frozen=True)
class Step:
    """Attributes that steps of one layer share; ``activations`` already clip their argument."""

    hidden: int
    activations: tuple[Function, ...]
    linear_before_reset: bool = False
    native: bool = False  # the engine's own LSTMCell does

    @classmethod
    def of(cls, node: Node) -> Step:
        """What a cell or sequence says of its steps; a Refusal for an activation we do not know."""
        attrs = node.get_attributes()
        names = tuple(str(a).lower() for a in attrs["activations"])
        clip = float(attrs["clip"])
        alphas = [float(a) for a in attrs.get("activations_alpha", [])]
        betas = [float(b) for b in attrs.get("activations_beta", [])]
        functions = []
        for index, name in enumerate(names):
            if name not in _ACTIVATIONS:
                raise Refusal(
                    f"the activation '{name}' of {node.get_type_name()}",
                    f"use one of {', '.join(sorted(_ACTIVATIONS))}",
                )
            alpha = alphas[index] if index < len(alphas) else 0.2
            beta = betas[index] if index < len(betas) else 0.5
            # The third, of an LSTM's cell state, is not clipped.
            functions.append(_clipped(_ACTIVATIONS[name](alpha, beta), clip if index < 2 else 0.0))
        return cls(
            hidden=int(attrs["hidden_size"]),
            activations=tuple(functions),
            linear_before_reset=bool(attrs.get("linear_before_reset", False)),
            native=names == ("sigmoid", "tanh", "tanh") and clip == 0,
        )


@dataclass(frozen=True)
class Weights:
    """Constants of one direction: ``w`` (gates*H, inputs), ``r`` (gates*H, H), ``b``."""

    w: Floats
    r: Floats
    b: Floats

    @classmethod
    def of(cls, node: Node, first: int, direction: int | None = None) -> Weights:
        """Inputs ``first``, ``first + 1``, ``first + 2`` of a node, one direction of them."""
        arrays = []
        for index in range(first, first + 3):
            if index < len(node.inputs()):
                values = constant_input(node, index).astype(np.float32)
                arrays.append(values if direction is None else values[direction])
            else:  # a cell's bias may be left out
                gates = arrays[0].shape[0]
                extra = gates // 3 if node.get_attributes().get("linear_before_reset") else 0
                arrays.append(np.zeros(gates + extra, np.float32))
        return cls(*arrays)


def gru_projection(step: Step, weights: Weights) -> tuple[Floats, Floats]:
    """The matrix and bias that the input meets, for z, r and h together."""
    if step.linear_before_reset:
        return weights.w, weights.b[: 3 * step.hidden]
    return weights.w, weights.b


def gru_step(
    step: Step, weights: Weights, gates: tuple[Tensor, Tensor], hidden: Tensor
) -> Output | Node:
    """One GRU step: ``gates`` are the projected input for (z, r) [B, 2H] and for h [B, H]."""
    inner, outer = step.activations[0], step.activations[1]
    size = step.hidden
    r_gates, r_new = weights.r[: 2 * size], weights.r[2 * size :]
    opened = inner(_sum(dense(hidden, r_gates), gates[0]))
    update, reset = op("Split", [opened, 1], {"num_splits": 2}).outputs()
    if step.linear_before_reset:
        recalled: Tensor = op("Add", [dense(hidden, r_new), _row(weights.b[3 * size :], hidden)])
        recalled = op("Multiply", [reset, recalled])
    else:
        recalled = dense(op("Multiply", [reset, hidden]), r_new)
    new = outer(_sum(recalled, gates[1]))
    # (1 - z) new + z h, with one multiplication.
    change = op("Multiply", [update, op("Subtract", [hidden, new])])
    return op("Add", [new, change])


def rnn_step(step: Step, weights: Weights, projected: Tensor, hidden: Tensor) -> Output | Node:
    """One step of a plain recurrent layer; ``projected`` is W x + b [B, H]."""
    return step.activations[0](_sum(dense(hidden, weights.r), projected))


def lstm_step(
    step: Step, weights: Weights, projected: Tensor, hidden: Tensor, cell: Tensor
) -> tuple[Output | Node, Output | Node]:
    """One LSTM step with other activations or clipping; ``projected`` is W x + b [B, 4H]."""
    inner, middle, outer = step.activations
    gates = _sum(dense(hidden, weights.r), projected)
    forget, enter, new, leave = op("Split", [gates, 1], {"num_splits": 4}).outputs()
    kept = op("Multiply", [inner(forget), cell])
    cell = op("Add", [kept, op("Multiply", [inner(enter), middle(new)])])
    return op("Multiply", [inner(leave), outer(cell)]), cell


def lstm_native(
    step: Step, weights: Weights, x: Tensor, hidden: Tensor, cell: Tensor
) -> tuple[Output, Output]:
    """One LSTM step as the engine's own cell; ``x`` [B, inputs]."""
    inputs: list[Value] = [x, hidden, cell, weights.w, weights.r, weights.b]
    outputs = op("LSTMCell", inputs, {"hidden_size": step.hidden}, version=4).outputs()
    return outputs[0], outputs[1]


def dense(x: Tensor, matrix: Floats) -> Node:
    """``x`` [B, k] times the transpose of ``matrix`` (m, k): [B, m]."""
    return op("MatMul", [x, matrix], {"transpose_a": False, "transpose_b": True})


def _sum(product: Tensor, term: Tensor) -> Node:
    # The product first: the other way round OpenVINO's CPU plugin (2026.4.1) overwrites the state
    # of a loop with it, from the second step on.
    return op("Add", [product, term])


def _row(values: Floats, like: Tensor) -> Output:
    return const(values[None, :], dtype_of(like))


def _clipped(function: Function, clip: float) -> Function:
    if clip == 0 or np.isinf(clip):
        return function
    return lambda x: function(op("Clamp", [x], {"min": -clip, "max": clip}))


def _hard_sigmoid(alpha: float, beta: float) -> Function:
    def function(x: Tensor) -> Node:
        dtype = dtype_of(x)
        line = op("Add", [op("Multiply", [x, const(alpha, dtype)]), const(beta, dtype)])
        return op("Clamp", [line], {"min": 0.0, "max": 1.0})

    return function


def _simple(kind: str) -> Callable[[float, float], Function]:
    return lambda alpha, beta: lambda x: op(kind, [x])


_ACTIVATIONS: dict[str, Callable[[float, float], Function]] = {
    "sigmoid": _simple("Sigmoid"),
    "tanh": _simple("Tanh"),
    "relu": _simple("Relu"),
    "hardsigmoid": _hard_sigmoid,
}


def concat(parts: Sequence[Tensor], axis: int) -> Output:
    """Several tensors as one; the tensor itself where there is one only."""
    if len(parts) == 1:
        return parts[0] if isinstance(parts[0], Output) else parts[0].output(0)
    return op("Concat", list(parts), {"axis": axis}).output(0)
