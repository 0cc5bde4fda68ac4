"""FakeQuantize: the range is kept, the levels only where the range changes."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from tests.unit.ir.rule_check import check, model_of, parameter

ops = ov.opset16
F = np.float32
RULE = "quantise.fake_quantize"


def quantised(ranges: list, levels: int = 256) -> ov.Model:
    x = parameter([1, 3, 4, 8])
    arrays = [np.asarray(r, np.float32) for r in ranges]
    return model_of(ops.fake_quantize(x, *arrays, levels), x)


def spread(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, 96, dtype=np.float32).reshape(1, 3, 4, 8)


def kinds(model: ov.Model) -> list[str]:
    skip = ("Parameter", "Constant", "Result")
    return [k for n in model.get_ordered_ops() if (k := n.get_type_name()) not in skip]


def test_equal_ranges_are_a_clamp() -> None:
    step = 4 / 255
    legal = check(quantised([-1, 3, -1, 3]), [spread(-2, 4)], RULE, tolerance=0.51 * step / 3)
    assert kinds(legal.model) == ["Clamp"]


def test_equal_ranges_by_channel() -> None:
    low, high = [[[[-1]], [[-2]], [[0]]]], [[[[1]], [[2]], [[3]]]]
    legal = check(quantised([low, high, low, high]), [spread(-4, 4)], RULE, tolerance=0.01)
    assert kinds(legal.model) == ["Maximum", "Minimum"]


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_integers_as_a_result_keep_the_levels(levels: int) -> None:
    legal = check(quantised([-1, 3, 0, 255], levels), [spread(-2, 4)], RULE, tolerance=1e-6)
    assert "Round" in kinds(legal.model)


def test_other_ranges_by_channel() -> None:
    low, high = [[[[-1]], [[-2]], [[0]]]], [[[[1]], [[2]], [[3]]]]
    legal = check(quantised([low, high, 0, 1]), [spread(-4, 4)], RULE, tolerance=0.51 / 255)
    assert "Round" not in kinds(legal.model)


@pytest.mark.parametrize("levels", [2, 16, 63])
def test_few_levels_are_kept(levels: int) -> None:
    legal = check(quantised([-1, 3, -1, 3], levels), [spread(-2, 4)], RULE, tolerance=1e-6)
    assert "Round" in kinds(legal.model)


def test_ties_go_to_the_even_level() -> None:
    x = np.zeros((1, 3, 4, 8), np.float32)
    x[0, 0, 0] = [0.5, 1.5, 2.5, 3.5, 4.5, -1, 6, 8]
    check(quantised([0, 7, 0, 14], 8), [x], RULE, tolerance=0)


def test_a_range_the_wrong_way_round_is_refused() -> None:
    finding = legalise(quantised([3, -1, 0, 1])).findings[0]
    assert finding.severity == "error"
    assert "upside down" in finding.reason


def test_sixteen_bits_are_finer_than_fp16() -> None:
    legal = check(quantised([-1, 3, 0, 1], 65536), [spread(-2, 4)], RULE, tolerance=1e-5)
    assert kinds(legal.model) == ["Clamp", "Multiply", "Add"]


def test_weights_are_folded() -> None:
    x = parameter([1, 3, 8, 8])
    weights = np.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(np.float32)
    quantised_weights = ops.fake_quantize(weights, F(-1), F(1), F(-1), F(1), 255)
    y = ops.convolution(x, quantised_weights, [1, 1], [0, 0], [0, 0], [1, 1])
    assert kinds(legalise(model_of(y, x)).model) == ["Convolution"]
