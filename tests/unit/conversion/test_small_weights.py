"""What the engine does to weights that FP16 holds as subnormal numbers, told by its own blobs."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset8 as ops
from openvino.utils.node_factory import NodeFactory

import oakwright
from oakwright import ir

RNG = np.random.default_rng(3)
WEIGHTS = (RNG.standard_normal((8, 16, 3, 3)) * 4e-5).astype(np.float16).astype(np.float32)


def network():
    x = ops.parameter([1, 16, 20, 20], np.float32, name="x")
    layer = ops.convolution(x, WEIGHTS, [1, 1], [1, 1], [1, 1], [1, 1], name="y")
    return ov.Model([layer], [x], "small")


FRAME = (RNG.random((1, 16, 20, 20)) * 100).astype(np.float16)


def on_cpu(model):
    return ir.run_on_cpu(model, {"x": FRAME.astype(np.float32)})[0]


def test_a_blob_of_weights_left_as_they_are_computes_with_what_as_stored_says(tmp_path):
    xml, weights = ir.serialise(network())
    (tmp_path / "small.xml").write_bytes(xml)
    (tmp_path / "small.bin").write_bytes(weights)
    blob = oakwright.Blob.from_bytes(oakwright.compile(tmp_path / "small.xml", shaves=4)[4])
    got = oakwright.run(blob, {"x": FRAME})["y"].astype(np.float32)
    stored = ov.Core().read_model(xml, weights)
    share = ir.as_stored(stored)
    assert share == pytest.approx((np.abs(WEIGHTS) < 2**-14).mean(), abs=0.01)
    assert ir.rms_difference(got, on_cpu(stored)) < 1e-3  # the output's own FP16
    assert ir.rms_difference(got, on_cpu(network())) > 0.05


def test_converted_they_are_made_larger_and_nothing_is_lost():
    made = oakwright.convert(network(), shaves=4, cache=False)
    assert any("small_weights" in rule for rule in made.manifest["rules"])
    assert made.manifest["agreement"]["difference"] == 0.0  # powers of two
    assert made.manifest["agreement"]["fp16_difference"] < 5e-3
    got = oakwright.run(made.blob, {"x": FRAME})["y"].astype(np.float32)
    assert ir.rms_difference(got, on_cpu(network())) < 5e-3
    assert len(made.blob.stages) <= 3


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("Convolution", (8, 16, 3, 3)),
        ("GroupConvolution", (16, 1, 1, 3, 3)),
        ("ConvolutionBackpropData", (16, 8, 2, 2)),
        ("GroupConvolutionBackpropData", (16, 1, 1, 2, 2)),
    ],
)
def test_every_kind_is_lifted_by_its_output_channels(kind, shape):
    x = ops.parameter([1, 16, 20, 20], np.float32, name="x")
    values = RNG.standard_normal(shape).astype(np.float32)
    # One output channel of small weights among large ones.
    channel = {"Group": (3,), "Convo": (3,)}[kind[:5]]
    if kind == "ConvolutionBackpropData":
        channel = (slice(None), 3)
    values[channel] *= 2e-6
    attributes = {"strides": [1, 1], "pads_begin": [0, 0], "pads_end": [0, 0], "dilations": [1, 1]}
    layer = NodeFactory("opset1").create(
        kind, [x.output(0), ops.constant(values).output(0)], attributes
    )
    model = ov.Model([layer], [x], "m")
    made = ir.legalise(model)
    assert [entry.rule for entry in made.applied] == []  # such a channel is dead beside the others
    values *= np.float32(4e-5)
    layer = NodeFactory("opset1").create(
        kind, [x.output(0), ops.constant(values).output(0)], attributes
    )
    model = ov.Model([layer], [x], "m")
    made = ir.legalise(model)
    assert [entry.rule for entry in made.applied] == ["small_weights.lift_small_weights"]
    assert np.array_equal(on_cpu(made.model), on_cpu(model))


def test_weights_that_mostly_vanish_are_warned_of():
    x = ops.parameter([1, 16, 20, 20], np.float32, name="x")
    tiny = np.float32(WEIGHTS / 8)
    layer = ops.convolution(x, tiny, [1, 1], [1, 1], [1, 1], [1, 1], name="y")
    (finding,) = ir.scan_constants(ov.Model([layer], [x], "tiny"))
    assert "become 0 in FP16" in finding.reason
