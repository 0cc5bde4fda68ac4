"""TensorFlow, TFLite, Paddle and Keras files: what they convert to, and what is refused."""

import json
import zipfile

import numpy as np
import pytest

import oakwright
import oakwright.mo
from oakwright.conversion.sources import Kind, detect, open_source
from oakwright.errors import OakwrightError, UnreadableModel, UnsupportedModel, UsageError

from . import framework_files as files

RANGE = {"range": "0..1"}


def made(folder, what):
    if what == "saved_model":
        return files.saved_model(folder / "sm")
    if what == "paddle":
        return files.paddle(folder)
    if what == "tensorflow":
        path = folder / "frozen.pb"
        path.write_bytes(files.tensorflow_graph())
        return path
    pytest.importorskip("ai_edge_litert", reason="LiteRT (oakwright[tflite]) is not installed")
    path = folder / f"{what}.tflite"
    path.write_bytes(files.tflite(what))
    return path


def output_of(result, image):
    """What the blob gives, as NHWC."""
    blob = result.blob
    (value,) = oakwright.run(blob, {blob.inputs[0].name: image}).values()
    return value if value.shape == (1, 4, 6, 2) else value.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("what", ["saved_model", "tensorflow", "paddle", "float32"])
def test_the_blob_computes_what_the_file_says(tmp_path, what):
    result = oakwright.convert(made(tmp_path, what), **RANGE)
    image = np.random.default_rng(1).integers(0, 256, (1, 3, 4, 6), np.uint8)
    wanted = files.expected((image / 255).astype(np.float32).transpose(0, 2, 3, 1))
    assert np.abs(output_of(result, image) - wanted).max() < 2e-3
    assert result.blob.inputs[0].name == "image"
    assert result.manifest["agreement"]["difference"] < 1e-5


@pytest.mark.parametrize(("what", "said"), [("int8", RANGE), ("uint8", {"layout": "NHWC"})])
def test_quantised_models_take_and_give_real_numbers(tmp_path, what, said):
    """Bytes of a frame reach the model as 0..1, and its output is the number, not its code."""
    result = oakwright.convert(made(tmp_path, what), **said)
    image = np.random.default_rng(2).integers(0, 256, (1, 3, 4, 6), np.uint8)
    wanted = files.expected((image / 255).astype(np.float32).transpose(0, 2, 3, 1))
    # int8 weights: half a step each, 127 steps to a weight of about 1.2, three summed.
    assert np.abs(output_of(result, image) - wanted).max() < 0.02
    dropped = result.manifest["agreement"]["rounding_dropped"]
    assert dropped["against"] == "LiteRT"
    # The output's; where the input takes real numbers instead of codes, the input's too.
    layers = 2 if what == "int8" else 1
    assert dropped["layers"] == layers
    assert 0 < dropped["difference"] < 0.02
    text = " ".join(result.manifest["notes"])
    assert f"rounding of {layers} activation(s) to integers is dropped" in text
    assert f"output 'out': {'i8' if what == 'int8' else 'u8'} in the file, real numbers" in text


def test_what_a_quantised_input_means_is_said(tmp_path):
    opened = open_source(made(tmp_path, "int8"))
    assert "for frames of bytes say --range 0..1" in opened.notes[0]
    assert "(q +128)" in opened.notes[0]
    assert opened.model.inputs[0].get_element_type().to_string() == "f32"
    bytes_ = open_source(made(tmp_path, "uint8"))
    assert bytes_.model.inputs[0].get_element_type().to_string() == "u8"


def test_a_shape_that_could_be_either_is_nhwc_in_tensorflow(tmp_path):
    path = tmp_path / "square.pb"
    path.write_bytes(files.tensorflow_graph((1, 3, 5, 3)))
    result = oakwright.convert(path, to="ir", **RANGE)
    assert result.manifest["inputs"][0]["model_layout"] == "NHWC"
    assert result.manifest["inputs"][0]["shape"] == [1, 3, 3, 5]


def test_without_preprocessing_the_shape_stays_and_a_note_says_so(tmp_path):
    result = oakwright.convert(made(tmp_path, "tensorflow"), to="ir")
    assert result.manifest["inputs"][0]["shape"] == [1, 4, 6, 3]
    assert any("looks like NHWC; it is kept" in note for note in result.manifest["notes"])


