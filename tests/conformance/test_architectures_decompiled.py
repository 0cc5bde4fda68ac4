"""The hand-written PyTorch architectures: decompiled, against the IR they were compiled from."""

import functools

import numpy as np
import openvino as ov
import pytest

pytest.importorskip("torch")

import oakwright
from oakwright.decompiler import CompiledBlob
from tests.conformance.architectures import ARCHITECTURES
from tests.conformance.builder import output_names
from tests.conformance.stages import ONE_ROUNDING, as_stored, difference, from_stored

WANTED = [a for a in ARCHITECTURES if a.expected == "ok"]
PASSIVE = ("Parameter", "Result", "Constant", "Convert")
# Networks, as against single functions: the compiler has stages for all they consist of, so that
# what comes back should be what was drawn.
NETWORKS = (
    *("mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "resnet18", "resnet50"),
    *("shufflenet_v2", "squeezenet", "densenet", "repvgg", "convnext", "vision_transformer"),
    *("unet_bilinear", "unet_deconvolution", "deeplab_argmax", "feature_pyramid", "ssd_head"),
    *("yolov8n_heads", "yolov8n_decoded", "yolov8n_640", "yolov5_decoded_in_place", "style"),
)
NEAR = 1.1


def layers(model: ov.Model) -> int:
    return sum(op.get_type_name() not in PASSIVE for op in model.get_ops())


@functools.cache
def core() -> ov.Core:
    return ov.Core()


def check(architecture) -> None:
    if architecture.name.startswith("k_"):
        pytest.importorskip("kornia")
    made = oakwright.convert(
        architecture.module(),
        example_input=architecture.inputs(),
        shaves=4,
        verify="off",
        cache=False,
    )
    source = core().read_model(made.xml, ov.Tensor(np.frombuffer(made.bin, np.uint8)))
    rng = np.random.default_rng(0)
    given = {}
    for port in source.inputs:
        whole = port.element_type.is_integral_number()
        values = rng.integers(0, 3, tuple(port.shape)) if whole else rng.uniform(-1, 1, port.shape)
        dtype = np.int32 if whole else np.float32
        given[port.get_node().get_friendly_name()] = values.astype(np.float16).astype(dtype)
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    results = core().compile_model(source, "CPU", hints)(list(given.values()))
    wanted = {n: np.array(results[i]) for i, n in enumerate(output_names(source))}
    blob = made.blob
    network = CompiledBlob(blob)
    got = network.infer({i.name: as_stored(i, given[i.name]) for i in blob.inputs})
    for info in blob.outputs:
        apart = difference(from_stored(info, got[info.name]), wanted[info.name])
        assert apart <= ONE_ROUNDING, info.name
    if architecture.name in NETWORKS:
        assert layers(network.model) <= NEAR * layers(source)


@pytest.mark.parametrize("architecture", [a for a in WANTED if a.fast], ids=lambda a: a.name)
def test_decompiled_agrees_with_the_ir(architecture):
    check(architecture)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [a for a in WANTED if not a.fast], ids=lambda a: a.name)
def test_decompiled_agrees_with_the_ir_of_large_ones(architecture):
    check(architecture)
