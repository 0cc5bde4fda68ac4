"""Caffe networks, layer by layer against OpenCV's importer, and what is refused."""
# ruff: noqa: E501  (layers of a prototxt read best on one line)

import numpy as np
import pytest

import oakwright
import oakwright.blobconverter
import oakwright.mo
from oakwright import ir
from oakwright.conversion.sources import Kind, detect, open_source
from oakwright.conversion.sources.caffe.text import TextError, parse
from oakwright.errors import ConversionMismatch, OakwrightError, UnreadableModel, UnsupportedModel

from .caffe_files import caffemodel, input_layer, layer, random, ssd, write

cv2 = pytest.importorskip("cv2")

CONV = "convolution_param { num_output: 4 kernel_size: 3 %s }"
W = random(4, 6, 3, 3)
B = random(4, seed=9)
# name -> (layers behind `data` [1, 6, 9, 11], weights)
LAYERS = {
    "convolution": (layer("y", "Convolution", CONV % "pad: 1 stride: 2"), {"y": [W, B]}),
    "convolution_sides": (
        layer("y", "Convolution", "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 pad_h: 1"
              " pad_w: 0 stride_h: 1 stride_w: 2 }"),
        {"y": [random(4, 6, 3, 2), B]},
    ),
    "convolution_grouped": (
        layer("y", "Convolution", CONV % "group: 2 dilation: 2 bias_term: false"),
        {"y": [random(4, 3, 3, 3)]},
    ),
    "depthwise": (
        layer("y", "Convolution", "convolution_param { num_output: 6 kernel_size: 3 group: 6 }"),
        {"y": [random(6, 1, 3, 3), random(6)]},
    ),
    "deconvolution": (
        layer("y", "Deconvolution", CONV % "stride: 2 pad: 1"), {"y": [random(6, 4, 3, 3), B]},
    ),
    "deconvolution_grouped": (
        layer("y", "Deconvolution", "convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1"
              " group: 6 bias_term: false }"),
        {"y": [random(6, 1, 4, 4)]},
    ),
    "inner_product": (
        layer("y", "InnerProduct", "inner_product_param { num_output: 5 }"),
        {"y": [random(5, 594), random(5)]},
    ),
    "batch_norm": (
        layer("b", "BatchNorm", "batch_norm_param { eps: 0.001 }") + layer("y", "Scale", "scale_param { bias_term: true }", "b"),
        {"b": [random(6), random(6, positive=True), np.array([3], np.float32)],
         "y": [random(6, seed=1), random(6, seed=2)]},
    ),
    "eltwise_sum": (
        layer("a", "Power", "power_param { scale: 0.5 shift: 1 }")
        + layer("y", "Eltwise", "eltwise_param { operation: SUM coeff: 2 coeff: -1 }", "data a"), {},
    ),
    "eltwise_product": (layer("y", "Eltwise", "eltwise_param { operation: PROD }", "data data"), {}),
    "eltwise_max": (
        layer("a", "Power", "power_param { scale: -1 }")
        + layer("y", "Eltwise", "eltwise_param { operation: MAX }", "data a"), {},
    ),
    "concat_slice": (
        layer("s", "Slice", "slice_param { axis: 1 slice_point: 2 }", tops="a b")
        + layer("y", "Concat", "concat_param { axis: 1 }", "b a"), {},
    ),
    "lrn": (layer("y", "LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }"), {}),
    "lrn_within": (
        layer("y", "LRN", "lrn_param { local_size: 3 alpha: 0.5 norm_region: WITHIN_CHANNEL }"), {},
    ),
    "prelu": (layer("y", "PReLU"), {"y": [random(6)]}),
    "leaky_relu": (layer("y", "ReLU", "relu_param { negative_slope: 0.1 }"), {}),
    "elu": (layer("y", "ELU"), {}),
    "sigmoid": (layer("y", "Sigmoid"), {}),
    "tanh": (layer("y", "TanH"), {}),
    "abs": (layer("y", "AbsVal"), {}),
    "power": (layer("a", "AbsVal") + layer("y", "Power", "power_param { power: 2 scale: 0.5 shift: 1 }", "a"), {}),
    "softmax": (layer("y", "Softmax"), {}),
    "dropout_split": (
        layer("d", "Dropout") + layer("s", "Split", "", "d", "a b") + layer("y", "Eltwise", "", "a b"), {},
    ),
    "permute_flatten": (
        layer("p", "Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }")
        + layer("y", "Flatten", "flatten_param { axis: 1 end_axis: 2 }", "p"), {},
    ),
    "reshape": (layer("y", "Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: -1 dim: 11 } }"), {}),
    "normalize": (
        layer("y", "Normalize", "norm_param { across_spatial: false channel_shared: false }"),
        {"y": [random(6, positive=True)]},
    ),
    "normalize_whole": (
        layer("y", "Normalize", "norm_param { across_spatial: true channel_shared: true }"),
        {"y": [random(1, positive=True)]},
    ),
    "crop": (
        layer("a", "Pooling", "pooling_param { pool: AVE kernel_size: 3 }")
        + layer("y", "Crop", "crop_param { axis: 2 offset: 1 offset: 2 }", "data a"), {},
    ),
    "interp": (layer("y", "Interp", "interp_param { height: 17 width: 21 }"), {}),
    "interp_zoom": (layer("y", "Interp", "interp_param { zoom_factor: 2 }"), {}),
    "shuffle": (layer("y", "ShuffleChannel", "shuffle_channel_param { group: 3 }"), {}),
    "prior_box": (
        layer("a", "Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
        + layer("y", "PriorBox", "prior_box_param { min_size: 3 max_size: 5 aspect_ratio: 2"
                " aspect_ratio: 3 flip: true clip: true variance: 0.1 variance: 0.1 variance: 0.2"
                " variance: 0.2 }", "a data"), {},
    ),
}  # fmt: skip
POOLS = [
    (how, kernel, stride, pad)
    for how in ("MAX", "AVE")
    for kernel, stride, pad in ((2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 1, 1), (4, 3, 0), (5, 3, 2))
]


def source(folder, layers, weights, shape=(1, 6, 9, 11), **how):
    weights = weights or {"unused": [random(1)]}
    return open_source(write(folder, input_layer(*shape) + layers, weights, **how))


def agrees(opened, tolerance=2e-5, seed=0):
    """OpenVINO on our model against OpenCV on the files."""
    shape = tuple(opened.model.inputs[0].shape)
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = ir.run_on_cpu(opened.model, {"data": image})
    theirs = opened.reference.run([image])
    assert len(ours) == len(theirs)
    for a, b in zip(theirs, ours, strict=True):
        assert a.size == b.size, (a.shape, b.shape)
        assert ir.relative_difference(a.ravel(), b.ravel()) < tolerance


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_what_opencv_says(tmp_path, name):
    agrees(source(tmp_path, *LAYERS[name]))


@pytest.mark.parametrize(("how", "kernel", "stride", "pad"), POOLS)
@pytest.mark.parametrize("shape", [(1, 2, 9, 11), (1, 2, 8, 10)])
def test_pooling_rounds_up(tmp_path, how, kernel, stride, pad, shape):
    text = f"pooling_param {{ pool: {how} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    opened = source(tmp_path, layer("y", "Pooling", text), {}, shape)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (value,) = ir.run_on_cpu(opened.model, {"data": image})
    assert np.abs(value - pooled(image, how, kernel, stride, pad)).max() < 1e-6


def test_a_window_outside_of_the_image_is_refused(tmp_path):
    text = "pooling_param { pool: MAX kernel_size: 2 stride: 3 }"
    with pytest.raises(UnreadableModel, match="the last window of 2 every 3 lies outside of 9"):
        source(tmp_path, layer("y", "Pooling", text), {})


def pooled(image, how, kernel, stride, pad):
    """Caffe's definition, one window at a time."""
    height, width = image.shape[2:]
    counts = []
    for size in (height, width):
        count = -(-(size + 2 * pad - kernel) // stride) + 1
        counts.append(count - 1 if pad and (count - 1) * stride >= size + pad else count)
    result = np.empty((*image.shape[:2], *counts), np.float32)
    for i in range(counts[0]):
        for j in range(counts[1]):
            top, left = i * stride - pad, j * stride - pad
            bottom, right = min(top + kernel, height + pad), min(left + kernel, width + pad)
            area = (bottom - top) * (right - left)
            window = image[:, :, max(top, 0) : bottom, max(left, 0) : right]
            if how == "MAX":
                result[:, :, i, j] = window.max((2, 3))
            else:
                result[:, :, i, j] = window.sum((2, 3)) / area
    return result


def test_a_network_in_the_old_form(tmp_path):
    text = """
    name: "old"  # as files of 2013 were
    input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
    layers { name: "c" type: CONVOLUTION bottom: "data" top: "c"
             convolution_param { num_output: 4 kernel_size: 3 } }
    layers { name: "r" type: RELU bottom: "c" top: "c" }
    layers { name: "i" type: INNER_PRODUCT bottom: "c" top: "i" inner_product_param { num_output: 5 } }
    layers { name: "p" type: SOFTMAX bottom: "i" top: "p" }
    """
    weights = {"c": [random(4, 3, 3, 3), random(4)], "i": [random(5, 144), random(5)]}
    opened = open_source(write(tmp_path, text, weights, old=True))
    image = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    (value,) = ir.run_on_cpu(opened.model, {"data": image})
    kernel, flat = weights["c"][0], weights["i"][0]
    views = np.lib.stride_tricks.sliding_window_view(image[0], (3, 3), (1, 2))
    made = np.einsum("chwij,ocij->ohw", views, kernel) + weights["c"][1][:, None, None]
    scores = flat @ np.maximum(made, 0).ravel() + weights["i"][1]
    wanted = np.exp(scores) / np.exp(scores).sum()
    assert np.abs(value.ravel() - wanted).max() < 1e-5


def test_a_classifier_becomes_a_blob(tmp_path):
    text = (
        input_layer(1, 3, 16, 16)
        + layer("c", "Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
        + layer("r", "ReLU", bottoms="c", tops="c")
        + layer("q", "Pooling", "pooling_param { pool: AVE global_pooling: true }", "c")
        + layer("i", "InnerProduct", "inner_product_param { num_output: 5 }", "q")
        + layer("prob", "Softmax", bottoms="i")
    )
    weights = {"c": [random(4, 3, 3, 3), random(4)], "i": [random(5, 4), random(5)]}
    path = write(tmp_path, text, weights)
    result = oakwright.convert(path, mean=[104, 117, 123], scale=64, color="BGR->BGR")
    assert result.manifest["agreement"]["against"] == "OpenCV's Caffe importer"
    assert result.manifest["agreement"]["difference"] < 1e-4
    assert [entry.name for entry in result.blob.outputs] == ["prob"]
    image = np.random.default_rng(1).integers(0, 256, (1, 3, 16, 16), np.uint8)
    (value,) = oakwright.run(result.blob, {"data": image}).values()
    real = (image - np.array([104, 117, 123]).reshape(3, 1, 1)) / 64
    (wanted,) = open_source(path).reference.run([real.astype(np.float32)])
    assert np.abs(value.ravel() - wanted.ravel()).max() < 2e-3


def test_what_only_training_needs_is_left_out(tmp_path):
    text = (
        layer("drop", "Dropout", bottoms="data", tops="data")
        + layer("y", "Softmax")
        + layer("only", "Python", "include { phase: TRAIN }")
        + layer("loss", "SoftmaxWithLoss", "", "data")
    )
    opened = source(tmp_path, text, {})
    assert opened.notes == ("left out: loss (SoftmaxWithLoss)",)
    assert [port.get_any_name() for port in opened.model.outputs] == ["y"]


def test_a_detector_finds_what_opencv_finds(tmp_path):
    path = ssd(tmp_path)
    opened = open_source(path)
    assert any("before DetectionOutput OpenCV's Caffe importer agrees" in n for n in opened.notes)
    result = oakwright.convert(path)
    assert list(result.blob.outputs[0].desc.dims[::-1]) == [1, 1, 20, 7]
    weights = path.with_suffix(".caffemodel").read_bytes()
    net = cv2.dnn.readNetFromCaffe(
        np.frombuffer(path.read_bytes(), np.uint8), np.frombuffer(weights, np.uint8)
    )
    image = np.random.default_rng(4).normal(size=(1, 3, 32, 32)).astype(np.float32)
    net.setInput(image)
    wanted = net.forward().reshape(-1, 7)
    (value,) = ir.run_on_cpu(opened.model, {"data": image})
    found = value.reshape(-1, 7)
    ends = np.flatnonzero(found[:, 0] < 0)
    found = found[: ends[0]] if ends.size else found
    assert len(found) == len(wanted) > 3
    # OpenCV does not sort across classes.
    order = lambda rows: rows[np.lexsort((-rows[:, 2], rows[:, 1]))]  # noqa: E731
    assert np.abs(order(found) - order(wanted)).max() < 1e-4


def test_a_shape_can_be_given(tmp_path):
    path = write(tmp_path, input_layer(1, 6, 9, 11) + LAYERS["convolution"][0], {"y": [W, B]})
    result = oakwright.convert(path, shape=[1, 6, 20, 30], to="ir")
    assert result.manifest["outputs"][0]["shape"] == [1, 4, 10, 15]


def test_either_file_may_be_given(tmp_path):
    path = write(tmp_path, input_layer(1, 6, 9, 11) + LAYERS["convolution"][0], {"y": [W, B]})
    for given in (path, path.with_suffix(".caffemodel")):
        assert detect(given) is Kind.CAFFE
        assert open_source(given).name == "net"
    path.rename(tmp_path / "deploy.prototxt")
    assert open_source(tmp_path / "net.caffemodel").name == "net"
    (tmp_path / "solver.prototxt").write_text("net: 'x'")
    assert open_source(tmp_path / "net.caffemodel").name == "net"  # the deploy one is meant
    (tmp_path / "deploy.prototxt").unlink()
    (tmp_path / "solver.prototxt").unlink()
    with pytest.raises(UnreadableModel, match=r"needs its \.prototxt beside it"):
        open_source(tmp_path / "net.caffemodel")


def test_the_old_tools_take_both_files(tmp_path):
    path = write(tmp_path, input_layer(1, 6, 9, 11) + LAYERS["convolution"][0], {"y": [W, B]})
    weights = path.with_suffix(".caffemodel").rename(tmp_path / "weights.caffemodel")
    (tmp_path / "other.caffemodel").write_bytes(b"")
    (tmp_path / "other.prototxt").write_bytes(b"")
    words = ["--input_model", str(weights), "--input_proto", str(path), "-o", str(tmp_path)]
    assert oakwright.mo.main([*words, "--framework", "caffe"]) == 0
    assert (tmp_path / "weights.xml").exists()
    blob = oakwright.blobconverter.from_caffe(path, weights, output_dir=tmp_path, shaves=4)
    assert oakwright.Blob.open(blob).outputs[0].name == "y"


# -- what is refused -------------------------------------------------------------------------------


def test_unknown_layers_are_all_named(tmp_path):
    text = input_layer(1, 6, 9, 11) + layer("a", "Python") + layer("b", "SPP", bottoms="a")
    with pytest.raises(UnsupportedModel) as caught:
        oakwright.convert(write(tmp_path, text, {"u": [W]}))
    assert [(f.layer, f.op) for f in caught.value.findings] == [("a", "Python"), ("b", "SPP")]


def test_weights_of_another_network(tmp_path):
    path = write(
        tmp_path,
        input_layer(1, 6, 9, 11) + LAYERS["convolution"][0],
        {"y": [random(4, 5, 3, 3), B]},
    )
    with pytest.raises(
        UnreadableModel, match=r"layer 'y' .*shape \[4, 5, 3, 3\], wanted is"
    ) as caught:
        oakwright.convert(path)
    assert "belong together" in caught.value.remedy


def test_the_network_for_training_is_refused(tmp_path):
    text = 'layer { name: "mnist" type: "Data" top: "data" }' + LAYERS["elu"][0]
    with pytest.raises(UnreadableModel, match="not the deploy one"):
        oakwright.convert(write(tmp_path, text, {"u": [W]}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layer { name: 'x'", "ends before a '}'"),
        ("layer { name 'x' }", "':' is missing in line 1"),
        ("\n\nlayer { ? }", "line 3 begins no word"),
        ("} ", "'}' in line 1 where a field's name"),
        ("a { " * 40, "deeper than 32"),
    ],
)
def test_damaged_text_says_the_line(text, words):
    with pytest.raises(TextError, match=words):
        parse(text)


def test_damaged_files_give_one_error(tmp_path):
    path = ssd(tmp_path)
    random_, refused = np.random.default_rng(3), 0
    for file in (path, path.with_suffix(".caffemodel")):
        whole = file.read_bytes()
        for attempt in range(16):
            data = bytearray(whole)
            if attempt % 2:
                data = data[: int(random_.integers(1, len(data)))]
            else:
                for at in random_.integers(0, len(data), 5):
                    data[at] = random_.integers(0, 256)
            file.write_bytes(data)
            try:
                open_source(path)
            except ConversionMismatch:
                refused += 1  # OpenCV reads damaged numbers otherwise: told, not hidden
            except OakwrightError as error:
                refused += 1
                assert "net." in str(error), error  # noqa: PT017
        file.write_bytes(whole)
    assert refused >= 16


def test_weights_that_claim_more_than_there_is(tmp_path):
    path = write(tmp_path, input_layer(1, 6, 9, 11) + LAYERS["convolution"][0], {"y": [W, B]})
    data = caffemodel({"y": [W, B]}).replace(b"\x04\x06\x03\x03", b"\x7f\x7f\x7f\x7f")
    path.with_suffix(".caffemodel").write_bytes(data)
    with pytest.raises(UnreadableModel, match=r"shape \[127, 127, 127, 127\] with 216 numbers"):
        oakwright.convert(path)
