"""LSTM cells and sequences of them."""

from __future__ import annotations

from typing import cast

import numpy as np

from oakwright.blob import LSTMCellParams, Stage
from oakwright.errors import RunError

from ..graph import F32, make_many
from ..lifter import Lifter
from ..ops import constant, reshape, transpose


def lstm_cell(lift: Lifter, stage: Stage) -> None:
    """LSTMCell: gates f, i, c, o as OpenVINO has them; ``cells`` steps over the input.

    Weights are Wx [4 * hidden][in], then Wh [4 * hidden][hidden].
    """
    params = cast(LSTMCellParams, stage.params)
    x = lift.read(stage.buffer("input"))
    bias, weights = lift.flat(stage.buffer("bias")), lift.flat(stage.buffer("weights"))
    hidden, batch, cells = bias.size // 4, params.batches, params.cells
    if min(hidden, batch, cells) < 1 or x.size % (batch * cells):
        raise RunError(f"{cells} cells of {hidden} for {batch} samples of {x.shape}")
    features = x.size // (batch * cells)
    split = 4 * hidden * features
    if weights.size < split + 4 * hidden * hidden:
        raise RunError(f"{weights.size} weights for {features} features and {hidden} cells")
    wx = weights[:split].reshape(4 * hidden, features)
    wh = weights[split : split + 4 * hidden * hidden].reshape(4 * hidden, hidden)
    state = [reshape(lift.read(stage.buffer(role)), (batch, hidden)) for role in ("hidden", "cell")]
    if cells == 1:
        h, c = make_many(
            "LSTMCell",
            (reshape(x, (batch, features)), *state, constant(wx), constant(wh), constant(bias)),
            [((batch, hidden), F32)] * 2,
            hidden_size=hidden,
        )
        y = h
    else:
        # Which of the two is outermost is in no parameter: only the shape can say it.
        steps_first = x.shape[:2] == (cells, batch) and cells != batch
        if steps_first:
            x = transpose(reshape(x, (cells, batch, features)), (1, 0, 2))
        lengths = constant(np.full(batch, cells, np.int32))
        y, h, c = make_many(
            "LSTMSequence",
            (
                reshape(x, (batch, cells, features)),
                *(reshape(s, (batch, 1, hidden)) for s in state),
                lengths,
                *(constant(w[None]) for w in (wx, wh, bias)),
            ),
            [((batch, 1, cells, hidden), F32), *[((batch, 1, hidden), F32)] * 2],
            hidden_size=hidden,
            direction="forward" if params.forward else "reverse",
        )
        y = reshape(y, (batch, cells, hidden))
        if steps_first:
            y = transpose(y, (1, 0, 2))
    results = {1: [y], 2: [y, c], 3: [y, h, c]}.get(params.outputs)
    if results is None:
        raise RunError(f"an LSTM with {params.outputs} outputs")
    for number, value in enumerate(results):
        role = f"output{number}"
        if role in stage.operands:
            lift.write(stage.buffer(role), value)
