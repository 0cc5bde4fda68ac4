"""Comparisons, logic and remainders."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from tests.unit.ir.rule_check import check, compile_with_engine, model_of, parameter

ops = ov.opset16
GRID = np.array([(a, b) for a in (-2.5, -1, 0, 0.5, 1, 3) for b in (-2.5, 0, 1, 3)], np.float32).T
SPECIAL = np.array([[0, -0.0, 1, -65000, np.inf, -np.inf, np.nan, 6e-5]], np.float32)


def number(condition) -> ov.Node:
    return ops.select(condition, np.float32(1), np.float32(0))


def compared(function: Callable) -> ov.Model:
    a, b = parameter([1, 24], name="a"), parameter([1, 24], name="b")
    return model_of(number(function(a, b)), a, b)


@pytest.mark.parametrize("name", ["not_equal", "greater_equal", "less_equal"])
def test_comparison(name: str) -> None:
    check(compared(getattr(ops, name)), [GRID[:1], GRID[1:]], f"logical.{name}", tolerance=0)


@pytest.mark.parametrize("name", ["not_equal", "less_equal", "greater", "less"])
def test_comparison_of_integers(name: str) -> None:
    a, b = (parameter([1, 24], np.int32, n) for n in "ab")
    given = [(10000 * row).astype(np.int32) for row in (GRID[:1], GRID[1:])]
    model = model_of(number(getattr(ops, name)(a, b)), a, b)
    check(model, given, f"logical.{name}", tolerance=0)


def test_greater_equal_of_integers_is_left_to_the_engine() -> None:
    a, b = (parameter([1, 24], np.int32, n) for n in "ab")
    legal = legalise(model_of(number(ops.greater_equal(a, b)), a, b))
    assert not legal.applied
    compile_with_engine(legal.model)


@pytest.mark.parametrize("name", ["logical_or", "logical_xor"])
def test_logic(name: str) -> None:
    zero = np.float32(0)
    model = compared(lambda a, b: getattr(ops, name)(ops.greater(a, zero), ops.greater(b, zero)))
    check(model, [GRID[:1], GRID[1:]], f"logical.{name}", tolerance=0)


def test_comparison_broadcasts() -> None:
    a, b = parameter([1, 4, 6], name="a"), parameter([6], name="b")
    values = [np.arange(24, dtype=np.float32).reshape(1, 4, 6) % 5, np.arange(6, dtype=np.float32)]
    check(model_of(number(ops.less_equal(a, b)), a, b), values, "logical.less_equal", tolerance=0)


@pytest.mark.parametrize("keep_dims", [True, False])
def test_any(keep_dims: bool) -> None:
    x = parameter([1, 3, 4, 5])
    any_ = ops.reduce_logical_or(ops.greater(x, np.float32(1.5)), np.array([1, 3]), keep_dims)
    values = np.random.default_rng(3).normal(size=(1, 3, 4, 5)).astype(np.float32)
    check(model_of(number(any_), x), [values], "logical.reduce_logical_or", tolerance=0)


@pytest.mark.parametrize("name", ["is_nan", "is_finite", "is_inf"])
def test_special_values(name: str) -> None:
    x = parameter([1, 8])
    expected = {"is_nan": np.isnan, "is_finite": np.isfinite, "is_inf": np.isinf}[name](SPECIAL)
    function = getattr(ops, name)
    check(
        model_of(number(function(x)), x),
        [SPECIAL],
        f"logical.{name}",
        tolerance=0,
        oracle=[expected.astype(np.float32)],
    )


@pytest.mark.parametrize("negative", [True, False])
@pytest.mark.parametrize("positive", [True, False])
def test_infinities_of_one_sign(negative: bool, positive: bool) -> None:
    x = parameter([1, 8])
    attrs = {"detect_negative": negative, "detect_positive": positive}
    expected = (negative & np.isneginf(SPECIAL)) | (positive & np.isposinf(SPECIAL))
    check(
        model_of(number(ops.is_inf(x, attrs)), x),
        [SPECIAL],
        "logical.is_inf",
        tolerance=0,
        oracle=[expected.astype(np.float32)],
    )


@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor"])
def test_bits_of_booleans(name: str) -> None:
    zero = np.float32(0)
    model = compared(lambda a, b: getattr(ops, name)(ops.greater(a, zero), ops.greater(b, zero)))
    rule = f"logical.bitwise_as_logical{name[8:]}"
    check(model, [GRID[:1], GRID[1:]], rule, tolerance=0)


def test_bitwise_not_of_a_boolean() -> None:
    model = compared(lambda a, b: ops.bitwise_not(ops.greater(a, b)))
    check(model, [GRID[:1], GRID[1:]], "logical.bitwise_as_logicalnot", tolerance=0)


def test_bits_of_integers_are_refused() -> None:
    a, b = parameter([8], np.int32, "a"), parameter([8], np.int32, "b")
    for function in (ops.bitwise_and, ops.bitwise_left_shift):
        finding = legalise(model_of(function(a, b), a, b)).findings[0]
        assert finding.severity == "error"
        assert "bit operations" in finding.reason
        assert finding.remedy


@pytest.mark.parametrize("name", ["mod", "floor_mod"])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_remainder(name: str, dtype: type) -> None:
    numbers = [-17, -8, -3, -1, 0, 1, 2, 3, 9, 16, 100, 2047, 30000]
    pairs = np.array([(a, b) for a in numbers for b in (-7, -4, -1, 1, 3, 4, 25)], dtype).T
    if dtype is np.float32:
        pairs = pairs * np.float32(0.375)
    a, b = parameter([1, 91], dtype, "a"), parameter([1, 91], dtype, "b")
    oracle = (np.fmod if name == "mod" else np.mod)(pairs[:1], pairs[1:])
    if name == "floor_mod" and dtype is np.float32:
        compile_with_engine(model_of(ops.floor_mod(a, b), a, b))  # native
        return
    check(
        model_of(getattr(ops, name)(a, b), a, b),
        [pairs[:1], pairs[1:]],
        f"logical.{name}",
        tolerance=1e-6,
        oracle=[oracle],
    )
