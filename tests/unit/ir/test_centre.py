"""Offsets that cancel, moved to where they do: the same function, and what FP16 leaves of it."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset1 as ops

from oakwright import ir
from tests.unit.ir.half import as_half


def block(scale: float, *, pads: int = 0, kernel: int = 1, between: str = "", twice: bool = False):
    """A filter, an offset, [a layer], a 1x1 filter and an offset that cancel up to ``scale``."""
    rng = np.random.default_rng(1)
    image = ops.parameter([1, 3, 12, 12], np.float32, name="image")

    def conv(x, weights, pad):
        return ops.convolution(x, weights.astype(np.float32), [1, 1], [pad] * 2, [pad] * 2, [1, 1])

    def add(x, values):
        return ops.add(x, np.asarray(values, np.float32).reshape(1, -1, 1, 1))

    mean = rng.uniform(2, 5, 4)
    linear = add(conv(image, rng.normal(0, 0.3, (4, 3, 1, 1)), 0), mean)
    x = ops.relu(linear) if between == "relu" else linear
    second = rng.normal(0, 1, (6, 4, kernel, kernel))
    second[2] *= scale
    y = add(conv(x, second, pads), rng.normal(0, 0.1, 6) - second.sum((2, 3)) @ mean)
    outputs = [ops.result(y, name="y")]
    if twice:
        outputs.append(ops.result(ops.negative(linear), name="z"))
    return ov.Model(outputs, [image], "block")


def rules(legal):
    return [entry.rule for entry in legal.applied]


def offsets(model):
    return [
        np.abs(np.asarray(value.get_node().data)).max()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Add"
        for value in node.input_values()
        if value.get_node().get_type_name() == "Constant"
    ]


def test_large_offsets_cancel_and_nothing_else_changes():
    model = block(100.0)
    legal = ir.legalise(model)
    assert rules(legal).count("centre.centre_offsets") == 1
    assert max(offsets(model)) > 300
    assert max(offsets(legal.model)) < 6
    data = {"image": np.random.default_rng(0).uniform(-1, 1, (1, 3, 12, 12)).astype(np.float32)}
    assert ir.compare(model, legal.model, data, tolerance=1e-5).difference < 1e-5


def test_what_fp16_leaves_is_much_nearer():
    model = block(100.0)
    data = {"image": np.random.default_rng(0).uniform(-1, 1, (1, 3, 12, 12)).astype(np.float32)}
    wanted = ir.run_on_cpu(model, data)[0]

    def off(work):
        return np.abs(ir.run_on_cpu(as_half(work), data)[0] - wanted).max((0, 2, 3))

    plain, centred = off(model), off(ir.legalise(model).model)
    assert plain[2] > 0.05
    assert centred[2] < plain[2] / 4


@pytest.mark.parametrize(
    "kinds",
    [
        {"scale": 1.0},  # nothing to mend
        {"scale": 100.0, "kernel": 3, "pads": 1},  # the offset is missing beyond the edge
        {"scale": 100.0, "pads": 1},
        {"scale": 100.0, "between": "relu"},
        {"scale": 100.0, "twice": True},  # the offset is part of an output
    ],
)
def test_it_stays_where_it_cannot_move_or_need_not(kinds):
    assert "centre.centre_offsets" not in rules(ir.legalise(block(**kinds)))