def test_colours_are_turned_along_the_right_axis(tmp_path):
    path = made(tmp_path, "tensorflow")
    image = np.random.default_rng(3).integers(0, 256, (1, 3, 4, 6), np.uint8)
    plain = oakwright.convert(path, color="RGB->RGB", mean=[10, 20, 30], scale=255)
    turned = oakwright.convert(path, color="RGB->BGR", mean=[10, 20, 30], scale=255)
    same = output_of(turned, image[:, ::-1].copy())
    assert np.abs(output_of(plain, image) - same).max() < 1e-3


def test_no_transpose_is_left_of_nhwc(tmp_path):
    blob = oakwright.convert(made(tmp_path, "tensorflow"), **RANGE).blob
    names = [stage.name for stage in blob.stages]
    assert names.count("Permute") <= 1, names  # the output's, which is NHWC in the model


def test_kinds(tmp_path):
    assert detect(made(tmp_path, "saved_model")) is Kind.SAVED_MODEL
    assert detect(tmp_path / "sm" / "saved_model.pb") is Kind.SAVED_MODEL
    assert detect(made(tmp_path, "tensorflow")) is Kind.FROZEN_TF
    assert detect(made(tmp_path, "paddle")) is Kind.PADDLE
    assert detect(b"\x1c\0\0\0TFL3" + bytes(100)) is Kind.TFLITE


def test_tflite_bytes_are_read_without_a_file(tmp_path):
    data = made(tmp_path, "float32").read_bytes()
    assert open_source(data).model.inputs[0].shape == [1, 4, 6, 3]


def test_a_changed_savedmodel_is_converted_anew(tmp_path):
    folder = made(tmp_path, "saved_model")
    first = oakwright.convert(folder, to="ir")
    assert oakwright.convert(folder, to="ir").from_cache
    data = (folder / "saved_model.pb").read_bytes()
    bias = np.float32(0.5).tobytes()
    assert data.count(bias) == 1
    (folder / "saved_model.pb").write_bytes(data.replace(bias, np.float32(0.75).tobytes()))
    second = oakwright.convert(folder, to="ir")
    assert second.bin != first.bin


# -- what is refused, each with one error that names the file ------------------------------------


@pytest.mark.parametrize("what", ["saved_model", "tensorflow", "paddle", "float32", "int8"])
def test_damaged_files_give_one_error(tmp_path, what):
    path = made(tmp_path, what)
    file = path / "saved_model.pb" if path.is_dir() else path
    whole = file.read_bytes()
    random = np.random.default_rng(7)
    refused = 0
    for attempt in range(24):
        data = bytearray(whole)
        if attempt % 2:
            data = data[: int(random.integers(1, len(data)))]
        else:
            for at in random.integers(0, len(data), 4):
                data[at] = random.integers(0, 256)
        file.write_bytes(data)
        try:
            open_source(path)
        except OakwrightError as error:
            refused += 1
            assert path.name in str(error), error  # noqa: PT017
            assert "Traceback" not in str(error)  # noqa: PT017
    assert refused >= 10


def test_a_name_that_is_no_text(tmp_path):
    path = made(tmp_path, "float32")
    path.write_bytes(path.read_bytes().replace(b"image", b"im\xffge"))
    with pytest.raises(UnreadableModel, match=r"float32\.tflite is damaged: a name"):
        oakwright.convert(path)


def test_model_optimizers_word_for_a_savedmodel(tmp_path, monkeypatch):
    folder = made(tmp_path, "saved_model")
    assert oakwright.mo.main(["--saved_model_dir", str(folder), "-o", str(tmp_path)]) == 0
    assert (tmp_path / "sm.xml").exists()


@pytest.mark.parametrize("suffix", [".pb", ".pbtxt", ".tflite", ".pdmodel", ".keras", ".h5"])
def test_noise_under_any_suffix_is_refused(tmp_path, suffix):
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(b"\x0a" + np.random.default_rng(0).bytes(4096))
    with pytest.raises(UnreadableModel, match=f"noise{suffix}"):
        oakwright.convert(path)


