"""Recipes: modelconverter's words and defaults, our own shape, archives; read, refused, run."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from oakwright.archive import (
    ArchiveConfig,
    ArchiveInput,
    ArchiveOutput,
    Preprocessing,
    classification_head,
    read_archive,
    read_superblob,
    write_archive,
)
from oakwright.cli.main import run
from oakwright.conversion import IMAGENET_MEAN, InputOptions, convert
from oakwright.errors import OakwrightError, UnreadableModel, UsageError
from oakwright.recipe import parse_recipe, read_recipe, run_recipe, save_made
from oakwright.recipe.modelconverter import finish
from oakwright.tensor import Precision

PICTURE = [("image", (1, 3, 8, 8))]


def finished(tree, inputs=PICTURE, *, is_ir=False):
    stage = parse_recipe(tree).stages[0]
    options, notes = finish(stage, inputs, is_ir=is_ir)
    return options, notes


def test_modelconverters_defaults_are_applied_and_said():
    recipe = parse_recipe({"input_model": "models/net.onnx"})
    stage = recipe.stages[0]
    assert (recipe.name, recipe.dialect, stage.form) == ("net", "modelconverter", "superblob")
    assert stage.options.shaves == tuple(range(1, 17))
    assert stage.options.compress_to_fp16
    options, notes = finish(stage, PICTURE, is_ir=False)
    entry = options.for_input("image")
    assert entry.color == ("RGB", "BGR")
    assert entry.precision is Precision.U8
    assert entry.mean is None
    assert any("RGB -> BGR (modelconverter's default)" in note for note in notes)
    assert any("default" in note and "superblob" in note for note in stage.notes)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"mean_values": "imagenet", "scale_values": "imagenet"}, {"mean": IMAGENET_MEAN}),
        ({"scale_values": 255}, {"scale": (255.0,)}),
        ({"mean_values": [0, 0, 0], "scale_values": [1, 1, 1]}, {"mean": None, "scale": None}),
        ({"encoding": "BGR"}, {"color": ("BGR", "BGR")}),
        ({"encoding": {"from": "BGR", "to": "RGB"}}, {"color": ("BGR", "RGB")}),
        ({"encoding": "NONE", "mean_values": 3}, {"color": None, "mean": None}),
        ({"shape": [0, 3, 8, 8]}, {"shape": (1, 3, 8, 8)}),
        ({"inputs": [{"name": "image", "scale_values": [2, 3, 4]}], "scale_values": 255},
         {"scale": (2.0, 3.0, 4.0)}),
        ({"inputs": [{"name": "image", "frozen_value": 2}]}, {"freeze": (2.0,)}),
        ({"rvc2": {"compile_tool_args": ["-ip", "FP16"]}}, {"precision": Precision.FP16}),
        ({"rvc2": {"mo_args": ["--mean_values=[1,2,3]"]}}, {"mean": (1.0, 2.0, 3.0)}),
    ],
)  # fmt: skip
def test_what_a_file_says_of_inputs(said, wanted):
    options, _ = finished({"input_model": "a.onnx", **said})
    entry = options.for_input("image")
    assert {key: getattr(entry, key) for key in wanted} == wanted


def test_grey_pictures_and_what_is_no_picture():
    options, _ = finished({"input_model": "a.onnx", "scale_values": [255]}, [("g", (1, 1, 28, 28))])
    assert options.for_input("g").scale == (255.0,)
    assert options.for_input("g").color is None
    options, _ = finished({"input_model": "a.onnx", "mean_values": 5}, [("v", (1, 12))])
    assert options.for_input("v") == InputOptions("v", precision=Precision.U8)
    options, notes = finished({"input_model": "a.xml", "mean_values": 5}, is_ir=True)
    assert options.for_input("image").mean is None
    assert any("NOT applied" in note for note in notes)


def test_several_stages_share_what_stands_above():
    recipe = parse_recipe(
        {
            "encoding": "NONE",
            "stages": {
                "first": {"input_model": "a.onnx", "encoding": "BGR"},
                "second": {
                    "input_model": "b.onnx",
                    "inputs": [
                        {"name": "x", "calibration": {"stage": "first", "output": "y"}},
                    ],
                    "rvc2": {"superblob": False, "number_of_shaves": 4},
                },
            },
        }
    )
    assert recipe.name == "first-second"
    assert recipe.stage_names() == ["first", "second"]
    assert recipe.stages[0].wanted[0].encoding == ("BGR", "BGR")
    assert recipe.stages[1].wanted[0].encoding == ("NONE", "NONE")
    assert recipe.stages[1].form == "blob"
    assert recipe.stages[1].options.shaves == (4,)
    assert any("calibration" in note for note in recipe.stages[1].notes)


@pytest.mark.parametrize(
    ("tree", "key", "hint"),
    [
        ({"input_model": "a", "scale_valuse": 1}, "scale_valuse", "scale_values"),
        ({"input_model": "a", "inputs": [{"shape": [1]}]}, "inputs[0]", "no name"),
        ({"input_model": "a", "inputs": [{"name": "x", "shap": [1]}]}, "inputs[0].shap", "shape"),
        ({"input_model": "a", "rvc2": {"shaves": 3}}, "rvc2.shaves", "number_of_shaves"),
        ({"input_model": "a", "encoding": "YUV"}, "encoding", "YUV"),
        ({"input_model": "a", "mean_values": {"a": 1}}, "mean_values", "not"),
        ({"input_model": "a", "rvc2": {"superblob": "yes"}}, "rvc2.superblob", "true or false"),
        ({"input_model": "a", "shape": [1, "x"]}, "shape", "whole numbers"),
        ({"stages": {}}, "stages", "empty"),
        ({"model": "a.onnx", "rnage": "0..1"}, "rnage", "range"),
        ({"model": "a.onnx", "form": "zip"}, "form", "zip"),
        ({"model": "a.onnx", "inputs": {"x": {"range": "2..3"}}}, "range", "2..3"),
    ],
)
def test_a_wrong_key_is_named(tree, key, hint):
    with pytest.raises(UsageError) as caught:
        parse_recipe(tree)
    assert caught.value.key == key
    assert hint in str(caught.value)


def test_dotted_changes_reach_lists_and_stages():
    tree = {"input_model": "a.onnx", "inputs": [{"name": "x"}]}
    changes = [
        ("inputs.0.shape", "[1,3,8,8]"),
        ("inputs.1.name", "y"),
        ("outputs.0.name", "end"),
        ("rvc2.superblob", "false"),
    ]
    stage = parse_recipe(tree, changes).stages[0]
    assert [entry.name for entry in stage.wanted] == ["", "x", "y"]
    assert stage.wanted[1].shape == (1, 3, 8, 8)
    assert stage.options.outputs == ("end",)
    assert stage.form == "blob"
    for bad in ("inputs.7.name", "input_model.x", "", "a..b"):
        with pytest.raises(UsageError):
            parse_recipe({"input_model": "a.onnx", "inputs": []}, [(bad, "1")])


def test_files_that_are_no_recipe(tmp_path):
    path = tmp_path / "a.yaml"
    for text in ("[1, 2]", "a: [", "!!python/object/apply:os.system ['true']", "- " * 20000, ""):
        path.write_text(text)
        with pytest.raises(OakwrightError):
            read_recipe(path)
    path.write_text("a: &a [x,x]\nb: &b [*a,*a]\nrvc2: {superblob: [*b,*b]}\ninput_model: m.onnx\n")
    with pytest.raises(UsageError):
        read_recipe(path)
    with pytest.raises(UnreadableModel):
        read_recipe(tmp_path / "absent.yaml")


def test_both_shapes_and_the_command_line_give_the_same_blob(half, tmp_path, own_cache, capsys):
    theirs = {"input_model": half.name, "mean_values": [1, 2, 3], "scale_values": [4, 5, 6],
              "rvc2": {"superblob": False, "number_of_shaves": 4}}  # fmt: skip
    ours = {"model": half.name, "mean": [1, 2, 3], "scale": [4, 5, 6], "color": "RGB->BGR",
            "shaves": 4}  # fmt: skip
    blobs = []
    for name, tree in (("theirs", theirs), ("ours", ours)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree))
        assert run(["convert", "--config", str(path), "-o", str(tmp_path / name)]) == 0
        blobs.append((tmp_path / name / "half.blob").read_bytes())
    direct = convert(half, mean=[1, 2, 3], scale=[4, 5, 6], color="RGB->BGR", shaves=4)
    assert blobs[0] == blobs[1] == direct.blobs[4]
    text = capsys.readouterr().out
    assert "encoding RGB -> BGR (modelconverter's default)" in text
    assert "2 FRAMES" not in text
    path = tmp_path / "theirs.yaml"
    assert run(["convert", "--config", str(path), "--shaves", "3"]) == 2
    assert run(["convert", "--config", str(path), str(half)]) == 2
    assert run(["convert", str(half), "--set", "a=1"]) == 2
    assert run(["convert", "--config", str(path), "--set", "input_model=s3://x/y.onnx"]) == 2


def test_superblobs_and_archives_come_out(half, tmp_path, own_cache, capsys):
    pytest.importorskip("bsdiff4")
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({"input_model": half.name}))
    assert run(["convert", "--config", str(path), "-o", str(tmp_path / "s")]) == 0
    data = (tmp_path / "s" / "half.superblob").read_bytes()
    blob = convert(half, color="RGB->BGR", input_precision="U8", shaves=5).blobs[5]
    assert read_superblob(data, 5) == blob
    assert (
        run(["convert", "--config", str(path), "--to", "archive", "-o", str(tmp_path / "a")]) == 0
    )
    archive = read_archive(tmp_path / "a" / "half.rvc2.tar.xz")
    assert archive.config.inputs[0].preprocessing.dai_type == "BGR888p"
    assert archive.config.inputs[0].dtype == "uint8"
    assert archive.config.outputs[0].name == "half"
    assert run(["convert", str(half), "--to", "archive", "-o", str(tmp_path / "b")]) == 0
    assert read_archive(tmp_path / "b" / "half.rvc2.tar.xz").config.path == "half.blob"
    named = tmp_path / "c" / "mine.superblob"
    assert run(["convert", str(half), "--to", "superblob", "-o", str(named)]) == 0
    assert read_superblob(named.read_bytes(), 2) == convert(half, shaves=2).blobs[2]
    capsys.readouterr()


def test_an_archive_of_a_model_is_converted_as_it_says(half, tmp_path, own_cache, capsys):
    pytest.importorskip("bsdiff4")
    image = ArchiveInput(
        "image", "float32", "image", (1, 3, 8, 8), "NCHW",
        Preprocessing((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), dai_type="RGB888p"),
    )  # fmt: skip
    head = classification_head(["a", "b"], "half", is_softmax=False)
    config = ArchiveConfig(
        "net", "net.onnx", (image,), (ArchiveOutput("half", "float32"),), (head,)
    )
    path = write_archive(tmp_path / "net.tar.xz", config, {"net.onnx": half.read_bytes()})
    out = tmp_path / "out"
    assert run(["convert", str(path), "--to", "archive", "-o", str(out)]) == 0
    made = read_archive(out / "net.rvc2.tar.xz")
    assert made.config.heads == (head,)
    wanted = convert(half, mean=[1, 2, 3], scale=[4, 5, 6], color="RGB->BGR", shaves=8).blobs[8]
    assert made.config.path == "net.superblob"
    assert read_superblob(made.model, 8) == wanted
    assert run(["convert", str(out / "net.rvc2.tar.xz")]) == 1
    assert "compiled already" in capsys.readouterr().err


def test_stages_are_converted_one_by_one(half, tmp_path, own_cache):
    tree = {"stages": {"a": {"model": half.name}, "b": {"model": half.name, "range": "0..1"}}}
    made = list(run_recipe(parse_recipe(tree), tmp_path))
    assert [entry.converted.name for entry in made] == ["a", "b"]
    assert save_made(made[1], tmp_path / "out" / "b")[0].name == "b.blob"
    assert np.frombuffer(made[0].converted.blobs[6], np.uint8).size
    manifest = json.loads((tmp_path / "out" / "b" / "b.blob.json").read_text())
    assert manifest["inputs"][0]["scale"] == [255.0]


def test_modelconverters_own_examples_parse():
    """The files of its ``configs`` folder, where somebody has them; see bench/."""
    folder = os.environ.get("OAKWRIGHT_MODELCONVERTER_CONFIGS")
    if not folder:
        pytest.skip("set OAKWRIGHT_MODELCONVERTER_CONFIGS to modelconverter's configs folder")
    paths = sorted(Path(folder).glob("*.yaml"))
    assert len(paths) >= 7
    for path in paths:
        assert read_recipe(path).dialect == "modelconverter"


def test_heads_of_our_own_recipes_reach_the_archive(half, tmp_path, own_cache):
    tree = {"model": half.name, "form": "archive", "ip": "U8", "outputs": ["half"],
            "head": {"kind": "ssd", "classes": ["none", "cat"], "confidence": 0.3}}  # fmt: skip
    (made,) = run_recipe(parse_recipe(tree), tmp_path)
    (path,) = save_made(made, tmp_path / "out")
    (head,) = read_archive(path).config.heads
    assert head.parser == "SSD"
    assert head.metadata["boxes_outputs"] == "half"
    assert head.metadata["conf_threshold"] == 0.3
    tree["head"] = {"kind": "classification", "classes": ["a"], "softmax": True}
    assert parse_recipe(tree).stages[0].heads[0].metadata["is_softmax"] is True
    for wrong in ({"kind": "yolo", "classes": ["a"]}, {"kind": "ssd"}, {"kynd": "ssd"}):
        with pytest.raises(UsageError):
            parse_recipe({**tree, "head": wrong})


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "a/b", "..", "a\\b", ".hidden"])
def test_names_of_strangers_do_not_lead_out_of_the_folder(half, tmp_path, name, capsys):
    with pytest.raises(UsageError, match="no name of a file"):
        parse_recipe({"stages": {name: {"model": half.name}, "b": {"model": half.name}}})
    with pytest.raises(UsageError, match="no name of a file"):
        parse_recipe({"name": name, "model": half.name})
    image = ArchiveInput("image", "float32", "image", (1, 3, 8, 8), "NCHW", Preprocessing())
    config = ArchiveConfig(name, "net.onnx", (image,), (ArchiveOutput("half", "float32"),))
    path = write_archive(tmp_path / "net.tar.xz", config, {"net.onnx": half.read_bytes()})
    before = sorted(tmp_path.rglob("*"))
    assert run(["convert", str(path), "-o", str(tmp_path / "deep" / "er")]) in (1, 2)
    assert "no name of a file" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_head_that_reads_what_is_not_there_is_refused(half, tmp_path, own_cache):
    head = {"kind": "classification", "classes": ["a", "b"], "output": "nope"}
    recipe = parse_recipe({"model": half.name, "form": "archive", "head": head})
    (made,) = run_recipe(recipe, tmp_path)
    with pytest.raises(UsageError, match="reads nope, which the model does not give"):
        save_made(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recipe_says_how_well_the_result_agrees(half, tmp_path, own_cache, capsys):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({"model": half.name}))
    assert run(["convert", "--config", str(path), "-o", str(tmp_path / "out")]) == 0
    assert "agrees with onnx.reference" in capsys.readouterr().out
