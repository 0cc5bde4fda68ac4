"""What each kind of file is told to be, and that nothing dangerous is ever loaded."""

import io
import logging
import os
import pickle
import zipfile

import numpy as np
import pytest

import oakwright
from oakwright.conversion.sources import Kind, detect
from oakwright.conversion.sources.torch import from_module
from oakwright.errors import OakwrightError, UnreadableModel

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")


class Half(torch.nn.Module):
    def forward(self, image):
        return image / 2


def onnx_half(shape=(1, 3, 8, 8)) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    two = numpy_helper.from_array(np.array(2, np.float32), "two")
    graph = helper.make_graph(
        [helper.make_node("Div", ["image", "two"], ["half"])],
        "half",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("half", TensorProto.FLOAT, list(shape))],
        [two],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


class Bomb:
    """Unpickling this would leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_kinds_are_told_by_content(tmp_path):
    program = torch.export.export(Half().eval(), (torch.rand(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "half.pt2")
    torch.jit.trace(Half(), torch.rand(1, 3, 8, 8)).save(str(tmp_path / "half.ts"))
    (tmp_path / "half.onnx").write_bytes(onnx_half())
    assert detect(tmp_path / "half.pt2") is Kind.PT2
    assert detect(tmp_path / "half.ts") is Kind.TORCHSCRIPT
    assert detect(tmp_path / "half.onnx") is Kind.ONNX
    assert detect("package.module:Factory") is Kind.FACTORY
    assert detect(Half()) is Kind.TORCH
    assert detect(onnx.load_from_string(onnx_half())) is Kind.ONNX


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_are_never_loaded(tmp_path, protocol):
    mark, path = tmp_path / "mark", tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(Bomb(mark), protocol=protocol))
    with pytest.raises(UnreadableModel, match="is a pickle") as caught:
        oakwright.convert(path)
    assert "torch.export.save" in caught.value.remedy
    assert not mark.exists()


def test_weights_and_pickled_modules_of_torch_save_are_refused(tmp_path):
    torch.save(Half().state_dict(), tmp_path / "weights.pt")
    torch.save(Half(), tmp_path / "module.pt")
    for name in ("weights.pt", "module.pt"):
        with pytest.raises(UnreadableModel, match="pickle"):
            oakwright.convert(tmp_path / name)


def test_a_pt2_archive_with_a_pickle_inside_is_refused(tmp_path):
    """torch.export.load alone would unpickle sample inputs and custom objects."""
    program = torch.export.export(Half().eval(), (torch.rand(1, 3, 8, 8),))
    whole, mark = tmp_path / "half.pt2", tmp_path / "mark"
    torch.export.save(program, whole)
    evil = io.BytesIO()
    torch.save(Bomb(mark), evil)
    changed = tmp_path / "evil.pt2"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(changed, "w") as target:
        for info in source.infolist():
            is_sample = info.filename.endswith("sample_inputs/model.pt")
            target.writestr(info, evil.getvalue() if is_sample else source.read(info))
    with pytest.raises(UnreadableModel, match="pickled objects"):
        oakwright.convert(changed)
    assert not mark.exists()


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path):
    path = tmp_path / "bomb.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/archive_format", "pt2")
        archive.writestr("m/models/model.json", b"0" * (80 << 20))
    with pytest.raises(UnreadableModel, match="unpacks to"):
        oakwright.convert(path)


@pytest.mark.parametrize("cut", [1, 7, 40, -1])
def test_truncated_onnx_says_where(tmp_path, cut):
    path = tmp_path / "cut.onnx"
    path.write_bytes(onnx_half()[:cut])
    with pytest.raises(UnreadableModel, match=r"no ONNX model") as caught:
        oakwright.convert(path)
    assert caught.value.path == str(path)


def test_random_bytes_are_no_model(tmp_path):
    path = tmp_path / "noise.onnx"
    path.write_bytes(np.random.default_rng(0).bytes(4096))
    with pytest.raises(OakwrightError):
        oakwright.convert(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.onnx", b"", "is empty"),
        ("model.xml", b"<html></html>", "no <net> element"),
        ("model.xml", b"<?xml version='1.0'?><net name='x'><layers>", "cannot be read|damaged|no "),
        ("model.tflite", b"\x1c\x00\x00\x00TFL3", "model.tflite cannot be read: .*malformed"),
        ("model.h5", b"\x89HDF", "no HDF5 file"),
        ("x.blob", b"\x7felf" + bytes(200), "already a blob"),
        ("x.pth", b"garbage", "no PyTorch archive"),
        ("x.safetensors", b"\x10\0\0\0\0\0\0\0{}", "weights without a network"),
    ],
)
def test_other_files_get_a_route_to_take(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableModel, match=words) as caught:
        oakwright.convert(path)
    assert caught.value.remedy


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(UnreadableModel, match="there is no file"):
        oakwright.convert(tmp_path / "nothing.onnx")
    with pytest.raises(UnreadableModel, match="is a folder"):
        oakwright.convert(tmp_path)


def test_external_data_must_lie_beside_the_model(tmp_path):
    model = onnx.load_from_string(onnx_half())
    weights = np.arange(4096, dtype=np.float32).reshape(1, 1, 64, 64)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "big"))
    model.graph.node.append(onnx.helper.make_node("Identity", ["big"], ["out2"]))
    good = tmp_path / "good" / "m.onnx"
    good.parent.mkdir()
    onnx.save(model, str(good), save_as_external_data=True, location="m.data", size_threshold=16)
    proto = onnx.load(str(good), load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../secret.data"
    (tmp_path / "secret.data").write_bytes(bytes(1 << 20))
    bad = good.with_name("bad.onnx")
    bad.write_bytes(proto.SerializeToString())
    with pytest.raises(UnreadableModel, match="points outside its folder"):
        oakwright.convert(bad)
    (good.parent / "m.data").unlink()
    with pytest.raises(UnreadableModel, match=r"m\.data' is missing"):
        oakwright.convert(good)


def test_factories_are_run_and_their_failures_told(tmp_path, monkeypatch):
    place = tmp_path / "nets.py"
    place.write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, image):\n        return image / 2\n"
        "def pair():\n    return Net(), torch.rand(1, 3, 8, 8)\n"
        "def broken():\n    raise ValueError('no weights here')\n"
        "def number():\n    return 3\n"
    )
    made = oakwright.convert(f"{place}:pair", to="ir")
    assert made.name == "pair"
    made = oakwright.convert(f"{place}:Net", shape=(1, 3, 8, 8), to="ir")
    assert made.manifest["inputs"][0]["name"] == "image"
    for name, words in (
        ("broken", "no weights here"),
        ("number", "not a torch.nn.Module"),
        ("none", "has no 'none'"),
    ):
        with pytest.raises(UnreadableModel, match=words):
            oakwright.convert(f"{place}:{name}")


def test_a_module_that_does_not_run_says_so():
    with pytest.raises(oakwright.ModelError, match="does not run on its example input"):
        oakwright.convert(torch.nn.Linear(3, 4), example_input=torch.rand(1, 5))


def test_a_module_without_shapes_is_asked_for_them():
    with pytest.raises(OakwrightError, match="needs an example input"):
        oakwright.convert(Half())


def test_inputs_keep_the_names_of_the_onnx_graph():
    """OpenVINO's front end renames an input whose first reader is a Dropout."""
    from onnx import TensorProto, helper

    shape = [1, 4]
    graph = helper.make_graph(
        [
            helper.make_node("Dropout", ["pixels"], ["kept"]),
            helper.make_node("Relu", ["kept"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    result = oakwright.convert(model, to="ir", cache=False)
    assert [entry["name"] for entry in result.manifest["inputs"]] == ["pixels"]
    assert result.manifest["outputs"][0]["name"] == "y"


def test_a_module_that_only_export_can_read_leaves_logging_as_it_was(caplog):
    class Cosine(torch.nn.Module):
        def forward(self, a, b):
            return torch.nn.functional.cosine_similarity(a, b, dim=-1)

    root = logging.getLogger()
    before = root.level, list(root.filters), list(root.handlers)
    pair = torch.rand(1, 4), torch.rand(1, 4)
    assert from_module(Cosine(), pair).front_end == "torch.export"
    assert (root.level, root.filters, root.handlers) == before
    logging.getLogger("oakwright.compiler").warning("heard")
    assert caplog.messages[-1] == "heard"
