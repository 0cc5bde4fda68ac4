"""Quantised ONNX and IR: what is dropped is said, measured, and refused where it matters."""

import numpy as np
import openvino as ov
import pytest

import oakwright
from oakwright.errors import ConversionMismatch

onnx = pytest.importorskip("onnx")


def quantised_onnx() -> bytes:
    """Two convolutions with int8 weights per channel, activations in uint8 and int8."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def dequantised(name, source, scale, zero, **axis):
        constant(f"{name}_scale", np.asarray(scale, np.float32))
        constant(f"{name}_zero", zero)
        ends = [f"{name}_scale", f"{name}_zero"]
        nodes.append(helper.make_node("DequantizeLinear", [source, *ends], [name], **axis))
        return name

    def activation(name, source, scale, zero):
        ends = [f"{name}_scale", f"{name}_zero"]
        nodes.append(helper.make_node("QuantizeLinear", [source, *ends], [f"{name}_q"]))
        return dequantised(name, f"{name}_q", scale, zero)

    def weights(name, *shape):
        real = random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        scale = np.abs(real).reshape(shape[0], -1).max(1) / 127
        small = np.round(real / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
        constant(f"{name}_q", small)
        return dequantised(name, f"{name}_q", scale, np.zeros(shape[0], np.int8), axis=0)

    x = activation("a", "image", 1 / 255, np.uint8(0))
    nodes.append(helper.make_node("Conv", [x, weights("w1", 8, 3, 3, 3)], ["c1"], pads=[1] * 4))
    nodes.append(helper.make_node("Relu", ["c1"], ["r1"]))
    x = activation("b", "r1", 2 / 255, np.uint8(0))
    nodes.append(helper.make_node("Conv", [x, weights("w2", 4, 8, 3, 3)], ["c2"], pads=[1] * 4))
    nodes.append(helper.make_node("Identity", [activation("c", "c2", 3 / 255, np.int8(3))], ["y"]))
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 12, 12])],
        constants,
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def test_quantise_pairs_of_onnx_lose_their_rounding_only():
    result = oakwright.convert(quantised_onnx(), range="0..1")
    agreement = result.manifest["agreement"]
    assert agreement["difference"] < 1e-5  # everything but the rounding
    assert agreement["rounding_dropped"]["layers"] == 3
    assert 1e-4 < agreement["rounding_dropped"]["difference"] < 0.05
    said = [note for note in result.manifest["notes"] if note.startswith("quantised model")]
    assert len(said) == 1
    assert "outputs differ by" in said[0]
    assert "Round" not in {stage.name for stage in result.blob.stages}


def test_it_is_said_without_verification_too():
    result = oakwright.convert(quantised_onnx(), to="ir", verify="off")
    (note,) = (n for n in result.manifest["notes"] if n.startswith("quantised model"))
    assert "rounding of 3 activation(s) to integers is dropped" in note
    assert "was not verified" in note


def one_layer(levels: int, top: float) -> ov.Model:
    ops = ov.opset13
    x = ops.parameter([1, 3, 8, 8], np.float32, "image")
    bounds = [np.float32(v) for v in (0, top, 0, top)]
    return ov.Model([ops.fake_quantize(x, *bounds, levels)], [x], "one")


def test_few_levels_are_kept_exactly():
    agreement = oakwright.convert(one_layer(2, 1), to="ir").manifest["agreement"]
    assert agreement["rounding_dropped"] is None
    assert agreement["difference"] < 1e-6


def test_a_model_that_lives_by_its_rounding_is_refused():
    """Inputs of 0..1 in a range of 0..200: of 256 levels they meet three."""
    with pytest.raises(ConversionMismatch, match="once activations are not rounded") as caught:
        oakwright.convert(one_layer(256, 200), to="ir")
    assert caught.value.difference > 0.3
    fine = oakwright.convert(one_layer(256, 1), to="ir").manifest["agreement"]["rounding_dropped"]
    assert fine["difference"] < 0.01
