"""LSTM, GRU and plain recurrent layers: loops of steps the engine knows.

LSTMSequence crashes the engine's parser, GRU and RNN it does not know at all. But it takes
TensorIterator: one around an LSTMCell becomes a single stage, one around a step written in
multiplications a loop on the chip. What does not depend on the previous step, the product of the
input with its weights, is done for all steps at once and before it.

Only sequences of different length in one batch are unrolled, since every step has a mask then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .indexing import slice_axis
from .iteration import Body, iterate
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
from .rewrite import Refusal, Rule, array_of, as_output, const, dtype_of, op, reshape, shape_of

MAX_UNROLLED = 256
"""Steps of one unrolled sequence: each is a handful of stages in the blob."""
_LOOP_FROM = 3
"""Fewer steps than that are shorter without a loop."""


@dataclass(frozen=True)
class _Direction:
    """One direction: ``sliced`` are [B, S, n]; ``body`` makes new states of a step and old ones.

    States are the hidden one [B, H] and, for LSTM, the cell's.
    """

    sliced: list[Output]
    body: Body


def lstm_sequence(node: Node) -> Sequence[Output]:
    """LSTMSequence-5 around LSTMCells, or written out where activations are unusual."""
    step, x = Step.of(node), node.input_value(0)

    def direction(index: int) -> _Direction:
        weights = Weights.of(node, 4, index)
        if step.native:
            return _Direction([x], lambda t, state: lstm_native(step, weights, t[0], *state))
        projected = along_axis(x, 2, weights.w, weights.b)
        return _Direction([projected], lambda t, state: lstm_step(step, weights, t[0], *state))

    return _sequence(node, states=2, lengths_at=3, direction=direction)


def gru_sequence(node: Node) -> Sequence[Output]:
    """GRUSequence-5."""
    step, x = Step.of(node), node.input_value(0)

    def direction(index: int) -> _Direction:
        weights = Weights.of(node, 3, index)
        projected = along_axis(x, 2, *gru_projection(step, weights))
        sizes = [2 * step.hidden, step.hidden]
        gates = op("VariadicSplit", [projected, 2, sizes]).outputs()
        return _Direction(gates, lambda t, s: (gru_step(step, weights, (t[0], t[1]), s[0]),))

    return _sequence(node, states=1, lengths_at=2, direction=direction)


def rnn_sequence(node: Node) -> Sequence[Output]:
    """RNNSequence-5."""
    step, x = Step.of(node), node.input_value(0)

    def direction(index: int) -> _Direction:
        weights = Weights.of(node, 3, index)
        projected = along_axis(x, 2, weights.w, weights.b)
        return _Direction([projected], lambda t, s: (rnn_step(step, weights, t[0], s[0]),))

    return _sequence(node, states=1, lengths_at=2, direction=direction)


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


def _sequence(
    node: Node, *, states: int, lengths_at: int, direction: Callable[[int], _Direction]
) -> list[Output]:
    """All directions of a sequence: Y [B, D, S, H], then the last states [B, D, H] each."""
    batch, steps, _ = shape_of(node.input_value(0))
    lengths = _lengths(node, lengths_at, batch, steps)
    way = str(node.get_attributes()["direction"]).lower()
    backward = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[way]
    # [B, D, H]: one [B, H] for each direction, as if directions were steps.
    initial = [_steps(node.input_value(1 + i)) for i in range(states)]
    read = [bool(output.get_target_inputs()) for output in node.outputs()]
    parts: list[list[Output]] = [[] for _ in read]
    for index, reverse in enumerate(backward):
        state = tuple(values[index] for values in initial)
        if (lengths != lengths[0]).any() or lengths[0] < _LOOP_FROM:
            made = _unrolled(direction(index), state, lengths, steps, reverse)
        else:
            name = f"{node.get_friendly_name()}/{index}"
            made = _looped(direction(index), state, int(lengths[0]), read, reverse, name)
            made[0] = None if made[0] is None else _lengthened(made[0], steps)
        for part, value in zip(parts, made, strict=True):
            if value is not None:
                shape = shape_of(value)
                part.append(reshape(value, [batch, 1, *shape[1:]]))
    # Nobody reads what is missing; a constant stands in for it.
    return [concat(part, 1) if part else const(0, np.float32) for part in parts]


def _looped(
    way: _Direction,
    state: tuple[Tensor, ...],
    length: int,
    read: list[bool],
    reverse: bool,
    name: str,
) -> list[Output | None]:
    """The first state after every step [B, length, H], then all states after the last one.

    What nobody reads is None: a result that is declared but unread crashes the engine. It makes
    one stage of an LSTM of which the steps are read, or all three results.
    """
    sliced = [slice_axis(x, 1, 0, length) for x in way.sliced]
    if any(read[2:]):
        return iterate(sliced, state, way.body, read, reverse=reverse, name=name)
    steps_only = [True] + [False] * len(state)
    made = iterate(sliced, state, way.body, steps_only, reverse=reverse, name=name)
    assert made[0] is not None
    if read[1]:
        batch, _, hidden = shape_of(made[0])
        last = 0 if reverse else length - 1
        made[1] = reshape(slice_axis(made[0], 1, last, last + 1), [batch, hidden])
    return made


def _lengthened(seen: Output, steps: int) -> Output:
    """Zeros behind the last step of sequences shorter than their tensor."""
    batch, length, hidden = shape_of(seen)
    if length == steps:
        return seen
    return concat([seen, const(np.zeros([batch, steps - length, hidden]), dtype_of(seen))], 1)


def _unrolled(
    way: _Direction,
    state: tuple[Tensor, ...],
    lengths: NDArray[np.int64],
    steps: int,
    reverse: bool,
) -> list[Output | None]:
    """As `_looped`, step by step; states stand still outside of each sequence."""
    if steps > MAX_UNROLLED:
        raise Refusal(
            f"sequences of different lengths over {steps} steps",
            f"feed at most {MAX_UNROLLED} steps at a time, or sequences of the same length",
        )
    slices = list(zip(*(_steps(x) for x in way.sliced), strict=True))
    seen: list[Tensor] = [state[0]] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        inside = (lengths > t).astype(np.float32)[:, None]  # [B, 1]
        if inside.all():
            state = way.body(list(slices[t]), state)
            seen[t] = state[0]
        elif not inside.any():
            # Behind the end of every sequence in the batch: the output is zero.
            seen[t] = const(np.zeros(shape_of(state[0])), dtype_of(state[0]))
        else:
            new = way.body(list(slices[t]), state)
            seen[t] = op("Multiply", [new[0], inside])
            state = tuple(_blend(inside, a, b) for a, b in zip(new, state, strict=True))
    batch, hidden = shape_of(state[0])
    rows = concat([reshape(value, [batch, 1, hidden]) for value in seen], 1)
    return [rows, *map(as_output, state)]


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
