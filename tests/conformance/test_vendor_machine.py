"""The vendor's own blobs on the machine: against PyTorch, and on real pictures."""

import numpy as np
import pytest

from oakwright.blob import Blob
from oakwright.machine import Machine

torch = pytest.importorskip("torch")
from tests.conformance.stages import difference
from tests.vendor_models import MODELS


@pytest.mark.shared
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_agrees_with_pytorch(shared_data, model, seed):
    blob = Blob.open(shared_data / "blobs" / model.file)
    rng = np.random.default_rng(seed)
    frames = {i.name: rng.integers(0, 256, i.spec.shape, np.uint8) for i in blob.inputs}
    got = Machine(blob).run(frames)
    assert list(got) == [model.output]
    assert got[model.output].dtype == np.float16
    with torch.no_grad():
        frame = [torch.from_numpy(f.astype(np.float32)) for f in frames.values()]
        wanted = model.module()(*frame).numpy()
    assert difference(got[model.output], wanted) <= model.tolerance


def detections(rows: np.ndarray, threshold: float) -> np.ndarray:
    """Rows (confidence, x0, y0, x1, y1) of a [1, 1, N, 7] output above a threshold."""
    rows = rows.reshape(-1, 7).astype(np.float32)
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if len(ends) else rows
    return rows[rows[:, 2] > threshold][:, 2:]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("video", "frames", "least"), [("face", (0, 200, 400, 560), 1), ("masks", (80, 100, 120), 2)]
)
def test_finds_faces(shared_data, video, frames, least):
    cv2 = pytest.importorskip("cv2")
    machine = Machine(Blob.open(shared_data / "blobs" / "face-detection-retail-0004.blob"))
    capture = cv2.VideoCapture(str(shared_data / "media" / f"{video}.mp4"))
    found = {}
    for number in range(max(frames) + 1):
        there = capture.grab()
        assert there
        if number in frames:
            picture = cv2.resize(capture.retrieve()[1], (300, 300))
            output = machine.run({"data": picture.transpose(2, 0, 1)[None]})
            found[number] = detections(output["detection_out"], 0.5)
    for number, boxes in found.items():
        assert len(boxes) >= least, number
        # A face is a small, upright part of these pictures.
        size = boxes[:, 3:] - boxes[:, 1:3]
        assert (size > 0).all()
        assert (size < 0.5).all()
        assert (size[:, 1] * 0.5625 > size[:, 0] * 0.9).all(), number
