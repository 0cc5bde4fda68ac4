"""blobconverter, Model Optimizer and Compile Tool by their own words."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import oakwright
from oakwright import blobconverter, compile_tool, mo

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.real_time]


@pytest.fixture(autouse=True)
def defaults(monkeypatch, tmp_path):
    monkeypatch.setattr(blobconverter, "_DEFAULTS", {**blobconverter._DEFAULTS})
    blobconverter.set_defaults(output_dir=tmp_path / "default", silent=True)


def test_the_tutorial_s_call_works_literally(half, tmp_path):
    path = blobconverter.from_onnx(
        model=str(half),
        output_dir=str(tmp_path / "models" / "model.blob"),
        data_type="FP16",
        shaves=6,
        use_cache=False,
        optimizer_params=[],
    )
    assert path == tmp_path / "models" / "model.blob"
    blob = oakwright.Blob.open(path)
    assert (blob.shaves, blob.version) == (6, "2022.1")
    assert blob.inputs[0].spec.precision.value == "U8"
    assert blobconverter.is_valid_blob(path)


def test_names_and_defaults_are_blobconverter_s(half, tmp_path, capsys):
    blobconverter.set_defaults(silent=False)
    path = blobconverter.from_onnx(str(half))
    assert path == tmp_path / "default" / "half_openvino_2022.1_4shave.blob"
    assert "(x - 127.5) / 255 (blobconverter's default)" in capsys.readouterr().out.replace(
        "[127.5, 127.5, 127.5]", "127.5"
    ).replace("[255, 255, 255]", "255")


def test_a_changed_model_of_the_same_name_gives_the_new_blob(half):
    first = blobconverter.from_onnx(half, optimizer_params=[]).read_bytes()
    half.write_bytes(half.read_bytes().replace(b"\x00\x00\x00\x40", b"\x00\x00\x80\x40"))
    assert blobconverter.from_onnx(half, optimizer_params=[]).read_bytes() != first


def test_dry_and_download_ir_work(half, tmp_path):
    commands = blobconverter.from_onnx(half, dry=True)
    assert commands["model_optimizer"].startswith("mo --input_model=")
    assert "-ip U8" in commands["compile_tool"]
    archive = blobconverter.from_onnx(half, optimizer_params=[], download_ir=True)
    assert archive.suffix == ".zip"
    names = sorted(zipfile.ZipFile(archive).namelist())
    assert names == ["half.bin", "half.blob", "half.xml"]


def test_from_openvino_and_the_other_way_round(half, tmp_path):
    result = oakwright.convert(half, to="ir")
    xml, weights, _ = result.save(tmp_path / "ir")
    path = blobconverter.from_openvino(xml=xml, bin=weights, shaves=5)
    assert path.name == "half_openvino_2022.1_5shave.blob"
    elsewhere = weights.rename(tmp_path / "other.bin")
    again = blobconverter.from_openvino(xml=str(xml), bin=str(elsewhere), shaves=5)
    assert again.read_bytes() == path.read_bytes()


def test_the_zoo_is_a_folder_of_yours(half, tmp_path):
    zoo = tmp_path / "zoo"
    (zoo / "intel" / "half-0001" / "FP16").mkdir(parents=True)
    result = oakwright.convert(half, to="ir")
    result.save(zoo / "intel" / "half-0001" / "FP16" / "half-0001.xml")
    blobconverter.set_defaults(zoo_dir=zoo)
    assert blobconverter.zoo_list() == [{"name": "half-0001", "data_types": ["FP16"]}]
    path = blobconverter.from_zoo(name="half-0001", shaves=6)
    assert path.name == "half-0001_openvino_2022.1_6shave.blob"
    with pytest.raises(oakwright.OakwrightError, match="'face' is not in your zoo folder"):
        blobconverter.from_zoo("face")


def test_from_config_takes_the_files_beside_it(half, tmp_path):
    config = tmp_path / "half.yml"
    config.write_text(
        "task_type: detection\nframework: onnx\n"
        "files:\n- {name: FP16/half.onnx, source: {$type: http, url: $REQUEST/half.onnx}}\n"
        "model_optimizer_args:\n"
        "  - --mean_values=[1,2,3]\n"
        "  - --input_model=$dl_dir/FP16/half.onnx\n"
    )
    path = blobconverter.from_config(name="named", path=config)
    assert path.name == "named_openvino_2022.1_4shave.blob"
    half.unlink()
    with pytest.raises(oakwright.OakwrightError, match=r"must lie beside half\.yml"):
        blobconverter.from_config("named", config)


def test_missing_files_and_wrong_versions(tmp_path, half):
    with pytest.raises(FileNotFoundError):
        blobconverter.from_onnx(tmp_path / "no.onnx")
    with pytest.raises(oakwright.OakwrightError, match="not for the Myriad X"):
        blobconverter.from_onnx(half, version=blobconverter.Versions.v2022_3_RVC3)
    with pytest.raises(oakwright.OakwrightError, match="downloads nothing"):
        blobconverter.from_onnx("https://example.com/model.onnx")


def test_the_real_client_has_no_function_that_we_lack():
    import inspect

    real = pytest.importorskip("blobconverter")
    for name in ("from_onnx", "from_openvino", "from_tf", "from_caffe", "from_config", "from_zoo",
                 "zoo_list", "compile_blob", "set_defaults", "is_valid_blob"):  # fmt: skip
        ours = inspect.signature(getattr(blobconverter, name)).parameters
        theirs = inspect.signature(getattr(real, name)).parameters
        takes_more = any(p.kind is p.VAR_KEYWORD for p in ours.values())
        assert set(theirs) <= set(ours) or takes_more, name
        common = [key for key in theirs if key in ours]
        assert common == [key for key in ours if key in common], name


def test_its_command_line(half, tmp_path, capsys):
    words = ["--onnx-model", str(half), "-sh", "6", "-o", str(tmp_path), "--optimizer-params="]
    assert blobconverter.main(words) == 0
    printed = capsys.readouterr().out.splitlines()[-1]
    assert printed == str(tmp_path / "half_openvino_2022.1_6shave.blob")
    assert blobconverter.main(["--onnx-model", str(half), "--dry"]) == 0
    assert "compile_tool" in json.loads(capsys.readouterr().out)
    assert blobconverter.main(["--onnx-model", "nowhere.onnx"]) == 1
    assert blobconverter.main([]) == 1


def test_mo_then_compile_tool_by_subprocess(half, tmp_path):
    """What export scripts do, with one path changed."""
    run = [sys.executable, "-m", "oakwright.mo", "--input_model", str(half), "--data_type=FP16",
           "--mean_values=[0,0,0]", "--scale_values=[255,255,255]", "--reverse_input_channels",
           "--output_dir", str(tmp_path)]  # fmt: skip
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[ SUCCESS ] XML file:" in done.stdout
    blob = tmp_path / "half.blob"
    run = [sys.executable, "-m", "oakwright.compile_tool", "-m", str(tmp_path / "half.xml"), "-o",
           str(blob), "-ip", "U8", "-d", "MYRIAD", "-VPU_NUMBER_OF_SHAVES", "6",
           "-VPU_NUMBER_OF_CMX_SLICES", "6"]  # fmt: skip
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    opened = oakwright.Blob.open(blob)
    assert opened.shaves == 6
    frame = np.random.default_rng(0).integers(0, 256, (1, 3, 8, 8), np.uint8)
    got = oakwright.run(opened, {"image": frame})["half"].astype(np.float32)
    assert np.abs(got - frame[:, ::-1].astype(np.float32) / 255 / 2).max() < 1e-3


def test_one_tensor_exported_for_two_inputs_is_said_by_the_old_words_too(tmp_path, capsys):
    onnx = pytest.importorskip("onnx")
    blobconverter.set_defaults(silent=False)
    # As torch.onnx.export(module, (X, X)) writes it.
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, width])
        for name, width in (("left", 8), ("right", 8), ("both", 16))
    ]
    node = onnx.helper.make_node("Concat", ["right", "right"], ["both"], axis=3)
    graph = onnx.helper.make_graph([node], "g", ports[:2], ports[2:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 12)])
    onnx.save(model, str(tmp_path / "m.onnx"))
    words = "input 'left' is read by no layer: the blob does not have it; if PyTorch exported it"
    blobconverter.from_onnx(
        model=str(tmp_path / "m.onnx"), output_dir=str(tmp_path), optimizer_params=[]
    )
    assert words in capsys.readouterr().out
    arguments = ["--input_model", str(tmp_path / "m.onnx"), "--output_dir", str(tmp_path)]
    assert mo.main(arguments) == 0
    assert words in capsys.readouterr().out


def test_errors_of_the_old_command_lines(capsys):
    assert mo.main(["--input_model", "nowhere.onnx"]) == 1
    assert mo.main(["--transform", "X"]) == 1
    assert compile_tool.main(["-m", "nowhere.xml"]) == 1
    assert compile_tool.main(["-d", "CPU"]) == 1
    errors = capsys.readouterr().err
    assert "there is no file nowhere.onnx" in errors
    assert "Traceback" not in errors
