"""Decoding of sequences (CTC): the best class at each step, repetitions merged, blanks left out."""

from __future__ import annotations

import numpy as np

from oakwright.blob import CTCGreedyDecoderSeqLenParams, NoParams

from .tensor import Array, Form, Tensor

END = -1


def _merge(best: Array, blank: int, merge_repeated: bool) -> Array:
    """Classes of (T,) best classes."""
    keep = best != blank
    if merge_repeated:
        keep[1:] &= best[1:] != best[:-1]
    return np.asarray(best[keep])


def ctc_decoder(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """CTCDecoder (43): [T, N, C] with [T, N] marks of where sequences go on -> [N, T, 1, 1].

    Repetitions are merged; the blank is the last class; the rest of a row is -1.
    """
    x = inputs[0].values
    steps, batch, classes = x.shape[-3:]
    x = x.reshape(steps, batch, classes)
    marks = inputs[1].values.reshape(steps, batch)
    out = np.full((batch, steps), END, np.float32)
    for row, chances, mark in zip(out, x.swapaxes(0, 1), marks.T, strict=True):
        ends = np.flatnonzero(mark[1:] == 0)
        length = int(ends[0]) + 1 if len(ends) else steps
        classes_found = _merge(chances[:length].argmax(axis=-1), classes - 1, True)
        row[: len(classes_found)] = classes_found
    return out.reshape(outputs[0].shape)


def ctc_decoder_seq_len(
    params: CTCGreedyDecoderSeqLenParams, inputs: list[Tensor], outputs: list[Form]
) -> list[Array]:
    """CTCGreedyDecoderSeqLen (141): [N, T, C] with lengths [N] -> classes [N, T], lengths [N]."""
    x, lengths = inputs[0].values, inputs[1].values.ravel().astype(int)
    batch, steps, _ = x.shape
    classes = np.full((batch, steps), END, np.int32)
    found = np.zeros(batch, np.int32)
    for i, length in enumerate(lengths):
        merged = _merge(x[i, :length].argmax(axis=-1), params.blank_index, params.merge_repeated)
        classes[i, : len(merged)] = merged
        found[i] = len(merged)
    results = [classes, found]
    return [r.reshape(out.shape) for r, out in zip(results, outputs, strict=True)]
