"""The TensorFlow family as TensorFlow itself writes it.

TensorFlow is no dependency of ours: name a Python that has it in OAKWRIGHT_TF_PYTHON. It writes
the models; they are converted here and the blobs compared with what Keras computed there. Keras
files need Keras beside oakwright: they are converted in that Python, if it has OpenVINO as well.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import oakwright

PYTHON = os.environ.get("OAKWRIGHT_TF_PYTHON", "")
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not PYTHON, reason="OAKWRIGHT_TF_PYTHON names no Python with TensorFlow"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow")
    script = Path(__file__).with_name("tensorflow_models.py")
    done = subprocess.run(
        [PYTHON, script, folder], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def agrees(blob_path_or_blob, folder, tolerance):
    truth = np.load(folder / "truth.npz")
    blob = oakwright.Blob.open(blob_path_or_blob) if isinstance(blob_path_or_blob, Path) else None
    blob = blob or blob_path_or_blob
    frame = np.round(truth["image"] * 255).astype(np.uint8).transpose(0, 3, 1, 2)
    (value,) = oakwright.run(blob, {blob.inputs[0].name: np.ascontiguousarray(frame)}).values()
    assert np.abs(value - truth["result"]).max() < tolerance
    assert value.argmax() == truth["result"].argmax()


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("saved_model", 2e-3),
        ("saved_model/saved_model.pb", 2e-3),
        ("frozen.pb", 2e-3),
        ("frozen.pbtxt", 2e-3),
        ("float.tflite", 2e-3),
        ("int8.tflite", 1e-2),  # one level of the softmax is 1/256
    ],
)
def test_files_of_tensorflow(models, name, tolerance):
    agrees(oakwright.convert(models / name, range="0..1").blob, models, tolerance)


def test_uint8_needs_no_range(models):
    agrees(oakwright.convert(models / "uint8.tflite", layout="NHWC").blob, models, 1e-2)


LIVE = (
    "import keras, oakwright, sys;"
    "made = oakwright.convert(keras.models.load_model(sys.argv[1]), range='0..1', cache=False);"
    "made.save(sys.argv[2]); print('agrees with', made.manifest['agreement']['against'])"
)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "a live model"])
def test_keras_in_an_environment_with_keras(models, name, tmp_path):
    probe = [PYTHON, "-c", "import openvino, click, rich, yaml"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("the Python with TensorFlow has no OpenVINO: Keras files cannot be tried")
    target = tmp_path / "keras.blob"
    if name == "a live model":
        command = [PYTHON, "-c", LIVE, models / "model.keras", target]
    else:
        path = models / name
        command = [PYTHON, "-m", "oakwright", "convert", path, "--range", "0..1", "-o", target]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "agrees with Keras" in done.stdout
    agrees(target, models, 2e-3)
