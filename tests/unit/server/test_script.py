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
    command = [sys.executable, "-m", "oakwright", "device", "run", "--deterministic"]
    command += ["--frames", "2", "--limit", "120", "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "out " in done.stdout
    assert "'out'" not in done.stdout


def test_a_detector_gets_the_cameras_own_decoder(shared_data):
    from oakwright.server.preview.script import depthai_script, is_detection

    path = next(shared_data.glob("blobs/**/face-detection-retail-0004*.blob"), None)
    if path is None:
        pytest.skip("the corpus has no face detector")
    blob = oakwright.Blob.open(path)
    assert is_detection(blob)
    assert "MobileNetDetectionNetwork" in depthai_script(blob, "face.blob")
