"""Depthwise filters in FP16 that add up to what they did."""

import re

import numpy as np
import openvino as ov
import pytest
from openvino import opset1 as ops

from oakwright import ir
from oakwright.ir.balance import balance_filters, balanced
from oakwright.ir.storage import LEAST, stored
from tests.unit.ir.half import as_half


def differences(n=200, k=9, scale=50.0):
    """Rows of large numbers that add up to about nothing."""
    rows = np.random.default_rng(0).normal(0, scale, (n, k))
    rows -= rows.mean(1, keepdims=True)
    return (rows + np.random.default_rng(1).normal(0, 1e-3, (n, 1))).astype(np.float32)


def test_sums_are_kept_five_times_better_and_no_number_is_off_by_more_than_a_step():
    rows = differences()
    sums = rows.astype(np.float64).sum(1)
    found = balanced(rows)
    near = stored(rows)
    assert np.median(abs(found.sum(1, dtype=np.float64) - sums)) < 0.2 * np.median(
        abs(near.sum(1, dtype=np.float64) - sums)
    )
    np.testing.assert_array_equal(stored(found), found)
    step = np.spacing(np.maximum(abs(rows), abs(found)).astype(np.float16)).astype(np.float32)
    assert (abs(found - rows) <= step).all()


def test_no_sum_is_worse_and_filters_that_smooth_are_left():
    rng = np.random.default_rng(2)
    rows = np.concatenate([differences(50), rng.random((50, 9)).astype(np.float32)])
    found = balanced(rows)
    sums, near = rows.astype(np.float64).sum(1), stored(rows)
    after, before = (abs(r.sum(1, dtype=np.float64) - sums) for r in (found, near))
    assert (after <= before).all()
    box = np.full((1, 9), 1 / 9, np.float32)
    np.testing.assert_array_equal(balanced(box), stored(box))


def test_numbers_below_the_least_become_it_or_nothing():
    rows = np.array([[0.7 * LEAST, 0.7 * LEAST, -1.3 * LEAST, 0.0, 0.3 * LEAST]], np.float32)
    found = balanced(rows)
    np.testing.assert_array_equal(stored(found), found)
    assert abs(found.sum() - rows.sum()) <= abs(stored(rows).sum() - rows.sum())
    assert found[0, 3] == 0


def test_errors_of_single_numbers_hardly_grow():
    """The sum counts for more, not for all."""
    rows = differences(500)
    squares = [((r - rows.astype(np.float64)) ** 2).sum() for r in (balanced(rows), stored(rows))]
    assert squares[0] < 1.5 * squares[1]


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e6])
def test_numbers_that_fp16_cannot_hold_are_left_to_others(value):
    weights = differences(4).reshape(4, 1, 1, 3, 3)
    assert balance_filters(depthwise(weights)) > 0
    weights[1, 0, 0, 1, 1] = value
    assert balance_filters(depthwise(weights)) == 0


def depthwise(weights, *, times=1):
    """One filter, applied ``times`` times."""
    image = ops.parameter([1, 4, 12, 12], np.float32, name="image")
    shared, x = ops.constant(np.asarray(weights), name="W"), image
    for _ in range(times):
        x = ops.group_convolution(x, shared, [1, 1], [1, 1], [1, 1], [1, 1])
    return ov.Model([ops.result(x, name="y")], [image], "m")


def test_a_filter_of_two_layers_is_one_still():
    model = depthwise(differences(4).reshape(4, 1, 1, 3, 3), times=2)
    xml, _ = ir.serialise(model)
    names = re.findall(r'<layer id="\d+" name="([^"]+)"', xml.decode())
    assert len(names) == len(set(names))
    assert sum("balanced" in name for name in names) <= 2


def test_an_even_surface_stays_even():
    """What an IR in FP16 says of a picture, beside the model it was made of."""
    weights = differences(4).reshape(4, 1, 1, 3, 3)
    image = ops.parameter([1, 4, 8, 8], np.float32, name="image")
    layer = ops.group_convolution(image, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    model = ov.Model([ops.result(layer, name="y")], [image], "m")
    even = {"image": np.full((1, 4, 8, 8), 5.0, np.float32)}
    wanted = ir.run_on_cpu(model, even)[0]
    xml, data = ir.serialise(model)
    read = ov.Core().read_model(xml, data)
    found = ir.run_on_cpu(read, even)[0]
    plain = ir.run_on_cpu(as_half(model), even)[0]
    assert np.abs(plain - wanted).max() > 0.05
    assert np.abs(found - wanted).max() < np.abs(plain - wanted).max() / 5
