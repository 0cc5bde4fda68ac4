"""Tensors without elements are left out."""

import numpy as np
import openvino as ov
import pytest

from tests.unit.ir.rule_check import check, model_of, parameter

ops = ov.opset8


@pytest.mark.parametrize("lengths", [[8, 0], [0, 8], [3, 0, 5]], ids=str)
def test_a_part_of_nothing_is_not_split_off(lengths: list[int]) -> None:
    x = parameter([2, 8])
    split = ops.variadic_split(x, 1, lengths)
    parts = [ops.exp(split.output(i)) if n else split.output(i) for i, n in enumerate(lengths)]
    values = np.random.default_rng(0).normal(size=[2, 8]).astype(np.float32)
    model = model_of(ops.concat(parts, 1), x)
    legal = check(model, [values], "empties.split_off_nothing", oracle=[np.exp(values)])
    tensors = [value for node in legal.model.get_ordered_ops() for value in node.outputs()]
    assert all(0 not in value.get_shape() for value in tensors if value.get_shape() != [0])
