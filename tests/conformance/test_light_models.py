"""The nine light models that ship inside the onnx package: each becomes a blob that DepthAI reads.

Their weights are made up by the file itself (constants filled at load), so they say nothing about
accuracy; their graphs are those of well-known networks, opset 3 to 9.
"""

from pathlib import Path

import numpy as np
import pytest

import oakwright

onnx = pytest.importorskip("onnx")
FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
QUICK = ("light_resnet50", "light_shufflenet", "light_squeezenet")
MODELS = sorted(path.stem for path in FOLDER.glob("*.onnx"))


def test_all_nine_are_here():
    assert len(MODELS) == 9


@pytest.mark.parametrize(
    "name", [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in MODELS]
)
def test_becomes_a_blob_that_agrees(name):
    result = oakwright.convert(FOLDER / f"{name}.onnx", cache=False)
    agreement = result.manifest["agreement"]
    assert agreement["difference"] < 1e-3 or "only grew" in agreement["note"]
    blob = result.blob
    assert [info.spec.shape for info in blob.inputs] == [(1, 3, 224, 224)]
    assert int(np.prod(blob.outputs[0].spec.shape)) == 1000
