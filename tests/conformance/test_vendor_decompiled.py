"""The vendor's own blobs, decompiled: against their definitions, and against the machine."""

import numpy as np
import pytest

from oakwright.blob import Blob
from oakwright.decompiler import CompiledBlob, lift_graph
from oakwright.machine import Machine

pytestmark = pytest.mark.shared
# File -> how far results may be from the definition's, relative to its greatest value; and the
# layers that the definition has, conversions of type left out.
SURE = 0.5  # confidence of a face
DEFINED = {
    "concat_openvino_2021.4_6shave": (0.0, 1),
    "diff_openvino_2021.4_6shave": (0.0, 10),
    "edge_simplified_openvino_2021.4_6shave": (0.0, 2),
    "blur_simplified_openvino_2021.4_6shave": (5e-4, 2),
}


def pictures(blob: Blob, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        info.name: rng.integers(0, 256, info.desc.shape).astype(info.desc.dtype)
        for info in blob.inputs
    }


@pytest.mark.parametrize("file", DEFINED)
def test_agrees_with_its_definition(shared_data, file):
    torch = pytest.importorskip("torch")
    from tests.vendor_models import MODELS

    model = next(m for m in MODELS if m.file == f"{file}.blob")
    blob = Blob.open(shared_data / "blobs" / f"{file}.blob")
    given = pictures(blob)
    tensors = [torch.from_numpy(given[info.name].astype(np.float32)) for info in blob.inputs]
    wanted = model.module()(*tensors).detach().numpy()
    (got,) = CompiledBlob(blob).infer(given).values()
    allowed, _ = DEFINED[file]
    apart = np.abs(got.astype(np.float32).reshape(wanted.shape) - wanted).max()
    # The blob's weights are FP16, and so are its outputs: exact means exact after rounding.
    if allowed == 0:
        np.testing.assert_array_equal(got.reshape(wanted.shape), wanted.astype(np.float16))
    else:
        assert apart <= allowed * np.abs(wanted).max()


@pytest.mark.parametrize("file", DEFINED)
def test_agrees_with_the_machine_to_the_bit_or_one_rounding(shared_data, file):
    blob = Blob.open(shared_data / "blobs" / f"{file}.blob")
    given = pictures(blob)
    got, wanted = CompiledBlob(blob).infer(given), Machine(blob).run(given)
    allowed, layers = DEFINED[file]
    for name, array in got.items():
        reference = wanted[name].astype(np.float32)
        apart = np.abs(array.astype(np.float32) - reference).max()
        assert apart <= allowed * np.abs(reference).max()
    passive = ("Constant", "Parameter", "Convert")
    assert sum(node.op not in passive for node in lift_graph(blob)) <= layers


def test_face_detector_looks_as_it_was_drawn(shared_data):
    graph = lift_graph(Blob.open(shared_data / "blobs" / "face-detection-retail-0004.blob"))
    ops = [node.op for node in graph]
    assert ops.count("DetectionOutput") == ops.count("Softmax") == ops.count("MaxPool") == 1
    assert 30 <= ops.count("Convolution") <= 35
    assert "Slice" not in ops
    assert "Gather" not in ops


def frames(video, count: int, size: int = 300) -> list[np.ndarray]:
    """Frames spread over a video, planar BGR, squashed to the network's input."""
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(video))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    found = []
    for number in np.linspace(0, total - 1, count).astype(int):
        capture.set(cv2.CAP_PROP_POS_FRAMES, int(number))
        ok, picture = capture.read()
        assert ok
        found.append(cv2.resize(picture, (size, size)).transpose(2, 0, 1)[None])
    return found


@pytest.mark.parametrize(("video", "least"), [("face.mp4", 1), ("masks.mp4", 1)])
def test_same_faces_as_the_machine(shared_data, video, least):
    blob = Blob.open(shared_data / "blobs" / "face-detection-retail-0004.blob")
    network, machine = CompiledBlob(blob), Machine(blob)
    seen = 0
    for frame in frames(shared_data / "media" / video, 3):
        (name,) = (info.name for info in blob.inputs)
        (got,), (wanted,) = (
            r.values() for r in (network.infer({name: frame}), machine.run({name: frame}))
        )
        ours, theirs = faces(got), faces(wanted)
        for mine, others in ((ours, theirs), (theirs, ours)):
            for row in mine[mine[:, 2] > SURE]:
                nearest = others[np.abs(others[:, 3:] - row[3:]).max(axis=1).argmin()]
                np.testing.assert_allclose(nearest[2:], row[2:], atol=4e-3)
        seen += (ours[:, 2] > SURE).sum()
    assert seen >= least


def faces(detections: np.ndarray) -> np.ndarray:
    """Rows of more than slight confidence, up to the end mark."""
    rows = detections.astype(np.float32).reshape(-1, 7)
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if ends.size else rows
    return rows[rows[:, 2] > SURE / 2]
