"""Normalisation over unusual axes."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from oakwright.ir.legalise.rewrite import op
from tests.unit.ir.rule_check import check, compile_with_engine, model_of, parameter, run

ops = ov.opset16


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(1, 3, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ([1, 6, 8], [2]),
        ([1, 6, 8], [-1]),
        ([1, 12], [1]),
        ([1, 6, 4, 8], [1]),
        ([1, 6, 4, 8], [3]),
        ([1, 6, 4, 8], [2]),
        ([1, 6, 4, 8], [1, 3]),
        ([2, 6, 4, 8], [0, 2, 3]),
        ([1, 3, 2, 4, 8], [2, 3, 4]),
    ],
)
@pytest.mark.parametrize("variance", [True, False])
def test_mvn(shape: list[int], axes: list[int], variance: bool) -> None:
    x = parameter(shape)
    normal = ops.mvn(x, np.array(axes), variance, 1e-5, "inside_sqrt")
    check(model_of(normal, x), [values(*shape)], "normalisation.mvn", tolerance=1e-5)


def test_mvn_with_epsilon_outside_the_root() -> None:
    x = parameter([1, 6, 4, 8])
    normal = ops.mvn(x, np.array([2, 3]), True, 0.1, "outside_sqrt")
    check(model_of(normal, x), [values(1, 6, 4, 8)], "normalisation.mvn", tolerance=1e-5)


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shape", [[1, 6, 8], [1, 6, 4, 8], [1, 3, 2, 4, 8]])
def test_mvn_2(shape: list[int], across: bool) -> None:
    # Older IRs hold MVN-2, whose axes are a flag.
    x = parameter(shape)
    normal = ov.opset2.mvn(x, across, True, 1e-5)
    check(model_of(normal, x), [values(*shape)], "normalisation.mvn", tolerance=1e-5)


@pytest.mark.parametrize("axes", [[2, 3], [1, 2, 3]])
def test_mvn_of_pictures_is_left_to_the_engine(axes: list[int]) -> None:
    x = parameter([1, 6, 4, 8])
    model = model_of(ops.mvn(x, np.array(axes), True, 1e-5, "inside_sqrt"), x)
    legal = legalise(model)
    assert not legal.applied
    compile_with_engine(legal.model)
    given = values(1, 6, 4, 8)
    np.testing.assert_array_equal(run(model, [given])[0], run(legal.model, [given])[0])


@pytest.mark.parametrize(
    ("shape", "groups"),
    [([1, 8, 4, 6], 2), ([1, 8, 4, 6], 8), ([2, 6, 5], 3), ([1, 6, 2, 3, 4], 1)],
)
def test_group_normalisation(shape: list[int], groups: int) -> None:
    x = parameter(shape)
    rng = np.random.default_rng(2)
    scale, shift = rng.normal(size=(2, shape[1])).astype(np.float32)
    model = model_of(ops.group_normalization(x, scale, shift, groups, 1e-5), x)
    rule = "normalisation.group_normalisation"
    check(model, [values(*shape)], rule, tolerance=1e-5)


def normal(x: ov.Node, axes: list[int], mode: str) -> ov.Node:
    # Python's opset functions drop the mode (2026.4.1).
    return op("NormalizeL2", [x, axes], {"eps": 1e-3, "eps_mode": mode})


@pytest.mark.parametrize("mode", ["add", "max"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [([1, 6, 4, 8], [3]), ([1, 6, 4, 8], [2, 3]), ([1, 16], [1]), ([1, 6, 8], [-1])],
)
def test_normalize_l2(shape: list[int], axes: list[int], mode: str) -> None:
    x = parameter(shape)
    model = model_of(normal(x, axes, mode), x)
    check(model, [values(*shape)], "normalisation.normalize_l2")


def test_normalize_l2_over_channels() -> None:
    x = parameter([1, 6, 4, 8])
    model = model_of(normal(x, [1], "max"), x)
    check(model, [values(1, 6, 4, 8)], "normalisation.normalize_l2")
    model = model_of(normal(x, [1], "add"), x)
    legal = legalise(model)
    assert not legal.applied
    compile_with_engine(legal.model)
