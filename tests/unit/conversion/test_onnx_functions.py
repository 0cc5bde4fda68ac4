"""Operators the front end does not know are written out as ONNX defines them."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper

import oakwright
from oakwright.conversion.sources.onnx_functions import unread_operators, written_out
from oakwright.errors import UnsupportedModel

pytestmark = pytest.mark.usefixtures("own_cache")


def _model(node: onnx.NodeProto, opset: int, shapes: dict[str, list[int]]) -> onnx.ModelProto:
    ports = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()}
    inputs = [ports[name] for name in node.input if name]
    graph = helper.make_graph([node], "g", inputs, [ports[node.output[0]]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def _swiglu() -> onnx.ModelProto:
    if not onnx.defs.has("SwiGLU"):
        pytest.skip("this onnx does not have SwiGLU")
    node = helper.make_node("SwiGLU", ["a", "b"], ["y"], name="gate")
    opset = onnx.defs.get_schema("SwiGLU").since_version
    return _model(node, opset, {"a": [2, 8], "b": [2, 8], "y": [2, 8]})


def test_an_unknown_operator_is_written_out_and_said():
    result = oakwright.convert(_swiglu(), shaves=4)
    assert any(note.startswith("SwiGLU: written out") for note in result.manifest["notes"])
    a, b = np.linspace(-2, 2, 16).reshape(2, 8), np.linspace(1, -3, 16).reshape(2, 8)
    (got,) = oakwright.run(result.blob, {"a": a, "b": b}).values()
    np.testing.assert_allclose(got, a / (1 + np.exp(-a)) * b, atol=5e-3)


def test_a_window_of_attention_is_no_longer_passed_over():
    schema = onnx.defs.get_schema("Attention") if onnx.defs.has("Attention") else None
    if schema is None or "left_window_size" not in schema.attributes:
        pytest.skip("this onnx does not have windows of attention")
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], left_window_size=1)
    shape = [1, 2, 6, 8]
    names = dict.fromkeys("qkvy", shape)
    result = oakwright.convert(_model(node, schema.since_version, names), shaves=4)
    assert result.manifest["agreement"]["against"] == "onnx.reference"


def test_optional_inputs_may_be_left_out():
    schema = onnx.defs.get_schema("Attention") if onnx.defs.has("Attention") else None
    if schema is None or "left_window_size" not in schema.attributes:
        pytest.skip("this onnx does not have windows of attention")
    node = helper.make_node(
        "Attention", ["q", "k", "v", "", "", "", "length"], ["y"], is_causal=1, left_window_size=2
    )
    shapes = {key: [1, 2, 6, 8] for key in "qkvy"} | {"length": [1]}
    model = _model(node, schema.since_version, shapes)
    model.graph.input[3].type.tensor_type.elem_type = TensorProto.INT64
    made = written_out(model.SerializeToString(), {"Attention"})
    assert made is not None
    assert made[1] == {"Attention"}
    assert "Softmax" in {node.op_type for node in onnx.load_from_string(made[0]).graph.node}


def test_what_is_half_read_is_refused_where_it_cannot_be_written_out(monkeypatch):
    schema = onnx.defs.get_schema("Attention") if onnx.defs.has("Attention") else None
    if schema is None or "left_window_size" not in schema.attributes:
        pytest.skip("this onnx does not have windows of attention")
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], "window", left_window_size=1)
    model = _model(node, schema.since_version, {key: [1, 2, 6, 8] for key in "qkvy"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedModel, match="install the onnx package") as caught:
        oakwright.convert(model, shaves=4)
    assert [finding.layer for finding in caught.value.findings] == ["window"]


def test_without_the_onnx_package_the_operator_is_named(monkeypatch):
    model = _swiglu()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedModel) as caught:
        oakwright.convert(model, shaves=4)
    assert [finding.layer for finding in caught.value.findings] == ["gate"]


def test_what_has_no_definition_stays():
    node = helper.make_node("Det", ["x"], ["y"])
    model = _model(node, 22, {"x": [3, 3], "y": []})
    assert written_out(model.SerializeToString(), {"Det"}) is None
    assert written_out(model.SerializeToString(), set()) is None


def test_both_forms_of_the_front_ends_complaint_are_read():
    text = "x\nNo conversion rule found for operations: ai.onnx.preview.Flex, CumProd\ny"
    assert unread_operators(RuntimeError(text)) == {"Flex", "CumProd"}
    text = "Conversion is failed for: GatherElements-20, Split-20"
    assert unread_operators(RuntimeError(text)) == {"GatherElements", "Split"}


def test_the_sum_of_sizes_is_the_first_norm():
    node = helper.make_node("LpNormalization", ["x"], ["y"], axis=1, p=1)
    result = oakwright.convert(_model(node, 22, {"x": [2, 5], "y": [2, 5]}), shaves=4)
    assert result.manifest["agreement"]["against"] == "onnx.reference"


def test_functions_are_compared_where_they_are_defined():
    node = helper.make_node("Acosh", ["x"], ["y"])
    result = oakwright.convert(_model(node, 22, {"x": [2, 5], "y": [2, 5]}), shaves=4)
    assert result.manifest["agreement"]["against"] == "onnx.reference"
    x = np.linspace(1.1, 9, 10).reshape(2, 5)
    (got,) = oakwright.run(result.blob, {"x": x}).values()
    np.testing.assert_allclose(got, np.arccosh(x), rtol=5e-3)


def test_scalars_are_compared_too():
    node = helper.make_node("Add", ["a", "b"], ["y"])
    result = oakwright.convert(_model(node, 14, {"a": [], "b": [], "y": []}), shaves=4)
    assert result.manifest["agreement"]["fp16_difference"] < 1e-3
