"""What a first-time user ran into: each was once silent or wrong."""

import hashlib

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

import oakwright
from oakwright.cli.main import run
from oakwright.conversion import ConvertOptions, InputOptions
from oakwright.errors import ConversionMismatch, UsageError

pytestmark = pytest.mark.usefixtures("own_cache")
onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")


def test_the_given_model_is_never_overwritten(half, tmp_path, capsys):
    oakwright.convert(half, to="ir").save(tmp_path / "m.xml")
    xml = tmp_path / "m.xml"
    before = hashlib.sha256(xml.read_bytes()).hexdigest()
    for words in (["--keep-ir", "-o", str(tmp_path / "m.blob")], ["--to", "ir", "-o", str(xml)]):
        assert run(["convert", str(xml), "--range", "0..1", *words]) == 2
        assert "it would be overwritten" in capsys.readouterr().err
    assert hashlib.sha256(xml.read_bytes()).hexdigest() == before
    assert not (tmp_path / "m.blob").exists()


class Branch(torch.nn.Module):
    """Decides by a value; tracing keeps one branch."""

    def forward(self, x):
        return x * 2 if x.sum() > 0 else x - 1


def test_a_branch_that_tracing_froze_is_found():
    with pytest.raises(ConversionMismatch, match="only the branch of the example was recorded"):
        oakwright.convert(Branch(), example_input=torch.rand(1, 3, 4, 4), cache=False)
    result = oakwright.convert(
        Branch(), example_input=torch.rand(1, 3, 4, 4), cache=False, verify="off", to="ir"
    )
    assert any("decides by a tensor's value" in note for note in result.manifest["notes"])


def test_range_beside_mean_is_refused_on_the_command_line_too(half, capsys):
    assert run(["convert", str(half), "--range", "0..1", "--mean", "3"]) == 2
    assert "shorthand" in capsys.readouterr().err


def test_what_is_said_of_one_input_adds_to_what_is_said_of_all(half):
    result = oakwright.convert(
        half, to="ir", scale=255, inputs=[InputOptions.of("image", mean=1)], cache=False
    )
    (entry,) = result.manifest["inputs"]
    assert (entry["mean"], entry["scale"]) == ([1.0], [255.0])


def test_options_and_keywords_are_not_mixed(half):
    with pytest.raises(UsageError, match="options= says everything"):
        oakwright.convert(half, options=ConvertOptions(), shaves=8)


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "HALF", "--op", "nosuch=FP32"],
        ["convert", "HALF", "--freeze", "image=1", "--mean", "image=3"],
        ["compile", "IR", "--ip", "nosuch=U8"],
        ["convert", "HALF", "--timeout", "1e300"],
        ["convert", "HALF", "-o", "result.onnx"],
        ["convert", "HALF", "--mean", "1,2"],
    ],
)
def test_options_that_mean_nothing_are_refused(half, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    oakwright.convert(half, to="ir").save(tmp_path / "m.xml")
    names = {"HALF": str(half), "IR": str(tmp_path / "m.xml")}
    assert run([names.get(word, word) for word in words]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_input_nobody_reads_is_said_and_left_out():
    x = ops.parameter([1, 4], np.float32, name="x")
    spare = ops.parameter([1, 2], np.float32, name="spare")
    model = ov.Model([ops.relu(x, name="y")], [x, spare], "m")
    result = oakwright.convert(model, shaves=4)
    assert [entry.name for entry in result.blob.inputs] == ["x"]
    assert any("'spare' is read by no layer" in note for note in result.manifest["notes"])


def test_constants_beyond_fp16_are_named_as_the_reason():
    weights = np.full((2, 3, 1, 1), 1.5e5, np.float32)
    x = ops.parameter([1, 3, 4, 4], np.float32, name="x")
    big = ops.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1], name="big")
    model = ov.Model([big], [x], "m")
    with pytest.raises(ConversionMismatch, match="cannot hold these constants"):
        oakwright.convert(model, cache=False)
    result = oakwright.convert(model, cache=False, verify="off")
    assert any("65504" in warning for warning in result.manifest["warnings"])


