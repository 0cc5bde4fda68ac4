"""(x - mean) / scale in the model's own channel order, against numpy."""

import itertools

import numpy as np
import openvino as ov
import pytest

from oakwright.errors import UsageError
from oakwright.ir import InputPreprocess, legalise, preprocess, run_on_cpu
from oakwright.ir.legalise import op
from tests.unit.ir.rule_check import compile_with_engine, model_of, parameter

# Three different means and scales each, so that a mistaken order shows.
MEANS = [None, (123.0, 117.0, 104.0), (0.485, 0.456, 0.406), (127.5,)]
SCALES = [None, (58.0, 57.0, 56.0), (0.229, 0.224, 0.225), (255.0,)]
WEIGHTS = np.random.default_rng(2).normal(size=(4, 3, 3, 3)).astype(np.float32)
PADDED = {
    "strides": [1, 1],
    "dilations": [1, 1],
    "pads_begin": [1, 1],
    "pads_end": [1, 1],
    "auto_pad": "explicit",
}


def planar_model(channels: int = 3) -> ov.Model:
    """The input itself and a padded convolution of it, whose borders would show a wrong mean."""
    x = parameter([1, channels, 6, 8], name="image")
    same = op("Multiply", [x, 1.0])
    same.set_friendly_name("same")
    layer = op("Convolution", [x, WEIGHTS[:, :channels]], PADDED)
    layer.set_friendly_name("features")
    return model_of([same, layer], x)


def interleaved_model() -> ov.Model:
    x = parameter([1, 6, 8, 3], name="image")
    return model_of(op("Multiply", [x, 1.0]), x)


def picture(channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (1, channels, 6, 8)).astype(np.float32)


def normalised(x: np.ndarray, spec: InputPreprocess) -> np.ndarray:
    """By definition; x and result NCHW."""
    if spec.reverse_channels:
        x = x[:, ::-1]
    if spec.mean is not None:
        x = x - np.array(spec.mean, np.float32).reshape(1, -1, 1, 1)
    if spec.scale is not None:
        x = x / np.array(spec.scale, np.float32).reshape(1, -1, 1, 1)
    return x


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(("mean", "scale"), list(itertools.product(MEANS, SCALES)))
def test_planar(mean: tuple | None, scale: tuple | None, is_reversed: bool) -> None:
    spec = InputPreprocess("image", mean, scale, is_reversed, "NCHW", "NCHW")
    model = planar_model()
    prepared = preprocess(model, [spec])
    wanted = run_on_cpu(model, {"image": normalised(picture(), spec)})
    for candidate in (prepared, legalise(prepared).model):
        got = run_on_cpu(candidate, {"image": picture()})
        for a, b in zip(wanted, got, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(a).max())


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_interleaved_model_gets_a_planar_input(index: int, is_reversed: bool) -> None:
    spec = InputPreprocess("image", MEANS[index], SCALES[index], is_reversed, "NHWC", "NCHW")
    prepared = preprocess(interleaved_model(), [spec])
    assert list(prepared.inputs[0].shape) == [1, 3, 6, 8]
    (got,) = run_on_cpu(legalise(prepared).model, {"image": picture()})
    wanted = normalised(picture(), spec).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(wanted, got, rtol=2e-5, atol=1e-4)


def test_one_channel() -> None:
    spec = InputPreprocess("image", (33.0,), (7.0,), False, "NCHW", "NCHW")
    model = planar_model(1)
    got = run_on_cpu(preprocess(model, [spec]), {"image": picture(1)})
    np.testing.assert_allclose(got[0], normalised(picture(1), spec), rtol=1e-5)


def test_one_mean_needs_no_layout() -> None:
    x = parameter([1, 16], name="signal")
    spec = InputPreprocess("signal", (2.0,), (4.0,))
    values = np.arange(16, dtype=np.float32)[None]
    (got,) = run_on_cpu(preprocess(model_of(op("Relu", [x]), x), [spec]), {"signal": values})
    np.testing.assert_allclose(got, np.maximum((values - 2) / 4, 0), rtol=1e-6)


def test_scale_and_order_disappear_into_the_first_convolution() -> None:
    x = parameter([1, 3, 16, 16], name="image")
    model = model_of(op("Convolution", [x, WEIGHTS], PADDED), x)
    spec = InputPreprocess("image", None, (58.0, 57.0, 56.0), True, "NCHW", "NCHW")
    legal = legalise(preprocess(model, [spec])).model
    kinds = [node.get_type_name() for node in legal.get_ordered_ops()]
    assert sorted(kinds) == ["Constant", "Convolution", "Parameter", "Result"]
    compile_with_engine(legal)


def test_the_callers_model_stays() -> None:
    model = interleaved_model()
    preprocess(model, [InputPreprocess("image", (1.0,), None, False, "NHWC", "NCHW")])
    assert list(model.inputs[0].shape) == [1, 6, 8, 3]


