"""Slices, gathers, pads and their kin against OpenVINO's own newer ones."""

import numpy as np
import openvino as ov
import pytest
from openvino import Type

from oakwright.ir import legalise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from tests.unit.ir.rule_check import check, model_of, parameter


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


SLICES = {
    "forwards": ([1, 2], [3, 7], [1, 2], [1, 3]),
    "backwards": ([-1], [-100], [-1], [2]),
    "backwards by two, and forwards": ([5, 0], [0, 2], [-2, 1], [-1, 1]),
    "from the end": ([-3], [2147483647], [1], [-1]),
}


@pytest.mark.parametrize("name", SLICES)
def test_slice(name: str) -> None:
    start, stop, step, axes = SLICES[name]
    x = parameter([1, 4, 6, 8])
    layer = ov.opset8.slice(x, start, stop, step, axes)
    check(model_of(layer, x), [numbers(1, 4, 6, 8)], "indexing.slices")


def test_empty_slice_is_refused() -> None:
    x = parameter([1, 4])
    legal = legalise(model_of(op("Relu", [ov.opset8.slice(x, [3], [1], [1], [1])]), x))
    assert [f.op for f in legal.refused] == ["Slice-8"]


def test_slice_with_bounds_of_run_time_is_refused() -> None:
    x, start = parameter([1, 4]), parameter([1], np.int64, "start")
    legal = legalise(model_of(ov.opset8.slice(x, start, [4], [1], [1]), x, start))
    assert "run time" in legal.refused[0].reason


@pytest.mark.parametrize("shrink", [False, True])
def test_strided_slice_backwards(shrink: bool) -> None:
    x = parameter([2, 4, 8])
    masks = {"begin_mask": [0, 0, 1], "end_mask": [0, 0, 1]}
    if shrink:
        masks["shrink_axis_mask"] = [1, 0, 0]
    layer = op("StridedSlice", [x, [0, 3, 0], [1, 0, 0], [1, -1, -2]], masks)
    check(model_of(layer, x), [numbers(2, 4, 8)], "indexing.backward_strided_slice")


GATHERS = {
    "a list": ([2, 0, 3], 1, 0),
    "from the end": ([-1, -2], -1, 0),
    "one": (1, 1, 0),
    "one from the end": (-1, 2, 0),
    "a table": ([[0, 3], [1, 1]], 2, 0),
    "per batch": ([[0, 3], [1, -1]], 1, 1),
}


@pytest.mark.parametrize("name", GATHERS)
def test_gather(name: str) -> None:
    indices, axis, batch_dims = GATHERS[name]
    x = parameter([2, 4, 6])
    layer = ov.opset8.gather(x, const(indices, np.int64), axis, batch_dims)
    check(model_of(layer, x), [numbers(2, 4, 6)], "indexing.gather")


def test_gather_by_run_time_indices() -> None:
    table = np.random.default_rng(0).normal(size=(10, 8)).astype(np.float32)
    i = parameter([4], np.int32, "i")
    layer = ov.opset8.gather(const(table, np.float32), i, 0)
    check(model_of(layer, i), [np.array([9, 0, 3, 3], np.int32)], "indexing.gather")


def test_gather_elements() -> None:
    indices = np.random.default_rng(0).integers(0, 6, (2, 4, 3))
    x = parameter([2, 4, 6])
    layer = ov.opset6.gather_elements(x, const(indices, np.int64), 2)
    check(model_of(layer, x), [numbers(2, 4, 6)], "indexing.gather_elements")


@pytest.mark.parametrize("batch_dims", [0, 1])
def test_gather_nd(batch_dims: int) -> None:
    indices = [[[0, 1], [1, 0]], [[1, 3], [0, 0]]]
    x = parameter([2, 4, 6])
    layer = ov.opset8.gather_nd(x, const(indices, np.int64), batch_dims)
    check(model_of(layer, x), [numbers(2, 4, 6)], "indexing.gather_nd")


PADS = {
    "of two dimensions": ([5, 6], [1, 0], [2, 3]),
    "of one": ([6], [1], [2]),
    "of five": ([1, 2, 3, 4, 5], [0, 0, 0, 1, 2], [0, 0, 0, 0, 1]),
    "of the batch": ([2, 3, 4, 5], [1, 0, 0, 0], [0, 0, 0, 0]),
}


def check_pad(shape: list[int], begin: list[int], end: list[int], mode: str) -> None:
    x = parameter(shape)
    layer = ov.opset12.pad(x, begin, end, mode, const(1.5, np.float32))
    check(model_of(layer, x), [numbers(*shape)], "indexing.pad")


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("name", PADS)
def test_pad(name: str, mode: str) -> None:
    check_pad(*PADS[name], mode)


def test_reflecting_pictures_of_one_row() -> None:
    check_pad([1, 4, 1, 6], [0, 0, 0, 1], [0, 0, 0, 2], "reflect")


@pytest.mark.parametrize("end", [[0, 0, 1, -3], [0, 0, 0, -3]], ids=["both", "only negative"])
def test_negative_pads_cut(end: list[int]) -> None:
    check_pad([1, 2, 8, 8], [0, 0, -1, max(end)], end, "constant")


@pytest.mark.parametrize(("shifts", "axes"), [([2], [1]), ([-1, 3], [2, -2]), ([4], [1])], ids=str)
def test_roll(shifts: list[int], axes: list[int]) -> None:
    x = parameter([1, 4, 6])
    layer = ov.opset7.roll(x, const(shifts, np.int64), const(axes, np.int64))
    oracle = np.roll(numbers(1, 4, 6), shifts, axes)
    check(model_of(layer, x), [numbers(1, 4, 6)], "indexing.roll", oracle=[oracle])


def test_reverse() -> None:
    x = parameter([1, 4, 6])
    layer = op("Reverse", [x, [1, 2]], {"mode": "index"})
    oracle = numbers(1, 4, 6)[:, ::-1, ::-1]
    check(model_of(layer, x), [numbers(1, 4, 6)], "indexing.reverse", oracle=[oracle])


@pytest.mark.parametrize("mode", ["max", "min"])
def test_top_k(mode: str) -> None:
    x = parameter([1, 4, 12])
    layer = ov.opset11.topk(x, np.int64(3), 2, mode, "value", Type.i64.to_string())
    check(model_of([layer.output(0), layer.output(1)], x), [numbers(1, 4, 12)], "indexing.top_k")


@pytest.mark.parametrize("mode", ["ignore_negative", "normalize"])
def test_one_hot(mode: str) -> None:
    i = parameter([4], np.int32, "i")
    values = np.array([0, 3, -1, 2], np.int32)
    ends = [const(5, np.int64), const(2, np.float32), const(-1, np.float32)]
    attrs = {"axis": -1, "negative_indices_mode": mode}
    layer = op("OneHot", [i, *ends], attrs, version=16)
    oracle = np.where(values[:, None] == np.arange(5), 2, -1)
    if mode == "normalize":
        oracle[2, 4] = 2
    check(model_of(layer, i), [values], "indexing.one_hot", oracle=[oracle])
