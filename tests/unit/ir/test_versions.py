"""Newer versions of old operations; layers that do nothing; convolutions with gaps."""

import numpy as np
import openvino as ov
import pytest
from openvino import Node

from oakwright.ir import legalise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from tests.unit.ir.rule_check import check, model_of, parameter, run


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("axis", [1, -1])
def test_softmax(axis: int) -> None:
    x = parameter([1, 4, 6])
    check(model_of(ov.opset8.softmax(x, axis), x), [numbers(1, 4, 6)], "versions.softmax")


def test_squeeze() -> None:
    x = parameter([1, 4, 1, 6])
    layer = op("Relu", [op("Squeeze", [x, [0, 2]], version=15)])
    check(model_of(layer, x), [numbers(1, 4, 1, 6)], "versions.squeeze")


def test_what_does_nothing_is_gone() -> None:
    x, y = parameter([1, 4]), parameter([1, 4], np.int32, "y")
    promoted = {
        "promote_unsafe": True,
        "pytorch_scalar_promotion": False,
        "u64_integer_promotion_target": "f32",
    }
    both = op("ConvertPromoteTypes", [op("Identity", [x], version=16), y], promoted, version=14)
    layer = op("Add", [both.output(0), both.output(1)])
    legal = legalise(model_of(layer, x, y))
    kinds = [node.get_type_name() for node in legal.model.get_ordered_ops()]
    assert sorted(kinds) == ["Add", "Convert", "Parameter", "Parameter", "Result"]
    assert legal.findings == ()
    values = [numbers(1, 4), np.arange(4, dtype=np.int32)[None]]
    np.testing.assert_allclose(run(legal.model, values)[0], values[0] + values[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "target", "mode"),
    [
        ([1, 4, 1, 6], [2, 4, 3, 6], "numpy"),
        ([6], [2, 3, 6], "numpy"),
        ([1, 4, 1], [3, 1, 5], "bidirectional"),
    ],
    ids=str,
)
def test_broadcast(shape: list[int], target: list[int], mode: str) -> None:
    x = parameter(shape)
    layer = op("Broadcast", [x, target], {"mode": mode}, version=3)
    oracle = numbers(*shape) * np.ones(target, np.float32)
    check(model_of(layer, x), [numbers(*shape)], "versions.broadcast", oracle=[oracle])


def test_broadcast_along_named_axes() -> None:
    x = parameter([4])
    layer = op("Broadcast", [x, [2, 4, 3], [1]], {"mode": "explicit"}, version=3)
    oracle = np.broadcast_to(numbers(4)[None, :, None], (2, 4, 3))
    check(model_of(layer, x), [numbers(4)], "versions.broadcast", oracle=[oracle])


def detection(version: int, **more: int) -> tuple[Node, list[Node]]:
    count, classes = 5, 3
    loc, conf = parameter([1, count * 4], name="loc"), parameter([1, count * classes], name="conf")
    corners = np.linspace(0.1, 0.9, count * 4).reshape(count, 4)
    priors = np.stack([corners.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], count)])[None]
    attrs = {
        "background_label_id": 0,
        "top_k": 10,
        "keep_top_k": [4],
        "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
        "share_location": True,
        "nms_threshold": 0.45,
        "confidence_threshold": 0.01,
        "normalized": True,
        "variance_encoded_in_target": False,
        **more,
    }
    priors_out = const(priors, np.float32)
    return op("DetectionOutput", [loc, conf, priors_out], attrs, version=version), [loc, conf]


def test_detection_output() -> None:
    layer, inputs = detection(8)
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(1, 20)).astype(np.float32), rng.random((1, 15)).astype(np.float32)]
    legal = check(model_of(layer, *inputs), values, "versions.detection_output")
    (new,) = [n for n in legal.model.get_ordered_ops() if n.get_type_name() == "DetectionOutput"]
    assert new.get_attributes()["num_classes"] == 3


