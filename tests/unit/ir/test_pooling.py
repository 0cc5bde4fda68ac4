"""Newer and adaptive pooling against OpenVINO's own, and torch's where OpenVINO is the question."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import pytest

from oakwright.blob import Blob
from oakwright.compiler import compile_ir
from oakwright.ir import legalise, serialise
from oakwright.ir.legalise import op
from oakwright.machine import run
from tests.unit.ir.rule_check import F32, check, model_of, parameter


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape).astype(np.float32)


MAX_POOLS = {
    "plain": ([3, 3], [2, 2], [1, 1], [1, 1], [1, 1], "floor"),
    "ceil": ([3, 3], [2, 2], [1, 1], [0, 0], [0, 0], "ceil"),
    "torch's ceil": ([3, 3], [2, 2], [1, 1], [1, 1], [1, 1], "ceil_torch"),
    "uneven pads": ([3, 2], [1, 2], [1, 1], [1, 0], [0, 1], "floor"),
    "dilated": ([3, 3], [1, 1], [2, 2], [0, 0], [0, 0], "floor"),
    "dilated, padded, strided": ([3, 2], [2, 1], [2, 3], [1, 1], [1, 1], "floor"),
}


@pytest.mark.parametrize("name", MAX_POOLS)
def test_max_pool(name: str) -> None:
    kernel, strides, dilations, begin, end, rounding = MAX_POOLS[name]
    x = parameter([1, 3, 11, 14])
    pool = ov.opset14.max_pool(x, strides, dilations, begin, end, kernel, rounding)
    check(model_of(pool.output(0), x), [image(1, 3, 11, 14)], "pooling.max_pool")


@pytest.mark.parametrize("auto_pad", ["same_upper", "same_lower", "valid"])
def test_max_pool_that_pads_by_itself(auto_pad: str) -> None:
    x = parameter([1, 2, 10, 7])
    pool = ov.opset14.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], "floor", auto_pad)
    check(model_of(pool.output(0), x), [image(1, 2, 10, 7)], "pooling.max_pool")


@pytest.mark.parametrize("axes", [1, 3])
def test_max_pool_over_other_numbers_of_axes(axes: int) -> None:
    shape, ones = [1, 2, *[8] * axes], [1] * axes
    x = parameter(shape)
    pool = ov.opset14.max_pool(x, [2] * axes, ones, ones, ones, [3] * axes)
    check(model_of(pool.output(0), x), [image(*shape)], "pooling.max_pool")


def test_positions_of_maxima_are_refused_by_name() -> None:
    x = parameter([1, 2, 8, 8])
    pool = ov.opset14.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2])
    pool.set_friendly_name("my pool")
    legal = legalise(model_of([pool.output(0), pool.output(1)], x))
    (finding,) = legal.refused
    assert (finding.layer, finding.op) == ("my pool", "MaxPool-14")
    assert "positions" in finding.reason
    assert finding.remedy


def mean_of_windows(x: np.ndarray, exclude_pad: bool) -> np.ndarray:
    """torch's AvgPool2d(3, 2, 1, ceil_mode=True): a window counts what lies in the padded picture.

    OpenVINO's CPU plugin divides by the whole window there, so it cannot be the oracle.
    """
    rows, columns = (-(-(n + 2 - 3) // 2) + 1 for n in x.shape[2:])
    result = np.zeros((*x.shape[:2], rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            area, parts = 1, []
            for at, size in ((2 * i - 1, x.shape[2]), (2 * j - 1, x.shape[3])):
                parts.append(slice(max(at, 0), min(at + 3, size)))
                inside = parts[-1].stop - parts[-1].start
                area *= inside if exclude_pad else min(at + 3, size + 1) - at
            result[:, :, i, j] = x[:, :, parts[0], parts[1]].sum((2, 3)) / area
    return result


@pytest.mark.parametrize("exclude_pad", [True, False])
@pytest.mark.parametrize("rounding", ["ceil", "ceil_torch"])
def test_avg_pool_that_rounds_up(exclude_pad: bool, rounding: str) -> None:
    x = parameter([1, 3, 12, 14])
    pool = ov.opset14.avg_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], exclude_pad, rounding)
    values = image(1, 3, 12, 14)
    oracle = mean_of_windows(values, exclude_pad)
    check(model_of(pool, x), [values], "pooling.avg_pool", oracle=[oracle])


@pytest.mark.parametrize("exclude_pad", [True, False])
def test_avg_pool(exclude_pad: bool) -> None:
    x = parameter([1, 3, 11, 14])
    pool = ov.opset14.avg_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], exclude_pad, "floor")
    check(model_of(pool, x), [image(1, 3, 11, 14)], "pooling.avg_pool")


@pytest.mark.parametrize(
    ("kernel", "strides", "rounding"), [(3, 1, "floor"), (5, 1, "floor"), (3, 2, "ceil")]
)
def test_means_without_padding_are_put_right_at_the_border(
    kernel: int, strides: int, rounding: str
) -> None:
    # The hardware would divide by the whole window (seen in the blob).
    x = parameter([1, 3, 12, 14])
    pads = [kernel // 2] * 2
    attrs = {
        "kernel": [kernel] * 2,
        "strides": [strides] * 2,
        "pads_begin": pads,
        "pads_end": pads,
        "exclude-pad": True,
        "rounding_type": rounding,
        "auto_pad": "explicit",
    }
    model = model_of(op("AvgPool", [x], attrs), x)
    legal = check(model, [image(1, 3, 12, 14)], "pooling.avg_pool")
    pools = [n for n in legal.model.get_ops() if n.get_type_name() == "AvgPool"]
    assert [n.get_attributes()["exclude-pad"] for n in pools] == [False]


def test_a_mean_that_meets_no_padding_is_left_alone() -> None:
    x = parameter([1, 3, 12, 14])
    attrs = {
        "kernel": [2, 2],
        "strides": [2, 2],
        "pads_begin": [0, 0],
        "pads_end": [0, 0],
        "exclude-pad": True,
        "rounding_type": "floor",
        "auto_pad": "explicit",
    }
    assert not legalise(model_of(op("AvgPool", [x], attrs), x)).applied


def adaptive(x: np.ndarray, sizes: list[int], reduce: Callable) -> np.ndarray:
    """Windows from floor(i * n / m) to ceil((i + 1) * n / m), as torch and OpenVINO define it."""
    result = np.zeros((*x.shape[:2], *sizes), np.float32)
    for i, j in np.ndindex(*sizes):
        parts = [
            slice(at * n // m, -(-(at + 1) * n // m))
            for at, n, m in zip((i, j), x.shape[2:], sizes, strict=True)
        ]
        result[:, :, i, j] = reduce(x[:, :, parts[0], parts[1]], (2, 3))
    return result


@pytest.mark.parametrize("sizes", [[4, 7], [7, 5], [3, 14]], ids=str)
@pytest.mark.parametrize(
    ("kind", "rule", "reduce"),
    [
        ("AdaptiveAvgPool", "adaptive_avg_pool", np.mean),
        ("AdaptiveMaxPool", "adaptive_max_pool", np.max),
    ],
    ids=["mean", "max"],
)
def test_adaptive_pool(kind: str, rule: str, reduce: Callable, sizes: list[int]) -> None:
    x = parameter([1, 3, 12, 14])
    attrs = {"index_element_type": "i64"} if kind == "AdaptiveMaxPool" else {}
    pool = op(kind, [x, sizes], attrs, version=8)
    values = image(1, 3, 12, 14)
    oracle = adaptive(values, sizes, reduce)
    check(model_of(pool.output(0), x), [values], f"pooling.{rule}", tolerance=1e-5, oracle=[oracle])


@pytest.mark.parametrize("exclude_pad", [True, False])
def test_dilated_avg_pool(exclude_pad: bool) -> None:
    x = parameter([1, 2, 9, 10])
    attrs = {
        "kernel": [2, 3],
        "strides": [1, 2],
        "dilations": [2, 1],
        "pads_begin": [1, 1],
        "pads_end": [1, 1],
        "exclude-pad": exclude_pad,
        "rounding_type": "floor",
        "auto_pad": "explicit",
    }
    values = image(1, 2, 9, 10)
    padded = np.pad(values, [(0, 0), (0, 0), (1, 1), (1, 1)])
    counts = np.pad(np.ones_like(values), [(0, 0), (0, 0), (1, 1), (1, 1)])
    oracle = np.zeros((1, 2, 9, 5), np.float32)
    for i, j in np.ndindex(9, 5):
        window = np.s_[:, :, i : i + 3 : 2, 2 * j : 2 * j + 3]
        total = counts[window].sum((2, 3)) if exclude_pad else 6
        oracle[:, :, i, j] = padded[window].sum((2, 3)) / total
    layer = op(
        "AvgPool",
        [
            x,
        ],
        attrs,
        version=16,
    )
    check(
        model_of(layer.output(0), x), [values], "pooling.avg_pool", tolerance=1e-5, oracle=[oracle]
    )


def test_zero_padding_before_a_maximum_stays_zeros() -> None:
    """Through the blob: it is the engine that would repeat the edge."""
    x = parameter([1, 4, 7, 9])
    padded = ov.opset1.pad(x, [0, 0, 1, 2], [0, 0, 2, 1], "constant", np.float32(0))
    pool = ov.opset1.max_pool(padded, [2, 2], [0, 0], [0, 0], [2, 2])
    pool.output(0).get_tensor().set_names({"y"})
    data = -1 - np.abs(image(1, 4, 7, 9))
    legal = check(model_of(pool.output(0), x), [data], "pooling.max_pool_of_pad")
    got = run(Blob.from_bytes(compile_ir(*serialise(legal.model))), {"x": data})["y"]
    wanted = ov.Core().compile_model(legal.model, "CPU", F32)([data])[0]
    assert wanted.max() == 0
    np.testing.assert_allclose(got, wanted, rtol=1e-3)