def onnx_model(*nodes, outputs):
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4])],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.domain", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_check_names_causes_once_by_the_names_in_the_model():
    from onnx import helper

    model = onnx_model(
        helper.make_node("NonZero", ["x"], ["found"], name="my_nonzero"),
        helper.make_node("Cast", ["found"], ["real"], to=1, name="after"),
        helper.make_node("Sqrt", ["real"], ["y"], name="further"),
        outputs=["y"],
    )
    found = oakwright.check(model)
    assert [finding.layer for finding in found.findings] == ["my_nonzero"]


def test_operations_openvino_cannot_read_are_listed_by_layer():
    from onnx import helper

    model = onnx_model(
        helper.make_node("Det", ["x"], ["d"], name="my_det"),
        helper.make_node("Own", ["d"], ["y"], domain="my.domain", name="my_own"),
        outputs=["y"],
    )
    found = oakwright.check(model)
    assert {finding.layer for finding in found.findings} == {"my_det", "my_own"}
    with pytest.raises(oakwright.ModelError, match="my_det"):
        oakwright.convert(model)


def test_names_with_the_number_of_an_output_are_understood(tmp_path):
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["input:0"], ["y"])],
        "g",
        [helper.make_tensor_value_info("input:0", TensorProto.FLOAT, ["N", "H", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "tf.onnx"
    path.write_bytes(model.SerializeToString())
    assert run(["convert", str(path), "--shape", "input:0=1,5,3", "-o", str(tmp_path)]) == 0


def test_texts_are_taken_where_people_write_texts(half):
    result = oakwright.convert(half, shape="1,3,8,8", outputs="half", to="ir", shaves=None)
    assert result.manifest["outputs"][0]["name"] == "half"
    with pytest.raises(UsageError, match="range"):
        oakwright.convert(half, range=(0, 1))


def test_python_files_and_newer_irs_get_their_route(half, tmp_path, capsys):
    place = tmp_path / "net.py"
    place.write_text("import torch\n")
    assert run(["convert", str(place)]) == 1
    assert f"{place}:factory" in capsys.readouterr().err
    ov.save_model(ov.Core().read_model(str(half)), str(tmp_path / "v11.xml"))
    assert run(["compile", str(tmp_path / "v11.xml")]) == 1
    assert "oakwright convert" in capsys.readouterr().err
    assert run(["convert", str(tmp_path / "v11.xml"), "-o", str(tmp_path / "v11.blob")]) == 0


def test_three_pictures_feed_three_inputs(tmp_path):
    cv2 = pytest.importorskip("cv2")
    frames = [ops.parameter([1, 3, 4, 4], np.float32, name=f"img{i}") for i in (1, 2, 3)]
    model = ov.Model([ops.concat(frames, 3, name="wide")], frames, "concat")
    oakwright.convert(model, input_precision="U8").save(tmp_path / "concat.blob")
    words = ["run", str(tmp_path / "concat.blob"), "-o", str(tmp_path / "out")]
    for i in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((8, 8, 3), 10 * i, np.uint8))
        words += ["--input", f"img{i}={tmp_path / f'{i}.png'}"]
    assert run(words) == 0
    with np.load(tmp_path / "out" / "1.npz") as archive:
        assert archive["wide"].shape == (1, 3, 4, 12)
        assert archive["wide"][0, 0, 0].tolist() == [10.0] * 4 + [20.0] * 4 + [30.0] * 4


def test_model_optimizer_s_layout_only_names_the_axes(tmp_path):
    from oakwright import mo

    x = ops.parameter([1, 6, 5, 3], np.float32, name="x")
    ov.save_model(ov.Model([ops.relu(x, name="y")], [x], "m"), str(tmp_path / "nhwc.xml"))
    words = ["--input_model", str(tmp_path / "nhwc.xml"), "-o", str(tmp_path / "out")]
    assert mo.main([*words, "--layout", "nhwc", "--mean_values", "[1,2,3]"]) == 0
    made = ov.Core().read_model(str(tmp_path / "out" / "nhwc.xml"))
    assert list(made.inputs[0].shape) == [1, 6, 5, 3]
    assert mo.main([*words, "--layout", "nhwc->nchw", "-n", "planar"]) == 0
    made = ov.Core().read_model(str(tmp_path / "out" / "planar.xml"))
    assert list(made.inputs[0].shape) == [1, 3, 6, 5]
