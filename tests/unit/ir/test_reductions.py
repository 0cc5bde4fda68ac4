"""Reductions and running sums."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from tests.unit.ir.rule_check import check, model_of, parameter

ops = ov.opset16


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).uniform(-2, 2, shape).astype(np.float32)


@pytest.mark.parametrize("keep_dims", [True, False])
@pytest.mark.parametrize("axes", [[1], [2, 3], [-1]])
def test_sum_of_magnitudes(axes: list[int], keep_dims: bool) -> None:
    x = parameter([1, 3, 4, 5])
    model = model_of(ops.reduce_l1(x, np.array(axes), keep_dims), x)
    check(model, [values(1, 3, 4, 5)], "reductions.reduce_l1")


@pytest.mark.parametrize(
    ("shape", "axes", "keep_dims"),
    [
        ([1, 3, 4, 5], [1], True),
        ([1, 3, 4, 5], [1, 3], False),
        ([1, 7], [1], False),
        ([2, 1, 3], [-2], True),
        ([1, 64, 2], [1], True),
    ],
)
def test_product(shape: list[int], axes: list[int], keep_dims: bool) -> None:
    x = parameter(shape)
    model = model_of(ops.reduce_prod(x, np.array(axes), keep_dims), x)
    check(model, [values(*shape)], "reductions.reduce_prod")


def test_a_long_product_is_refused() -> None:
    x = parameter([1, 65])
    finding = legalise(model_of(ops.reduce_prod(x, np.array([1]), True), x)).findings[0]
    assert finding.severity == "error"
    assert "65 factors" in finding.reason


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize(("shape", "axis"), [([1, 6, 4, 5], 1), ([1, 3, 4, 9], -1), ([1, 20], 1)])
def test_running_sum(shape: list[int], axis: int, exclusive: bool, reverse: bool) -> None:
    x = parameter(shape)
    total = ops.cum_sum(x, np.array(axis), exclusive=exclusive, reverse=reverse)
    check(model_of(total, x), [values(*shape)], "reductions.cumulative_sum")


def test_running_sum_of_integers() -> None:
    x = parameter([1, 9], np.int32)
    given = np.arange(-4, 5, dtype=np.int32)[None]
    check(model_of(ops.cum_sum(x, np.array(1)), x), [given], "reductions.cumulative_sum")
