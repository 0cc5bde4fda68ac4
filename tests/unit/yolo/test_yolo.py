"""Every family's export is recognised by what it computes, and cut where the camera decodes."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from oakwright.archive import read_archive
from oakwright.cli.main import run
from oakwright.errors import UnsupportedModel, UsageError
from oakwright.yolo import Rule, convert_yolo, read_labels
from tests.unit.yolo import look_alikes as nets

TINY = ((23, 27, 37, 58, 81, 82), (81, 82, 135, 169, 344, 319))
# name -> (network, rule, word in the output names, bins, stretch)
EXPORTS = {
    "v3": (lambda: nets.Anchored("exponents"), Rule.ANCHORS, "yolov3", 1, 1.0),
    "v4-tiny": (
        lambda: nets.Anchored("exponents", TINY, (16, 32), 1.05, separate=True),
        Rule.ANCHORS,
        "yolov3",
        1,
        1.05,
    ),
    "v5": (nets.Anchored, Rule.SQUARES, "yolov5", 1, 1.0),
    "v7": (lambda: nets.Anchored(implicit=True), Rule.SQUARES, "yolov5", 1, 1.0),
    "v6": (lambda: nets.Distances(1, "v6"), Rule.DISTANCES, "yolov6r2", 1, 1.0),
    "v6m": (lambda: nets.Distances(17, "v6"), Rule.DISTANCES, "yolov6r2", 17, 1.0),
    "v8": (nets.Distances, Rule.DISTANCES, "yolov6r2", 16, 1.0),
    "v10": (lambda: nets.Distances(top=20), Rule.DISTANCES, "yolov6r2", 16, 1.0),
    "yolox": (nets.Exponents, Rule.EXPONENTS, "yolov6", 1, 1.0),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_recognised_by_what_it_computes(name, tmp_path, own_cache):
    make, rule, word, bins, stretch = EXPORTS[name]
    made = convert_yolo(nets.export(make(), tmp_path / f"{name}.onnx"))
    found = made.detector
    assert (found.rule, found.bins, found.classes) == (rule, bins, nets.CLASSES)
    assert found.stretch == pytest.approx(stretch, abs=1e-3)
    assert found.difference < 2e-5
    assert made.output_names == [f"output{i + 1}_{word}" for i in range(len(found.scales))]
    assert [o.name for o in made.converted.blob.outputs] == made.output_names
    assert made.labels == ("cat", "dog", "owl")
    network = made.settings["nn_config"]["NN_specific_metadata"]
    if rule in (Rule.ANCHORS, Rule.SQUARES):
        wanted = TINY if name == "v4-tiny" else nets.ANCHORS
        assert network["anchors"] == pytest.approx([n for row in wanted for n in row], rel=1e-4)
        sides = {f"side{s.columns}": [3 * i, 3 * i + 1, 3 * i + 2]
                 for i, s in enumerate(found.scales)}  # fmt: skip
        assert network["anchor_masks"] == sides
    else:
        assert network["anchors"] == []
        assert network["anchor_masks"] == {}
    assert made.settings["nn_config"]["input_size"] == "96x64"


def test_raw_tensors_need_a_name_and_are_checked_against_nothing(tmp_path, own_cache):
    path = nets.export(nets.Anchored(raw=True), tmp_path / "raw.onnx")
    with pytest.raises(UsageError, match="raw tensors") as caught:
        convert_yolo(path)
    assert "--family" in caught.value.remedy
    made = convert_yolo(path, family="v7-tiny")
    assert made.detector.difference is None
    assert any("taken at its word" in fact for fact in made.facts)
    assert made.output_names[0] == "output1_yolov7"
    with pytest.raises(UsageError, match="do not fit"):
        convert_yolo(path, family="v5", anchors=[1, 2, 3, 4])
    with pytest.raises(UsageError, match="are not those of v8"):
        convert_yolo(path, family="v8")


def test_a_wrong_family_is_said_to_be_wrong(tmp_path, own_cache):
    path = nets.export(nets.Anchored("exponents"), tmp_path / "three.onnx")
    made = convert_yolo(path, family="v5")
    assert made.detector.difference > 0.01
    assert any(fact.startswith("WARNING") for fact in made.facts)


def test_what_is_no_detector_is_refused_in_one_line(tmp_path, own_cache):
    from tests.conftest import half_onnx

    path = tmp_path / "half.onnx"
    path.write_bytes(half_onnx())
    with pytest.raises(UnsupportedModel, match="no convolution"):
        convert_yolo(path)

    with pytest.raises(UnsupportedModel, match="none of the rules"):
        convert_yolo(nets.export(nets.Anchored("odd"), tmp_path / "odd.onnx"))


def test_regions_say_their_anchors_themselves(tmp_path, own_cache):
    import openvino as ov
    from openvino import opset8

    picture = opset8.parameter([1, 3, 64, 96], np.float32, name="images")
    generator = np.random.default_rng(0)
    ends, flat = [], [n for row in TINY for n in row]
    for stride, mask in ((16, [0, 1, 2]), (32, [3, 4, 5])):
        weights = generator.normal(0, 0.1, (24, 3, stride, stride)).astype(np.float32)
        raw = opset8.convolution(picture, weights, [stride] * 2, [0, 0], [0, 0], [1, 1])
        ends.append(opset8.region_yolo(raw, 4, 3, 6, False, mask, 1, 3, flat))
    model = ov.Model([opset8.result(end) for end in ends], [picture], "regions")
    made = convert_yolo(model, options=None)
    network = made.settings["nn_config"]["NN_specific_metadata"]
    assert network["anchors"] == flat
    assert network["anchor_masks"] == {"side6": [0, 1, 2], "side3": [3, 4, 5]}


def test_the_command_writes_blob_settings_and_says_what_it_assumed(tmp_path, own_cache, capsys):
    path = nets.export(nets.Distances(), tmp_path / "eight.onnx", names=())
    (tmp_path / "names.yaml").write_text("names: {0: ant, 1: bee, 2: wasp}\n")
    out = tmp_path / "out"
    code = run(["yolo", str(path), "--labels", str(tmp_path / "names.yaml"), "-o", str(out)])
    text = capsys.readouterr().out
    assert code == 0
    assert "assumed of the input: RGB from 0 to 1" in text
    settings = json.loads((out / "eight.json").read_text())
    assert settings["mappings"]["labels"] == ["ant", "bee", "wasp"]
    assert (out / "eight.blob").is_file()
    more = ["--shaves", "5", "--archive", "-o", str(tmp_path / "more")]
    assert run(["yolo", str(path), *more]) == 0
    config = read_archive(tmp_path / "more" / "eight.rvc2.tar.xz").config
    assert config.heads[0].parser == "YOLO"
    assert config.heads[0].metadata["strides"] == [8, 16, 32]
    assert config.heads[0].outputs == tuple(entry.name for entry in config.outputs)
    assert run(["yolo", str(path), "--anchors", "a,b"]) == 2


def test_a_grey_detector_is_fed_with_grey(own_cache):
    from onnx import helper, numpy_helper

    weights = numpy_helper.from_array(np.ones((24, 1, 8, 8), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], strides=[8, 8])],
        "grey",
        [helper.make_tensor_value_info("x", 1, [1, 1, 64, 64])],
        [helper.make_tensor_value_info("y", 1, None)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    made = convert_yolo(model, family="v5", anchors=[1, 2, 3, 4, 5, 6])
    assert any("grey from 0 to 1" in fact for fact in made.facts)
    assert made.converted.manifest["inputs"][0]["scale"] == [255.0]


def test_labels_are_read_from_what_people_have(tmp_path):
    (tmp_path / "a.txt").write_text("ant\n\nbee\n")
    (tmp_path / "b.yaml").write_text("names: [ant, bee]\n")
    (tmp_path / "c.json").write_text('["ant", "bee"]')
    for name in ("a.txt", "b.yaml", "c.json"):
        assert read_labels(tmp_path / name) == ["ant", "bee"]
    (tmp_path / "d.yaml").write_text("names: 3")
    with pytest.raises(Exception, match="no class names"):
        read_labels(tmp_path / "d.yaml")
