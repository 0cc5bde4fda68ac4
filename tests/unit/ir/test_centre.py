"""Offsets that cancel, moved to where they do: the same function, and what FP16 leaves of it."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset1 as ops

from oakwright import ir
from tests.unit.ir.half import as_half


def block(
    scale: float, *, pads: int = 0, kernel: int = 1, between: str = "", twice: bool = False,
    filters: int = 1, read_twice: bool = False,
):  # fmt: skip
    """A filter, an offset, [a layer], 1x1 filters and offsets that cancel up to ``scale``."""
    rng = np.random.default_rng(1)
    image = ops.parameter([1, 3, 12, 12], np.float32, name="image")

    def conv(x, weights, pad):
        return ops.convolution(x, weights.astype(np.float32), [1, 1], [pad] * 2, [pad] * 2, [1, 1])

    def add(x, values):
        return ops.add(x, np.asarray(values, np.float32).reshape(1, -1, 1, 1))

    mean = rng.uniform(2, 5, 4)
    linear = add(conv(image, rng.normal(0, 0.3, (4, 3, 1, 1)), 0), mean)
    x = ops.relu(linear) if between == "relu" else linear
    outputs = []
    for number in range(filters):
        second = rng.normal(0, 1, (6, 4, kernel, kernel))
        second[2] *= scale
        y = conv(x, second, pads)
        z = add(y, rng.normal(0, 0.1, 6) - second.sum((2, 3)) @ mean)
        outputs.append(ops.result(z, name=f"y{number}"))
        if read_twice:
            outputs.append(ops.result(ops.negative(y), name=f"z{number}"))
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


@pytest.mark.parametrize("filters", [1, 3])
def test_large_offsets_cancel_and_nothing_else_changes(filters):
    model = block(100.0, filters=filters)
    legal = ir.legalise(model)
    assert rules(legal).count("centre.centre_offsets") == filters
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
        {"scale": 100.0, "kernel": 3},
        {"scale": 100.0, "kernel": 3, "pads": 1},  # the offset is missing beyond the edge
        {"scale": 100.0, "pads": 1},
        {"scale": 100.0, "between": "relu"},
        {"scale": 100.0, "twice": True},  # the offset is part of an output
        {"scale": 100.0, "read_twice": True},
    ],
)
def test_it_stays_where_it_cannot_move_or_need_not(kinds):
    assert "centre.centre_offsets" not in rules(ir.legalise(block(**kinds)))


def test_the_same_model_gives_the_same_bytes():
    """Readers of a layer have no order in OpenVINO."""
    model = block(100.0, filters=3)
    files = {ir.serialise(ir.legalise(model).model) for _ in range(6)}
    assert len(files) == 1


def two_filters(first, second, offsets, more=()):
    """A picture of as many planes as ``first``, offsets, a 1x1 filter, offsets."""
    image = ops.parameter([1, len(first), 4, 4], np.float32, name="image")
    x = ops.add(image, np.asarray(first, np.float32).reshape(1, -1, 1, 1))
    weights = second
    if not isinstance(second, ov.Node):
        weights = ops.constant(np.asarray(second, np.float32)[..., None, None])
    y = ops.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    z = ops.add(y, np.asarray(offsets, np.float32).reshape(1, -1, 1, 1))
    return ov.Model([ops.result(z, name="z")], [image, *more], "two")


def test_no_output_pays_for_another():
    """One large offset is no licence to move small ones far."""
    model = two_filters(
        [60, 0.01, 0.01], [[0, 100, 100], [0, 100, 101], [1, 0, 0]], [0, 100, -60]
    )  # fmt: skip
    assert "centre.centre_offsets" not in rules(ir.legalise(model))


def test_offsets_that_no_centre_lessens_stay():
    model = two_filters([1.0], [[1.0], [-1.0]], [100.0, 100.0])
    legal = ir.legalise(model)
    assert "centre.centre_offsets" not in rules(legal)
    assert np.isfinite(offsets(legal.model)).all()


def test_what_would_leave_fp16_stays():
    model = two_filters([50000.0], [[1.0]], [40000.0])
    assert max(offsets(ir.legalise(model).model)) <= 65504


def test_one_filter_for_several_offsets_and_weights_that_are_no_constants():
    spread = two_filters([1, 2, 3], [[1, 1, 1]], np.arange(5) * 100)
    assert "centre.centre_offsets" not in rules(ir.legalise(spread))
    weights = ops.parameter([4, 3, -1, -1], np.float32, name="weights")
    free = two_filters([1, 2, 3], weights, np.arange(4) * 100, [weights])
    assert "centre.centre_offsets" not in rules(ir.legalise(free))
