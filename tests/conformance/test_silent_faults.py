"""Layers that once compiled without a word into a blob that computed something else.

Each is converted, compiled, decompiled and compared with OpenVINO's CPU plugin on the source.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino as ov
import pytest

import oakwright
from oakwright.decompiler import CompiledBlob
from oakwright.errors import EngineNotFound
from oakwright.ir import relative_difference, run_on_cpu

ops = ov.opset13
Made = tuple[ov.Model, dict[str, np.ndarray]]


def _values(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0.5, 2, shape).astype(np.float16).astype(np.float32)


def mvn_over_axes_from_the_end() -> Made:
    x = ops.parameter([2, 3, 4, 5], np.float32, name="x")
    y = ops.mvn(x, np.array([-3, -2, -1]), True, 1e-5, "inside_sqrt", name="y")
    return ov.Model([y], [x], "m"), {"x": _values(2, 3, 4, 5) * np.arange(1, 4)[:, None, None]}


def l2_of_a_row_of_zeros() -> Made:
    x = ops.parameter([2, 6], np.float32, name="x")
    y = ops.normalize_l2(x, np.array([1]), 1e-19, "add", name="y")
    return ov.Model([y], [x], "m"), {"x": _values(2, 6) * np.array([[0], [1]])}


def convolution_3d_to_one_channel() -> Made:
    x = ops.parameter([1, 2, 4, 5, 6], np.float32, name="x")
    ones = [1, 1, 1]
    y = ops.convolution(x, _values(1, 2, 2, 2, 2), ones, [0, 0, 0], [0, 0, 0], ones, name="y")
    return ov.Model([y], [x], "m"), {"x": _values(1, 2, 4, 5, 6)}


def convolution_3d_to_one_channel_with_bias() -> Made:
    model, values = convolution_3d_to_one_channel()
    plain = model.results[0].input_value(0)
    y = ops.add(plain, np.full([1, 1, 1, 1, 1], 0.75, np.float32), name="z")
    return ov.Model([y], model.get_parameters(), "m"), values


def gather_counting_from_the_end() -> Made:
    x = ops.parameter([10, 3], np.float32, name="x")
    at = ops.parameter([4], np.int32, name="at")
    y = ops.gather(x, at, np.int64(0), name="y")
    indices = np.array([0, -9, -1, 7], np.int32)
    return ov.Model([y], [x, at], "m"), {"x": _values(10, 3), "at": indices}


def attention_to_nothing() -> Made:
    scores = ops.parameter([1, 4, 4], np.float32, name="scores")
    keep = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0]], bool)
    masked = ops.select(keep[None], scores, np.float32(-np.inf))
    shares = ops.softmax(masked, -1)
    y = ops.select(ops.is_nan(shares), np.float32(0), shares, name="y")
    return ov.Model([y], [scores], "m"), {"scores": _values(1, 4, 4)}


def attention_to_nothing_times_values() -> Made:
    scores = ops.parameter([1, 4, 4], np.float32, name="scores")
    keep = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0]], bool)
    shares = ops.softmax(ops.select(keep[None], scores, np.float32(-np.inf)), -1)
    carried = ops.parameter([1, 4, 6], np.float32, name="carried")
    product = ops.matmul(shares, carried, False, False)
    y = ops.select(ops.is_nan(product), np.float32(0), product, name="y")
    values = {"scores": _values(1, 4, 4), "carried": _values(1, 4, 6)}
    return ov.Model([y], [scores, carried], "m"), values


@pytest.mark.parametrize(
    "made",
    [
        mvn_over_axes_from_the_end,
        l2_of_a_row_of_zeros,
        convolution_3d_to_one_channel,
        convolution_3d_to_one_channel_with_bias,
        gather_counting_from_the_end,
        attention_to_nothing,
        attention_to_nothing_times_values,
    ],
)
def test_the_blob_computes_what_the_source_does(made: Callable[[], Made]) -> None:
    model, values = made()
    (wanted,) = run_on_cpu(model, values)
    try:
        blob = oakwright.convert(model, shaves=4, cache=False).blob
    except EngineNotFound as error:
        pytest.skip(str(error))
    (got,) = CompiledBlob(blob).infer(values).values()
    assert np.isfinite(wanted).all()
    assert relative_difference(wanted, got.astype(np.float32).reshape(wanted.shape)) < 2e-3


def test_an_output_that_is_an_input_keeps_its_name() -> None:
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Dropout", ["x"], ["y"])], "g", *[[p] for p in ports]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    blob = oakwright.convert(model, shaves=4, cache=False).blob
    assert [info.name for info in (*blob.inputs, *blob.outputs)] == ["x", "y"]


@pytest.mark.parametrize("kind", ["f8e4m3", "u4"])
def test_types_the_chip_does_not_have_are_refused(kind: str) -> None:
    x = ops.parameter([4], getattr(ov.Type, kind), name="x")
    found = oakwright.check(ov.Model([ops.convert(x, "f32", name="y")], [x], "m"))
    assert found.findings[0].layer == "x"
    assert kind in found.findings[0].reason