@pytest.mark.parametrize(
    ("channels", "spec", "words"),
    [
        (4, InputPreprocess("image", reverse_channels=True, model_layout="NCHW"), "4 channels"),
        (
            4,
            InputPreprocess("image", mean=(1, 2, 3), model_layout="NCHW"),
            "3 values of mean for 4",
        ),
        (3, InputPreprocess("image", scale=(1, 0, 1), model_layout="NCHW"), "scale of 0"),
        (3, InputPreprocess("image", scale=(1, 2, 3)), "unknown number"),
        (3, InputPreprocess("image", model_layout="HWC"), "4 dimensions"),
        (3, InputPreprocess("picture"), "no input 'picture'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_sense(channels: int, spec: InputPreprocess, words: str) -> None:
    x = parameter([1, channels, 6, 8], name="image")
    with pytest.raises(UsageError, match=words) as caught:
        preprocess(model_of(op("Relu", [x]), x), [spec])
    assert caught.value.remedy


def reversed_input(model: ov.Model, values: np.ndarray, axis: int, spec: InputPreprocess) -> None:
    """The reversal inside the model against the same done in numpy before it."""
    (wanted,) = run_on_cpu(model, {"image": np.flip(values, axis)})
    (got,) = run_on_cpu(preprocess(model, [spec]), {"image": values})
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-4)


IMAGE = np.random.default_rng(5).uniform(0, 4, (1, 3, 16, 16)).astype(np.float32)
REVERSED = InputPreprocess("image", None, None, True, "NCHW", "NCHW")


def test_a_reversal_of_the_networks_own_stays_as_it_is() -> None:
    """OpenVINO's own preprocessing would turn the last Gather round, too."""
    x = parameter([1, 3, 16, 16], name="image")
    scores = op(
        "ReduceMean", [op("Convolution", [x, WEIGHTS], PADDED), [2, 3]], {"keep_dims": False}
    )
    first_two = op("Gather", [scores, [0, 1], 1])
    model = model_of(op("Gather", [first_two, [1, 0], 1]), x)
    reversed_input(model, IMAGE, 1, REVERSED)


def test_a_network_that_reverses_its_input_itself() -> None:
    x = parameter([1, 3, 16, 16], name="image")
    flipped = op("Gather", [x, [2, 1, 0], 1])
    model = model_of(op("Convolution", [flipped, WEIGHTS], PADDED), x)
    reversed_input(model, IMAGE, 1, REVERSED)


def test_arithmetic_before_the_convolution_is_reversed_too() -> None:
    x = parameter([1, 3, 16, 16], name="image")
    mean = np.float32([1, 2, 3]).reshape(1, 3, 1, 1)
    scale = np.float32([4, 5, 6]).reshape(3, 1, 1)
    middle = op("Multiply", [scale, op("Subtract", [x, mean])])
    model = model_of(op("Convolution", [middle, WEIGHTS], PADDED), x)
    reversed_input(model, IMAGE, 1, REVERSED)
    kinds = [n.get_type_name() for n in preprocess(model, [REVERSED]).get_ordered_ops()]
    assert "Gather" not in kinds


def test_who_cannot_take_the_reversal_reads_through_a_gather() -> None:
    x = parameter([1, 3, 16, 16], name="image")
    joined = op("Concat", [op("Convolution", [x, WEIGHTS], PADDED), x], {"axis": 1})
    model = model_of(joined, x)
    reversed_input(model, IMAGE, 1, REVERSED)
    kinds = [n.get_type_name() for n in preprocess(model, [REVERSED]).get_ordered_ops()]
    assert kinds.count("Gather") == 1


def test_an_output_right_behind_keeps_its_order_and_name() -> None:
    x = parameter([1, 3, 16, 16], name="image")
    out = op("Add", [x, np.float32([1, 2, 3]).reshape(1, 3, 1, 1)])
    out.output(0).get_tensor().set_names({"seen"})
    model = model_of(out, x)
    reversed_input(model, IMAGE, 1, REVERSED)
    assert preprocess(model, [REVERSED]).outputs[0].get_names() == {"seen"}


def test_quantised_weights_are_reversed_inside_their_quantisation() -> None:
    x = parameter([1, 3, 16, 16], name="image")
    low = np.float32(WEIGHTS.min((1, 2, 3), keepdims=True))
    high = np.float32(WEIGHTS.max((1, 2, 3), keepdims=True))
    weights = op("FakeQuantize", [WEIGHTS, low, high, low, high], {"levels": 255})
    model = model_of(op("Convolution", [x, weights], PADDED), x)
    reversed_input(model, IMAGE, 1, REVERSED)
    kinds = [n.get_type_name() for n in preprocess(model, [REVERSED]).get_ordered_ops()]
    assert "Gather" not in kinds