def test_roi_align() -> None:
    x, rois = parameter([1, 2, 8, 8]), parameter([3, 4], name="rois")
    batch = const([0, 0, 0], np.int32)
    attrs = {"pooled_h": 2, "pooled_w": 2, "sampling_ratio": 2, "spatial_scale": 1.0, "mode": "avg"}
    layer = op("ROIAlign", [x, rois, batch], {**attrs, "aligned_mode": "asymmetric"}, version=9)
    boxes = np.array([[0, 0, 4, 4], [1, 2, 6, 7], [0, 0, 7, 7]], np.float32)
    check(model_of(layer, x, rois), [numbers(1, 2, 8, 8), boxes], "versions.roi_align")
    aligned = op("ROIAlign", [x, rois, batch], {**attrs, "aligned_mode": "half_pixel"}, version=9)
    assert "aligned" in legalise(model_of(aligned, x, rois)).refused[0].reason
    by_maximum = {**attrs, "mode": "max", "aligned_mode": "asymmetric"}
    highest = op("ROIAlign", [x, rois, batch], by_maximum, version=9)
    assert "by maximum" in legalise(model_of(highest, x, rois)).refused[0].reason


def test_random_numbers_are_refused() -> None:
    x = parameter([1, 4])
    noise = op(
        "RandomUniform",
        [[1, 4], const(0, np.float32), const(1, np.float32)],
        {"output_type": "f32", "global_seed": 1, "op_seed": 1},
        version=8,
    )
    legal = legalise(model_of(op("Add", [x, noise]), x))
    assert [f.op for f in legal.refused] == ["RandomUniform-8"]


def spatial(axes: int, stride: int = 1) -> dict[str, object]:
    return {
        "strides": [stride] * axes,
        "dilations": [1] * axes,
        "pads_begin": [1] * axes,
        "pads_end": [1] * axes,
        "auto_pad": "explicit",
    }


def test_3d_convolution() -> None:
    x = parameter([1, 2, 4, 6, 6])
    layer = op("Relu", [op("Convolution", [x, numbers(4, 2, 3, 3, 3)], spatial(3))])
    rule = "convolution.convolution_3d"
    check(model_of(layer, x), [numbers(1, 2, 4, 6, 6)], rule, tolerance=1e-5)


def test_3d_group_convolution() -> None:
    x = parameter([1, 4, 4, 6, 6])
    layer = op("GroupConvolution", [x, numbers(2, 3, 2, 3, 3, 3)], spatial(3))
    rule = "convolution.group_convolution_3d"
    check(model_of(layer, x), [numbers(1, 4, 4, 6, 6)], rule, tolerance=1e-5)


def test_1d_deconvolution() -> None:
    x = parameter([1, 4, 10])
    attrs = {**spatial(1, 2), "output_padding": [1]}
    layer = op("ConvolutionBackpropData", [x, numbers(4, 5, 3)], attrs)
    rule = "convolution.deconvolution"
    check(model_of(layer, x), [numbers(1, 4, 10)], rule, tolerance=1e-5)


def test_weights_of_run_time_are_refused() -> None:
    x, w = parameter([1, 4, 8, 8]), parameter([5, 4, 3, 3], name="w")
    legal = legalise(model_of(op("Convolution", [x, w], spatial(2)), x, w))
    assert "run time" in legal.refused[0].reason


@pytest.mark.parametrize("slopes", [[3, 4, 5], [1, 1, 5]], ids=str)
def test_prelu_with_slopes_other_than_per_channel(slopes: list[int]) -> None:
    x = parameter([1, 3, 4, 5])
    layer = op("PRelu", [x, numbers(*slopes)])
    check(model_of(layer, x), [numbers(1, 3, 4, 5)], "versions.prelu")


def test_prelu_with_slopes_of_run_time() -> None:
    x, slope = parameter([1, 3, 4]), parameter([1, 3, 4], name="slope")
    values = [numbers(1, 3, 4), numbers(1, 3, 5)[:, :, :4]]
    oracle = np.where(values[0] > 0, values[0], values[0] * values[1])
    layer = op("PRelu", [x, slope])
    check(model_of(layer, x, slope), values, "versions.prelu", oracle=[oracle])
