"""LSTM cells and sequences of them."""

from __future__ import annotations

import numpy as np

from oakwright.blob import LSTMCellParams

from .activation import sigmoid
from .tensor import Array, Form, Tensor


def lstm_cell(params: LSTMCellParams, inputs: list[Tensor], outputs: list[Form]) -> list[Array]:
    """LSTMCell (70): gates in the order f, i, c, o; ``cells`` steps over the input.

    Weights are Wx [4*hidden][in], then Wh [4*hidden][hidden]; bias [4*hidden].
    """
    x, h0, c0, weights, bias = (t.values for t in inputs[:5])
    cells, batches = params.cells, params.batches
    hidden = bias.size // 4
    h, c = h0.reshape(batches, hidden), c0.reshape(batches, hidden)
    # Which of the two is outermost is in no parameter: only the shape can say it.
    steps_first = x.shape[:2] == (cells, batches) and cells != batches
    steps = (
        x.reshape(cells, batches, -1).swapaxes(0, 1)
        if steps_first
        else (x.reshape(batches, cells, -1))
    )
    features = steps.shape[2]
    flat = weights.ravel()
    wx = flat[: 4 * hidden * features].reshape(4 * hidden, features)
    wh = flat[4 * hidden * features :].reshape(4 * hidden, hidden)
    y = np.empty((batches, cells, hidden), np.float32)
    for t in range(cells) if params.forward else reversed(range(cells)):
        gates = steps[:, t] @ wx.T + h @ wh.T + bias.ravel()
        f, i, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        y[:, t] = h
    y = y.swapaxes(0, 1) if steps_first else y
    results = [y, h, c] if params.outputs == 3 else [y, c]
    return [r.reshape(out.shape) for r, out in zip(results, outputs, strict=False)]
