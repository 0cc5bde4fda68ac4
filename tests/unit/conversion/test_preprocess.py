"""(x - mean) / scale in the model's own channel order, against numpy: every combination."""

import itertools

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

import oakwright
from oakwright.conversion import InputOptions

MEAN, SCALE = (10.0, 60.0, 110.0), (2.0, 30.0, 400.0)


def mixing_network(layout: str) -> ov.Model:
    """A 1x1 convolution that treats the three channels differently, so that order matters."""
    shape = [1, 3, 4, 5] if layout == "NCHW" else [1, 4, 5, 3]
    image = ops.parameter(shape, np.float32, name="image")
    planar = ops.transpose(image, [0, 3, 1, 2]) if layout == "NHWC" else image
    kernel = np.array([[1, 2, 4], [-1, 0.5, 8]], np.float32).reshape(2, 3, 1, 1)
    mixed = ops.convolution(planar, kernel, [1, 1], [0, 0], [0, 0], [1, 1], name="mixed")
    return ov.Model([mixed], [image], "mixing")


def run_ir(result: oakwright.conversion.Converted, planar: np.ndarray) -> np.ndarray:
    core = ov.Core()
    model = core.read_model(result.xml, result.bin)
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({0: planar.astype(np.float32)})[0]


CASES = list(
    itertools.product(
        ("NCHW", "NHWC"),
        (None, 7.0, MEAN),
        (None, 255.0, SCALE),
        (None, "reverse", "RGB->BGR", "BGR->RGB", "RGB->RGB"),
    )
)


@pytest.mark.parametrize(("layout", "mean", "scale", "order"), CASES)
def test_against_numpy(layout, mean, scale, order):
    color = order if order and "->" in order else None
    result = oakwright.convert(
        mixing_network(layout),
        to="ir",
        layout=layout,
        mean=mean,
        scale=scale,
        color=color,
        reverse_channels=order == "reverse",
        cache=False,
    )
    frame = np.random.default_rng(3).integers(0, 256, (1, 3, 4, 5)).astype(np.float32)
    x = frame[:, ::-1] if order in ("reverse", "RGB->BGR", "BGR->RGB") else frame
    x = x - np.reshape(mean if mean is not None else 0.0, (1, -1, 1, 1))
    x = x / np.reshape(scale if scale is not None else 1.0, (1, -1, 1, 1))
    kernel = np.array([[1, 2, 4], [-1, 0.5, 8]])
    wanted = np.einsum("oc,nchw->nohw", kernel, x)
    got = run_ir(result, frame)
    assert np.abs(got - wanted).max() <= 2e-3 * np.abs(wanted).max()


def test_inputs_are_treated_one_by_one():
    a = ops.parameter([1, 3, 4, 4], np.float32, name="a")
    b = ops.parameter([1, 3, 4, 4], np.float32, name="b")
    total = ops.add(a, b, name="total")
    result = oakwright.convert(
        ov.Model([total], [a, b], "two"),
        to="ir",
        inputs=[InputOptions.of("a", mean=MEAN, scale=2.0), InputOptions.of("b", scale=255)],
        cache=False,
    )
    assert [entry["precision"] for entry in result.manifest["inputs"]] == ["U8", "U8"]
    assert result.manifest["inputs"][0]["mean"] == list(MEAN)
    assert result.manifest["inputs"][1]["mean"] is None


def test_nothing_is_done_unasked():
    result = oakwright.convert(mixing_network("NCHW"), to="ir", cache=False)
    (entry,) = result.manifest["inputs"]
    assert entry["precision"] == "FP16"
    assert (entry["mean"], entry["scale"], entry["channels_reversed"]) == (None, None, False)


@pytest.mark.parametrize(
    "options",
    [
        {"mean": (1, 2)},
        {"mean": (1, 2, 3, 4)},
        {"layout": "NCDHW"},
        {"inputs": [InputOptions.of("nobody", mean=1)]},
    ],
)
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(oakwright.OakwrightError):
        oakwright.convert(mixing_network("NCHW"), to="ir", cache=False, **options)


def test_one_channel_cannot_be_reversed():
    x = ops.parameter([1, 1, 4, 4], np.float32, name="x")
    with pytest.raises(oakwright.OakwrightError, match="cannot be reversed"):
        oakwright.convert(
            ov.Model([ops.relu(x)], [x]), to="ir", color="RGB->BGR", layout="NCHW", cache=False
        )
