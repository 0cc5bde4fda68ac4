"""Comparing models, finding the first layer that parts, FP16's limits, facts about a model."""

import numpy as np
import openvino as ov
import pytest

from oakwright.errors import ConversionMismatch, UsageError
from oakwright.ir import compare, describe, legalise, run_on_cpu, scan_activations, scan_constants
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from tests.unit.ir.rule_check import model_of, parameter


def named(node: ov.Node, name: str) -> ov.Node:
    node.set_friendly_name(name)
    return node


def chain(middle: float = 2.0, bias: float = 1.0) -> ov.Model:
    x = parameter([1, 4], name="x")
    first = named(op("Multiply", [x, middle]), "first")
    second = named(op("Add", [first, bias]), "second")
    return model_of(named(op("Exp", [second]), "third"), x)


VALUES = {"x": np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)}


def test_equal_models_agree() -> None:
    agreement = compare(chain(), legalise(chain()).model, VALUES)
    assert agreement.difference < 1e-6
    assert list(agreement.outputs) == ["third"]


@pytest.mark.parametrize(
    ("other", "layer"), [({"middle": 2.1}, "first"), ({"bias": 1.1}, "second")], ids=str
)
def test_the_first_layer_that_parts_is_named(other: dict, layer: str) -> None:
    with pytest.raises(ConversionMismatch) as caught:
        compare(chain(), chain(**other), VALUES)
    assert caught.value.layer == layer
    assert caught.value.difference > 1e-3
    assert layer in str(caught.value)


def test_within_tolerance() -> None:
    assert compare(chain(), chain(bias=1.0005), VALUES, tolerance=1e-2).difference > 1e-4


def test_infinities_that_fp16_brings_to_its_bound_agree() -> None:
    x = parameter([1, 2])
    mask = const([[-np.inf, 0.0]], np.float32)
    model = model_of(op("Add", [x, mask]), x)
    compare(model, legalise(model).model, {"x": np.ones((1, 2), np.float32)})


def test_layers_the_cpu_plugin_gets_wrong_are_no_mismatch() -> None:
    x = parameter([1, 2, 12, 14], name="x")
    mean = ov.opset14.avg_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], False, "ceil_torch")
    best = op("AdaptiveMaxPool", [x, [5, 5]], {"index_element_type": "i64"}, version=8)
    model = model_of([ov.opset1.result(mean), ov.opset1.result(best.output(0))], x)
    values = {"x": np.random.default_rng(0).normal(size=(1, 2, 12, 14)).astype(np.float32)}
    assert compare(model, legalise(model).model, values).difference < 1e-5
    assert "AvgPool-14" in describe(model)["operations"]


def test_products_reshaped_to_a_scalar_can_be_compared() -> None:
    a, b = parameter([1, 5], name="a"), parameter([5, 1], name="b")
    flat = {"transpose_a": False, "transpose_b": False}
    none = const(np.zeros(0), np.int64)
    layer = op("Reshape", [op("MatMul", [a, b], flat), none], {"special_zero": False})
    model = model_of(layer, a, b)
    values = {"a": np.ones((1, 5), np.float32), "b": np.ones((5, 1), np.float32)}
    assert compare(model, legalise(model).model, values).difference == 0


def test_bf16_models_can_be_compared() -> None:
    x = ov.opset1.parameter([1, 4], ov.Type.bf16)
    x.set_friendly_name("x")
    model = model_of(op("Multiply", [x, ov.op.Constant(ov.Type.bf16, ov.Shape([]), [2.0])]), x)
    assert compare(model, legalise(model).model, VALUES).difference == 0


@pytest.mark.parametrize(
    "inputs",
    [{}, {"y": np.zeros((1, 4))}, {"x": np.zeros((4,))}, {**VALUES, "y": np.zeros(1)}],
    ids=["none", "another", "another shape", "one too many"],
)
def test_inputs_that_do_not_fit(inputs: dict) -> None:
    with pytest.raises(UsageError):
        run_on_cpu(chain(), inputs)


