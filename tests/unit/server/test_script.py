"""The DepthAI script that the page shows: it runs as it is, on the virtual device."""

import subprocess
import sys

import pytest

import oakwright

from .conftest import ROOT

pytest.importorskip("depthai")


def network(shape, name="image", kind="half"):
    """ONNX of one layer on an input of that shape."""
    from onnx import TensorProto, helper

    rows = {"half": ("Sigmoid", TensorProto.FLOAT), "arg": ("ArgMax", TensorProto.INT64)}
    op, gives = rows[kind]
    attributes = {"axis": 1, "keepdims": 1} if kind == "arg" else {}
    out = [shape[0], 1, *shape[2:]] if kind == "arg" else shape
    graph = helper.make_graph(
        [helper.make_node(op, [name], ["out"], **attributes)],
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", gives, out)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


CASES = {
    "colour": (network([1, 3, 24, 32]), {"input_precision": "U8"}, "ColorCamera"),
    "colour FP16": (network([1, 3, 24, 32]), {"input_precision": "FP16"}, "setFp16(True)"),
    "interleaved": (
        network([1, 3, 24, 32]),
        {"layout": "NCHW->NHWC", "input_precision": "U8"},
        "setInterleaved(True)",
    ),
    "grey": (network([1, 1, 24, 32]), {"input_precision": "U8"}, "MonoCamera"),
    "numbers": (network([1, 20]), {}, "setLayer"),
    "classes": (network([1, 3, 8, 8], kind="arg"), {"input_precision": "U8"}, "getLayerInt32"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_script_runs_as_it_is(case, tmp_path, own_cache):
    from oakwright.server.preview.script import depthai_script

    model, options, word = CASES[case]
    made = oakwright.convert(model, **options)
    (tmp_path / "my net.blob").write_bytes(made.blob.data)
    text = depthai_script(made.blob, "my net.blob")
    assert word in text
    (tmp_path / "script.py").write_text(text)
    said = run(tmp_path)
    assert "out " in said
    assert "'out'" not in said


def run(folder):
    """What ``script.py`` prints on the virtual device in two frames."""
    command = [sys.executable, "-m", "oakwright", "device", "run", "--deterministic"]
    command += ["--frames", "2", "--limit", "120", "script.py"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_detector_gets_the_cameras_own_decoder(tmp_path, own_cache):
    from oakwright.server.preview.script import depthai_script
    from tests.system.page_models import detector

    xml, weights = detector([(0.25, 0.25, 0.75, 0.5)])
    (tmp_path / "ssd.xml").write_bytes(xml)
    (tmp_path / "ssd.bin").write_bytes(weights)
    made = oakwright.convert(tmp_path / "ssd.xml", range="0..255", color="BGR->BGR")
    (tmp_path / "ssd.blob").write_bytes(made.blob.data)
    text = depthai_script(made.blob, "ssd.blob")
    assert "MobileNetDetectionNetwork" in text
    (tmp_path / "script.py").write_text(text)
    label, confidence, *box = map(float, run(tmp_path).splitlines()[0].split())
    assert label == 1
    assert confidence == pytest.approx(0.9, abs=0.01)
    assert box == pytest.approx([0.25, 0.25, 0.75, 0.5], abs=0.01)
