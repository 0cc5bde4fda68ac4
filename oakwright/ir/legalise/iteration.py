"""A loop over the steps of a sequence, as a TensorIterator. No rules here.

The engine makes one LSTMCell stage of an iterator whose body is an LSTMCell, and a real loop of
any other body. Either way the weights stand in the blob once, however long the sequence is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import openvino as ov
from openvino import Output
from openvino.op import tensor_iterator

from .recurrent import Tensor
from .rewrite import as_output, dtype_of, reshape, shape_of

Body = Callable[[list[Output], tuple[Tensor, ...]], tuple[Tensor, ...]]


def iterate(
    sliced: Sequence[Output],
    state: Sequence[Tensor],
    body: Body,
    wanted: Sequence[bool],
    *,
    reverse: bool,
    name: str,
) -> list[Output | None]:
    """Run ``body`` for every step of ``sliced``, each [B, S, n].

    ``body`` takes this step's slices [B, n] and the states [B, H] and gives the new states. What
    comes back is the first state after every step, [B, S, H] by position, then every state after
    the last step [B, H]; ``wanted`` says which of them, the others are None. ``reverse`` starts
    with the last step. ``name`` leads the names of the layers inside, which have to be unique in
    the whole model.
    """
    parameters = [_parameter([b, 1, n], x) for x in sliced for b, _, n in [shape_of(x)]]
    before = [_parameter(shape_of(value), value) for value in state]
    slices = [reshape(p, [p.get_shape()[0], p.get_shape()[2]]) for p in parameters]
    after = [as_output(value) for value in body(slices, tuple(p.output(0) for p in before))]
    batch, hidden = shape_of(after[0])
    seen = reshape(after[0], [batch, 1, hidden])
    ends = [*after, seen] if wanted[0] else after
    results = [ov.opset1.result(value) for value in ends]
    model = ov.Model(results, [*parameters, *before], name)
    for index, node in enumerate(model.get_ordered_ops()):
        # OpenVINO's own names count up from one run to the next; the IR is to be the same.
        label = f"{name}/{node.get_type_name()}_{index}"
        node.set_friendly_name(label)
        for output in node.outputs():
            if output.get_names():
                output.get_tensor().set_names({label})

    loop = tensor_iterator()
    loop.set_body(model)
    start, step, end = (-1, -1, 0) if reverse else (0, 1, -1)
    for parameter, x in zip(parameters, sliced, strict=True):
        loop.set_sliced_input(parameter, x, start, step, 1, end, 1)
    for parameter, first, last in zip(before, state, after, strict=True):
        loop.set_merged_input(parameter, as_output(first), last)
    every = loop.get_concatenated_slices(seen, start, step, 1, end, 1) if wanted[0] else None
    last = zip(after, wanted[1:], strict=True)
    return [every, *(loop.get_iter_value(value, -1) if read else None for value, read in last)]


def _parameter(shape: list[int], like: Tensor) -> ov.op.Parameter:
    return ov.op.Parameter(dtype_of(like), ov.PartialShape(shape))