def test_weights_beyond_fp16_are_named() -> None:
    x = parameter([1, 2])
    layer = named(op("Multiply", [x, const([[1e5, 1.0]], np.float32)]), "too big")
    (finding,) = scan_constants(model_of(layer, x))
    assert (finding.layer, finding.severity) == ("too big", "warning")
    assert "1e+05" in finding.reason


def test_weights_that_vanish_are_named() -> None:
    x = parameter([1, 4])
    layer = named(op("Multiply", [x, const([[1e-9, 2e-9, 1.0, 3e-9]], np.float32)]), "tiny")
    (finding,) = scan_constants(model_of(layer, x))
    assert finding.layer == "tiny"
    assert "3 of 4" in finding.reason


def test_ordinary_weights_are_not_named() -> None:
    x = parameter([1, 4])
    values = np.array([[1e-9, 1.0, 0.0, 65504.0]], np.float32)
    assert scan_constants(model_of(op("Multiply", [x, values]), x)) == []


def test_activations_beyond_fp16_are_named_with_their_value() -> None:
    x = parameter([1, 4], name="x")
    squares = named(op("Multiply", [x, x]), "squares")
    total = named(op("ReduceSum", [squares, [1]], {"keep_dims": True}), "sum")
    model = model_of(named(op("Sqrt", [total]), "norm"), x)
    small = {"x": np.full((1, 4), 3, np.float32)}
    large = {"x": np.full((1, 4), 255, np.float32)}
    assert scan_activations(model, [small]) == []
    (finding,) = scan_activations(model, [small, large])
    assert finding.layer == "sum"
    assert "260100" in finding.reason
    assert len(model.outputs) == 1


def test_too_large_weights_are_clamped_with_a_warning_infinities_without() -> None:
    x = parameter([1, 2])
    layer = op("Minimum", [x, const([[np.inf, 1e6]], np.float32)])
    legal = legalise(model_of(layer, x))
    (warning,) = legal.warnings
    assert "1e+06" in warning.reason
    assert legal.refused == ()
    assert scan_constants(legal.model) == []


def test_describe() -> None:
    x = parameter([1, 3, 8, 8], name="image")
    attrs = {
        "strides": [2, 2],
        "dilations": [1, 1],
        "pads_begin": [1, 1],
        "pads_end": [1, 1],
        "auto_pad": "explicit",
    }
    weights = np.ones((16, 3, 3, 3), np.float32)
    conv = named(op("Convolution", [x, weights], attrs), "conv")
    model = model_of(named(op("Relu", [conv]), "out"), x)
    facts = describe(model)
    assert facts["inputs"] == [{"name": "image", "type": "f32", "shape": [1, 3, 8, 8]}]
    assert facts["outputs"] == [{"name": "out", "type": "f32", "shape": [1, 16, 4, 4]}]
    assert facts["operations"] == {"Convolution-1": 1, "Relu-1": 1}
    assert facts["parameters"] == 16 * 27
    assert facts["macs"] == 16 * 16 * 27
    assert [layer["name"] for layer in facts["layers"]] == ["image", "conv", "out"]


def test_describe_a_dynamic_model() -> None:
    x = ov.opset1.parameter([-1, 4], dtype=np.float32, name="x")
    facts = describe(model_of(op("Relu", [x]), x))
    assert facts["inputs"][0]["shape"] == [None, 4]


@pytest.mark.parametrize(
    ("kind", "shape", "weights", "macs"),
    [
        ("GroupConvolution", [1, 4, 8, 8], [4, 1, 1, 3, 3], 4 * 36 * 9),
        ("ConvolutionBackpropData", [1, 4, 8, 8], [4, 2, 3, 3], 4 * 64 * 2 * 9),
        ("MatMul", [2, 5, 8], [8, 3], 2 * 5 * 8 * 3),
    ],
)
def test_multiply_accumulates(kind: str, shape: list, weights: list, macs: int) -> None:
    attrs = {
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads_begin": [0, 0],
        "pads_end": [0, 0],
        "auto_pad": "explicit",
    }
    if kind == "MatMul":
        attrs = {"transpose_a": False, "transpose_b": False}
    x = parameter(shape)
    layer = op(kind, [x, np.ones(weights, np.float32)], attrs)
    assert describe(model_of(layer, x))["macs"] == macs
