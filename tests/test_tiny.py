"""The product in one file: a torch module → IR → blob → read back → DepthAI → decompiled → run."""

import numpy as np
import pytest

import oakwright

torch = pytest.importorskip("torch")
depthai = pytest.importorskip("depthai")


class Tiny(torch.nn.Module):
    """Two layers a camera frame goes through."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.head = torch.nn.Conv2d(8, 4, 1)

    def forward(self, image):
        return torch.softmax(self.head(torch.relu(self.conv(image))), dim=1)


@pytest.fixture(scope="module")
def converted():
    return oakwright.convert(
        Tiny(), example_input=torch.rand(1, 3, 32, 32), shaves=4, range="0..1", color="RGB->BGR"
    )


def test_the_ir_is_version_10_and_says_what_was_applied(converted):
    assert b'version="10"' in converted.xml
    assert converted.manifest["inputs"][0]["precision"] == "U8"
    assert converted.manifest["inputs"][0]["channels_reversed"] is True
    assert converted.manifest["agreement"]["against"] == "torch"


def test_the_header_reads_back(converted):
    blob = converted.blob
    assert (blob.shaves, blob.version) == (4, "6.0")
    assert [(i.name, i.spec.shape) for i in blob.inputs] == [("image", (1, 3, 32, 32))]
    assert [(o.name, o.spec.shape) for o in blob.outputs] == [("output", (1, 4, 16, 16))]


def test_depthai_accepts_it(converted, tmp_path):
    path, *_ = converted.save(tmp_path / "tiny.blob")
    parsed = depthai.OpenVINO.Blob(str(path))
    assert parsed.numShaves == 4
    assert parsed.networkInputs["image"].dims == [32, 32, 3, 1]
    assert parsed.networkInputs["image"].dataType == depthai.TensorInfo.DataType.U8F
    assert list(parsed.networkOutputs) == ["output"]


def test_decompiled_it_computes_what_torch_computes(converted):
    frame = np.random.default_rng(1).integers(0, 256, (1, 3, 32, 32), np.uint8)  # BGR
    got = oakwright.run(converted.blob, {"image": frame})["output"]
    rgb = torch.from_numpy(frame[:, ::-1].copy()).float() / 255
    with torch.no_grad():
        wanted = Tiny().eval()(rgb).numpy()
    assert np.abs(got.astype(np.float32) - wanted).max() < 2e-3