def test_an_unknown_tensorflow_operation_is_named(tmp_path):
    path = tmp_path / "odd.pb"
    path.write_bytes(files.tensorflow_graph().replace(b"BiasAdd", b"BiasOdd"))
    with pytest.raises(UnsupportedModel) as caught:
        oakwright.convert(path)
    (finding,) = caught.value.findings
    assert (finding.layer, finding.op) == ("biased", "BiasOdd")


def test_a_custom_operation_of_tflite_is_named(tmp_path):
    path = made(tmp_path, "float32")
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].customCode = "OddConvolution"
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    with pytest.raises(UnsupportedModel, match="OddConvolution") as caught:
        oakwright.convert(path)
    assert [finding.op for finding in caught.value.findings] == ["OddConvolution"]


def test_preprocessing_of_a_byte_input_is_refused(tmp_path):
    """The file itself turns bytes into what the model wants: doing it twice gives noughts."""
    with pytest.raises(UsageError, match="takes bytes as they are"):
        oakwright.convert(made(tmp_path, "uint8"), **RANGE)


def test_a_savedmodel_graph_under_another_name(tmp_path):
    path = tmp_path / "renamed.pb"
    path.write_bytes((made(tmp_path, "saved_model") / "saved_model.pb").read_bytes())
    with pytest.raises(UnreadableModel, match=r"renamed\.pb is the graph of a SavedModel"):
        oakwright.convert(path)


def test_paddle_without_its_weights(tmp_path):
    path = files.paddle(tmp_path)
    path.with_suffix(".pdiparams").unlink()
    with pytest.raises(UnreadableModel, match=r"no .*model\.pdiparams"):
        oakwright.convert(path)
    (tmp_path / "lonely.pdiparams").write_bytes(bytes(64))
    with pytest.raises(UnreadableModel, match="weights of a Paddle model"):
        oakwright.convert(tmp_path / "lonely.pdiparams")


@pytest.mark.parametrize(
    ("name", "content", "route"),
    [
        ("net-0000.params", b"\x12\x01" + bytes(64), "mxnet.onnx.export_model"),
        ("net.superblob", b"\x00" * 64, "convert the model it was made of"),
        ("net.pkl", b"abc", "export the model to ONNX"),
        ("net-symbol.json", b'{"nodes": [{"op": "null", "name": "data"}]}', "mxnet.onnx"),
        ("final.nnet", b"<Nnet> \n<AffineTransform> 2 2", "OpenVINO 2022.1"),
        ("final.mdl", b"\0B<Nnet>" + bytes(64), "OpenVINO 2022.1"),
        ("inference.json", b'{"base_code": {}, "program": {}}', "paddle2onnx"),
        ("model.ckpt.index", bytes(64), "SavedModel"),
    ],
)
def test_other_frameworks_are_told_the_route(tmp_path, name, content, route):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableModel) as caught:
        oakwright.convert(path)
    assert route in caught.value.remedy
    assert name in caught.value.message


def keras_file(path, config, weights=b"x"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return path


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "Lambda", "module": "keras.layers", "config": {}},
        {"class_name": "__lambda__", "config": {"value": "4wAAAAA="}},
        {"class_name": "system", "module": "os", "config": {}},
    ],
)
def test_keras_files_that_run_code_are_refused(tmp_path, layer):
    path = keras_file(tmp_path / "evil.keras", {"config": {"layers": [layer]}})
    with pytest.raises(UnreadableModel, match=r"evil\.keras would run code"):
        oakwright.convert(path)


def test_a_keras_zip_bomb_is_refused(tmp_path):
    path = keras_file(tmp_path / "bomb.keras", {}, weights=b"0" * (80 << 20))
    with pytest.raises(UnreadableModel, match="unpacks to"):
        oakwright.convert(path)


def test_a_keras_archive_with_a_broken_config(tmp_path):
    path = keras_file(tmp_path / "broken.keras", '{"config": ')
    with pytest.raises(UnreadableModel, match="damaged Keras archive"):
        oakwright.convert(path)


def test_without_keras_the_way_out_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "keras", None)
    path = keras_file(tmp_path / "plain.keras", {"config": {"layers": []}})
    with pytest.raises(UsageError, match="Keras is not installed") as caught:
        oakwright.convert(path)
    assert "model.export('folder')" in caught.value.remedy
