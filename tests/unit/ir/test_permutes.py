"""Two transposes with a reshape between are one, or none."""

from __future__ import annotations

import math

import numpy as np
import openvino as ov
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakwright.ir import legalise
from oakwright.ir.legalise.permutes import MAX_RANK, joined
from tests.unit.ir.rule_check import compile_with_engine, difference, model_of, parameter, run

ops = ov.opset8


@st.composite
def moves(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], list[int]]:
    source = draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4))
    first = draw(st.permutations(range(len(source))))
    turned = [source[axis] for axis in first]
    # Between: neighbours joined, or one axis taken apart, or both.
    between = list(turned)
    if len(between) > 1 and draw(st.booleans()):
        at = draw(st.integers(0, len(between) - 2))
        between[at : at + 2] = [between[at] * between[at + 1]]
    at = draw(st.integers(0, len(between) - 1))
    by = draw(st.sampled_from([n for n in (1, 2, 3) if between[at] % n == 0]))
    between[at : at + 1] = [between[at] // by, by]
    return source, list(first), between, list(draw(st.permutations(range(len(between)))))


@settings(max_examples=300, deadline=None)
@given(moves())
def test_it_is_what_numpy_does(given_moves: tuple[list[int], ...]) -> None:
    source, first, between, second = given_moves
    x = np.arange(math.prod(source)).reshape(source)
    wanted = x.transpose(first).reshape(between).transpose(second)
    made = joined(source, first, between, second)
    if made is None:
        return
    shape, order = made
    assert len(shape) <= MAX_RANK
    got = x.reshape(shape).transpose(order or [0]).reshape(wanted.shape)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("moves", "made"),
    [
        # The channels of a convolution as heads of attention.
        (([1, 32, 3, 4], [0, 2, 3, 1], [1, 12, 4, 8], [0, 2, 1, 3]), ([4, 8, 12], [0, 2, 1])),
        # Back again.
        (([1, 4, 12, 8], [0, 2, 1, 3], [1, 3, 4, 32], [0, 3, 1, 2]), ([4, 12, 8], [0, 2, 1])),
        # There and back.
        (([1, 6, 2, 2], [0, 2, 3, 1], [1, 4, 6], [0, 2, 1]), ([24], [])),
        # Axes without a common factor.
        (([4, 6], [1, 0], [8, 3], [1, 0]), None),
    ],
)
def test_known_moves(moves: tuple[list[int], ...], made: object) -> None:
    assert joined(*moves) == made


def test_heads_of_attention_take_one_transpose() -> None:
    x = parameter([1, 16, 3, 4])
    kernel = np.random.default_rng(0).normal(size=[32, 16, 1, 1]).astype(np.float32)
    made = ops.convolution(x, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    tokens = ops.reshape(ops.transpose(made, [0, 2, 3, 1]), [1, 12, 4, 8], False)
    heads = ops.transpose(tokens, [0, 2, 1, 3])
    model = model_of(ops.softmax(ops.matmul(heads, heads, False, True), -1), x)
    legal = legalise(model).model
    kinds = [node.get_type_name() for node in legal.get_ordered_ops()]
    assert kinds.count("Transpose") == 1
    values = [np.random.default_rng(1).normal(size=[1, 16, 3, 4]).astype(np.float32)]
    assert difference(*(run(m, values)[0] for m in (model, legal))) < 1e-6
    compile_with_engine(legal)


def test_a_transpose_that_others_read_stays() -> None:
    x = parameter([1, 8, 2, 3])
    first = ops.transpose(x, [0, 2, 3, 1])
    second = ops.transpose(ops.reshape(first, [1, 6, 2, 4], False), [0, 2, 1, 3])
    legal = legalise(model_of([ops.exp(first), ops.exp(second)], x)).model
    kinds = [node.get_type_name() for node in legal.get_ordered_ops()]
    assert kinds.count("Transpose") == 2
