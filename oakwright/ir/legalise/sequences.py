"""LSTM, GRU and plain recurrent layers: unrolled, step by step.

LSTMSequence crashes the engine's parser, GRU and RNN it does not know at all. A single LSTM step
is native (LSTMCell); the others are written out. What does not depend on the previous step, the
product of the input with its weights, is done for all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .matrices import along_axis
from .recurrent import (
    Step,
    Tensor,
    Weights,
    concat,
    dense,
    gru_projection,
    gru_step,
    lstm_native,
    lstm_step,
    rnn_step,
)
from .rewrite import Refusal, Rule, array_of, const, dtype_of, op, reshape, shape_of

MAX_STEPS = 256
"""Steps of one sequence: every one is a handful of stages in the blob."""

State: TypeAlias = "tuple[Tensor, ...]"  # hidden [B, H], for LSTM then cell [B, H]
Advance: TypeAlias = Callable[[int, State], State]


def lstm_sequence(node: Node) -> Sequence[Output]:
    """LSTMSequence-5 as LSTMCells, or written out where activations are unusual."""
    step = Step.of(node)

    def direction(index: int) -> Advance:
        weights = Weights.of(node, 4, index)
        if step.native:
            inputs = _steps(node.input_value(0))
            return lambda t, state: lstm_native(step, weights, inputs[t], *state)
        projected = _steps(along_axis(node.input_value(0), 2, weights.w, weights.b))
        return lambda t, state: lstm_step(step, weights, projected[t], *state)

    return _unrolled(node, states=2, lengths_at=3, direction=direction)


def gru_sequence(node: Node) -> Sequence[Output]:
    """GRUSequence-5."""
    step = Step.of(node)

    def direction(index: int) -> Advance:
        weights = Weights.of(node, 3, index)
        projected = along_axis(node.input_value(0), 2, *gru_projection(step, weights))
        sizes = [2 * step.hidden, step.hidden]
        gates, new = op("VariadicSplit", [projected, 2, sizes]).outputs()
        opened, entering = _steps(gates), _steps(new)
        return lambda t, state: (gru_step(step, weights, (opened[t], entering[t]), state[0]),)

    return _unrolled(node, states=1, lengths_at=2, direction=direction)


def rnn_sequence(node: Node) -> Sequence[Output]:
    """RNNSequence-5."""
    step = Step.of(node)

    def direction(index: int) -> Advance:
        weights = Weights.of(node, 3, index)
        projected = _steps(along_axis(node.input_value(0), 2, weights.w, weights.b))
        return lambda t, state: (rnn_step(step, weights, projected[t], state[0]),)

    return _unrolled(node, states=1, lengths_at=2, direction=direction)


def lstm_cell(node: Node) -> Sequence[Output | Node] | None:
    """LSTMCell is native unless its activations are unusual or clip."""
    step = Step.of(node)
    if step.native:
        return None
    weights = Weights.of(node, 3)
    x, hidden, cell = node.input_values()[:3]
    projected = _with_bias(dense(x, weights.w), weights.b)
    return lstm_step(step, weights, projected, hidden, cell)


def gru_cell(node: Node) -> Sequence[Output | Node]:
    """GRUCell-3."""
    step = Step.of(node)
    weights = Weights.of(node, 2)
    x, hidden = node.input_values()[:2]
    matrix, bias = gru_projection(step, weights)
    projected = _with_bias(dense(x, matrix), bias)
    sizes = [2 * step.hidden, step.hidden]
    opened, entering = op("VariadicSplit", [projected, 1, sizes]).outputs()
    return [gru_step(step, weights, (opened, entering), hidden)]


def rnn_cell(node: Node) -> Sequence[Output | Node]:
    """RNNCell-1."""
    step = Step.of(node)
    weights = Weights.of(node, 2)
    x, hidden = node.input_values()[:2]
    return [rnn_step(step, weights, _with_bias(dense(x, weights.w), weights.b), hidden)]


def _unrolled(
    node: Node, *, states: int, lengths_at: int, direction: Callable[[int], Advance]
) -> list[Output]:
    """All directions of a sequence: Y [B, D, S, H], then the last states [B, D, H] each."""
    batch, steps, _ = shape_of(node.input_value(0))
    if steps > MAX_STEPS:
        raise Refusal(
            f"{node.get_type_name()} over {steps} steps would become as many groups of stages",
            f"feed at most {MAX_STEPS} steps at a time and carry the state over",
        )
    lengths = _lengths(node, lengths_at, batch, steps)
    way = str(node.get_attributes()["direction"]).lower()
    backward = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[way]
    # [B, D, H]: one [B, H] for each direction, as if directions were steps.
    initial = [_steps(node.input_value(1 + i)) for i in range(states)]
    everything, last = [], []
    for index, reverse in enumerate(backward):
        start = tuple(state[index] for state in initial)
        seen, final = _run(direction(index), start, lengths, steps, reverse)
        hidden = shape_of(final[0])[1]
        rows = [reshape(h, [batch, 1, 1, hidden]) for h in seen]
        everything.append(concat(rows, 2))
        last.append([reshape(state, [batch, 1, hidden]) for state in final])
    finals = [concat([states[i] for states in last], 1) for i in range(states)]
    return [concat(everything, 1), *finals]


def _run(
    advance: Advance, state: State, lengths: NDArray[np.int64], steps: int, reverse: bool
) -> tuple[list[Tensor], State]:
    """Every step's hidden state, by position, and the state after the last."""
    seen: list[Tensor] = [state[0]] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        inside = (lengths > t).astype(np.float32)[:, None]  # [B, 1]
        if inside.all():
            state = advance(t, state)
            seen[t] = state[0]
        elif not inside.any():
            # Behind the end of every sequence in the batch: the state stands, the output is zero.
            seen[t] = const(np.zeros(shape_of(state[0])), dtype_of(state[0]))
        else:
            new = advance(t, state)
            seen[t] = op("Multiply", [new[0], inside])
            state = tuple(_blend(inside, a, b) for a, b in zip(new, state, strict=True))
    return seen, state


def _blend(inside: NDArray[np.float32], new: Tensor, old: Tensor) -> Node:
    return op("Add", [op("Multiply", [new, inside]), op("Multiply", [old, 1 - inside])])


def _lengths(node: Node, index: int, batch: int, steps: int) -> NDArray[np.int64]:
    values = array_of(node.input_value(index))
    if values is None:
        raise Refusal(
            f"the lengths of {node.get_type_name()} are computed at run time",
            "pad every sequence to the same length and leave the lengths out",
        )
    whole = np.broadcast_to(values.ravel(), [batch]).astype(np.int64)
    return np.minimum(whole, steps)


def _steps(x: Tensor) -> list[Output]:
    """[B, S, n] as S tensors [B, n]."""
    batch, steps, size = shape_of(x)
    if steps == 1:
        return [reshape(x, [batch, size])]
    parts = op("Split", [x, 1], {"num_splits": steps}).outputs()
    return [reshape(part, [batch, size]) for part in parts]


def _with_bias(x: Node, bias: NDArray[np.float32]) -> Node:
    return op("Add", [x, const(bias[None, :], dtype_of(x))])


RULES: dict[str, Sequence[Rule]] = {
    "LSTMSequence": [lstm_sequence],
    "GRUSequence": [gru_sequence],
    "RNNSequence": [rnn_sequence],
    "LSTMCell": [lstm_cell],
    "GRUCell": [gru_cell],
    "RNNCell": [rnn_cell],
}
