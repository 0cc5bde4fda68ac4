"""The list of layers: what hangs on what, and which numbers belong to whom."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset8 as ops

from oakwright import conversion, ir


@pytest.fixture
def model():
    """image -> convolution -> (relu, sigmoid) -> add -> out; the weights are halved first."""
    image = ops.parameter([1, 3, 8, 8], np.float32, name="image")
    image.output(0).set_names({"image"})
    half = ops.constant(np.full((4, 3, 1, 1), 0.5, np.float32))
    weights = ops.multiply(ops.constant(np.ones((4, 3, 1, 1), np.float32)), half)
    conv = ops.convolution(image, weights, [1, 1], [0, 0], [0, 0], [1, 1], name="conv")
    conv.set_friendly_name("conv")
    added = ops.add(ops.relu(conv), ops.sigmoid(conv))
    added.output(0).set_names({"sum"})
    return ov.Model([added], [image], "diamond")


def test_layers_say_what_they_take_and_weights_are_no_layers(model):
    found = ir.layers(model)
    by_kind = {layer.operation.partition("-")[0]: (at, layer) for at, layer in enumerate(found)}
    assert next(iter(by_kind)) == "Parameter"
    assert set(by_kind) == {"Parameter", "Convolution", "Relu", "Sigmoid", "Add", "Result"}
    at, conv = by_kind["Convolution"]
    assert (conv.name, conv.takes) == ("conv", (by_kind["Parameter"][0],))
    assert conv.shapes == ((1, 4, 8, 8),)
    assert conv.parameters == 24  # both constants behind the weights
    assert conv.macs == 4 * 3 * 64
    assert conv.attributes["strides"] == "[1, 1]"
    assert by_kind["Relu"][1].takes == by_kind["Sigmoid"][1].takes == (at,)
    branches = {by_kind["Relu"][0], by_kind["Sigmoid"][0]}
    assert set(by_kind["Add"][1].takes) == branches
    assert by_kind["Parameter"][1].name == "image"
    assert by_kind["Result"][1].name == "sum"
    assert all(source < at for at, layer in enumerate(found) for source in layer.takes)


def test_a_look_fixes_an_open_batch_and_says_so(model):
    model.reshape([-1, 3, 8, 8])
    found = conversion.look(model)
    assert found.facts["inputs"][0]["shape"] == [None, 3, 8, 8]
    assert all(size is not None for layer in found.layers for s in layer.shapes for size in s)
    assert any("batch" in note for note in found.notes)
    assert sum(layer.macs for layer in found.layers) == 768


def test_a_look_at_an_open_picture_size_says_what_to_give(model):
    model.reshape([1, 3, -1, -1])
    found = conversion.look(model)
    assert found.layers[0].shapes == ((1, 3, None, None),)
    assert any("--shape" in note for note in found.notes)
