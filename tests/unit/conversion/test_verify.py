"""A conversion that computes something else than its source is an error that names the layer."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

import oakwright
from oakwright import ir
from oakwright.conversion.options import ConvertOptions
from oakwright.conversion.plan import plan_inputs
from oakwright.conversion.sources import Reference, Source
from oakwright.conversion.verify import verify
from oakwright.errors import ConversionMismatch

onnx = pytest.importorskip("onnx")


def chain() -> ov.Model:
    """x → first (x * 2) → second (first + 1) → third (relu)."""
    x = ops.parameter([1, 4], np.float32, name="x")
    x.output(0).get_tensor().set_names({"x"})
    first = ops.multiply(x, np.float32(2), name="first")
    second = ops.add(first, np.float32(1), name="second")
    third = ops.relu(second, name="third")
    for node in (first, second, third):
        node.output(0).get_tensor().set_names({node.get_friendly_name()})
    return ov.Model([third], [x], "chain")


def values(arrays, second_adds: float = 1.0, first_adds: float = 0.0) -> dict[str, np.ndarray]:
    first = arrays[0] * 2 + first_adds
    second = first + second_adds
    return {"x": arrays[0], "first": first, "second": second, "third": np.maximum(second, 0)}


def verdict_of(**wrong):
    model = chain()
    reference = Reference(
        "the framework",
        lambda arrays: [values(arrays, **wrong)["third"]],
        intermediates=lambda arrays: values(arrays, **wrong),
    )
    return verify(
        Source(model, "onnx", "chain", "test", reference),
        model,
        model,
        ir.legalise(model).model,
        plan_inputs(model, ConvertOptions()),
        use_framework=True,
        full=True,
        tolerance=1e-3,
    )


def test_agreement_is_measured():
    verdict = verdict_of()
    assert verdict.against == "the framework"
    assert verdict.difference < 1e-6


@pytest.mark.parametrize(
    ("wrong", "layer"), [({"second_adds": 1.5}, "second"), ({"first_adds": 0.5}, "first")]
)
def test_the_first_layer_that_computes_something_else_is_named(wrong, layer):
    with pytest.raises(ConversionMismatch) as caught:
        verdict_of(**wrong)
    assert caught.value.layer == layer
    assert caught.value.difference > 1e-3


def test_a_legaliser_that_changes_numbers_is_caught(monkeypatch):
    """What is compared is what is compiled: a wrong rule cannot hide."""
    plain = ir.legalise

    def wrong(model):
        legal = plain(model)
        for node in legal.model.get_ordered_ops():
            if node.get_friendly_name() == "second":
                three = ops.constant(np.float32(3)).output(0)
                node.input(1).replace_source_output(three)
        return legal

    monkeypatch.setattr(ir, "legalise", wrong)
    with pytest.raises(ConversionMismatch) as caught:
        oakwright.convert(chain(), to="ir", cache=False)
    assert caught.value.layer == "second"


def test_old_softmax_and_batch_norm_mean_what_onnx_says():
    """onnx.reference alone would say that these two differ; see onnx_mended.py."""
    from onnx import TensorProto, helper, numpy_helper

    vectors = {name: np.array([0.5, 2, 1], np.float32) for name in ("scale", "bias", "mean", "var")}
    nodes = [
        helper.make_node("BatchNormalization", ["x", *vectors], ["normal"], momentum=0.9),
        helper.make_node("Softmax", ["normal"], ["y"]),
    ]
    shape = [1, 3, 2, 2]
    graph = helper.make_graph(
        nodes,
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in vectors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=6)
    result = oakwright.convert(model, to="ir", verify="full", cache=False)
    assert result.manifest["agreement"]["against"] == "onnx.reference"
    assert result.manifest["agreement"]["difference"] < 1e-5


def test_verification_can_be_left_out():
    result = oakwright.convert(chain(), to="ir", verify="off", cache=False)
    assert result.manifest["agreement"] is None
