"""Luxonis' own packages read what we write, each in an environment of its own.

DepthAI 3 and luxonis-ml do not live beside DepthAI 2 and our pins. `make archive-readers` makes
both environments; OAKWRIGHT_DEPTHAI3 and OAKWRIGHT_LUXONIS_ML name their Pythons.
"""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from oakwright.archive import make_superblob, write_archive
from tests.unit.archive.test_archive import HEADS, config

ROOT = Path(__file__).parents[3]

READ_V3 = """
import os; os.environ["DEPTHAI_TELEMETRY"] = "0"
import depthai as dai, hashlib, json, sys
found = {}
for path in sys.argv[1:]:
    if path.endswith(".superblob"):
        whole = dai.OpenVINO.SuperBlob(path)
        blobs = [whole.getBlobWithNumShaves(n) for n in range(1, 17)]
        found[path] = [[b.numShaves, hashlib.sha256(bytes(b.data)).hexdigest()] for b in blobs]
    else:
        archive = dai.NNArchive(path)
        head = (archive.getConfigV1().model.heads or [None])[0]
        found[path] = [list(archive.getInputSize()), str(archive.getModelType()),
                       head and head.parser, head and head.metadata.classes]
print("READ" + json.dumps(found))
"""
READ_ML = """
import json, sys, tarfile
from luxonis_ml.nn_archive import is_nn_archive
from luxonis_ml.nn_archive.config import Config
found = {}
for path in sys.argv[1:]:
    assert is_nn_archive(path)
    with tarfile.open(path) as tar:
        text = tar.extractfile("config.json").read()
    read = Config(**json.loads(text))
    kinds = [type(head.metadata).__name__ for head in read.model.heads or []]
    found[path] = [kinds, read.model.inputs[0].layout]
print("READ" + json.dumps(found))
"""


def other(variable, folder, script, paths):
    """What another environment's Python reads from the files; skipped where there is none."""
    python = os.environ.get(variable) or ROOT / folder / "bin" / "python"
    if not Path(python).exists():
        pytest.skip(f"no {folder} here: `make archive-readers`, or set {variable} to its Python")
    done = subprocess.run(
        [str(python), "-c", script, *map(str, paths)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.split("READ", 1)[1])


@pytest.fixture
def archives(tmp_path):
    blob = (ROOT / "tests" / "corpus" / "blobs" / "blur--1.blob").read_bytes()
    return {
        name: write_archive(tmp_path / f"{i}.tar.xz", config(*heads), {"small.blob": blob})
        for i, (name, heads) in enumerate(HEADS.items())
    }


def test_luxonis_ml_accepts_every_head(archives):
    found = other("OAKWRIGHT_LUXONIS_ML", ".env-luxonis-ml", READ_ML, archives.values())
    kinds = {name: found[str(path)][0] for name, path in archives.items()}
    assert kinds == {
        "none": [],
        "classification": ["HeadClassificationMetadata"],
        "ssd": ["HeadObjectDetectionSSDMetadata"],
        "yolo": ["HeadYOLOMetadata"],
        "yolo without anchors": ["HeadYOLOMetadata"],
    }


def test_depthai_3_reads_archives(archives):
    found = other("OAKWRIGHT_DEPTHAI3", ".env-depthai3", READ_V3, archives.values())
    for name, path in archives.items():
        size, kind, parser, _ = found[str(path)]
        assert size == [8, 8]
        assert kind == "ModelType.BLOB"
        wanted = HEADS[name][0].parser if HEADS[name] else None
        assert parser == wanted


def test_depthai_3_reads_superblobs_byte_for_byte(tmp_path, own_cache):
    pytest.importorskip("bsdiff4")
    onnx = pytest.importorskip("onnx")
    from oakwright.conversion import convert

    del onnx
    from tests.conftest import half_onnx

    model = tmp_path / "half.onnx"
    model.write_bytes(half_onnx())
    blobs = convert(model, shaves="all", verify="off").blobs
    path = tmp_path / "half.superblob"
    path.write_bytes(make_superblob(blobs))
    found = other("OAKWRIGHT_DEPTHAI3", ".env-depthai3", READ_V3, [path])
    assert found[str(path)] == [[n, hashlib.sha256(blobs[n]).hexdigest()] for n in range(1, 17)]


DECODE_V3 = """
import os; os.environ["DEPTHAI_TELEMETRY"] = "0"
import depthai as dai, json, numpy as np, sys
archive, tensors = dai.NNArchive(sys.argv[1]), np.load(sys.argv[2])
with dai.Pipeline(False) as pipeline:
    node = pipeline.create(dai.node.DetectionParser)
    node.setRunOnHost(True)
    node.setNNArchive(archive)
    queue, found = node.input.createInputQueue(), node.out.createOutputQueue()
    message = dai.NNData()
    for name in tensors.files:
        tensor = tensors[name][0].astype(np.float32)
        message.addTensor(name, tensor, dai.TensorInfo.StorageOrder.CHW)
    message.setTransformation(dai.ImgTransformation(*archive.getInputSize()))
    pipeline.start()
    queue.send(message)
    rows = [[d.label, d.confidence, d.xmin, d.ymin, d.xmax, d.ymax] for d in found.get().detections]
print("READ" + json.dumps(rows))
"""


@pytest.mark.parametrize("family", ["v5", "v8"])
def test_depthai_3_decodes_what_its_archive_describes(family, tmp_path, own_cache):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    import numpy as np

    import oakwright
    from oakwright.device.blocks.decoding import YoloLayout, decode_yolo
    from oakwright.recipe import archive_of
    from oakwright.yolo import convert_yolo
    from tests.unit.yolo import look_alikes as nets

    net = nets.Anchored() if family == "v5" else nets.Distances()
    made = convert_yolo(nets.export(net, tmp_path / "net.onnx"), confidence=0.5, iou=0.45)
    path = archive_of(made.converted, tmp_path / "net", heads=[made.head()])
    tensors = oakwright.run(made.converted.blob, {"images": nets.picture()})
    np.savez(tmp_path / "tensors.npz", **tensors)
    paths = [path, tmp_path / "tensors.npz"]
    found = other("OAKWRIGHT_DEPTHAI3", ".env-depthai3", DECODE_V3, paths)
    facts = made.settings["nn_config"]["NN_specific_metadata"]
    masks = {side: tuple(mask) for side, mask in facts["anchor_masks"].items()}
    layout = YoloLayout(facts["classes"], tuple(facts["anchors"]), masks)
    wanted = decode_yolo(tensors, layout, nets.PICTURE, 0.5, 0.45)
    rows = [(d.label, d.confidence, d.xmin, d.ymin, d.xmax, d.ymax) for d in wanted]
    assert len(rows) >= 3
    assert np.array(found) == pytest.approx(np.array(rows), abs=2e-3)


def test_depthai_3_decodes_an_ssd_by_its_archive(tmp_path):
    import numpy as np

    from oakwright.archive import ArchiveConfig, ArchiveOutput, ssd_head

    whole = config()
    rows = np.zeros((1, 1, 6, 7), np.float32)
    rows[0, 0, :, 0] = -1
    rows[0, 0, :2] = [[0, 1, 0.9, 0.1, 0.2, 0.5, 0.6], [0, 1, 0.2, 0.3, 0.2, 0.5, 0.6]]
    output = ArchiveOutput("found", "float16", (1, 1, 6, 7), "NCHW")
    head = ssd_head(["none", "cat"], "found", confidence=0.5)
    described = ArchiveConfig("small", "small.blob", whole.inputs, (output,), (head,), "float16")
    blob = (ROOT / "tests" / "corpus" / "blobs" / "blur--1.blob").read_bytes()
    path = write_archive(tmp_path / "ssd.tar.xz", described, {"small.blob": blob})
    np.savez(tmp_path / "tensors.npz", found=rows)
    paths = [path, tmp_path / "tensors.npz"]
    found = other("OAKWRIGHT_DEPTHAI3", ".env-depthai3", DECODE_V3, paths)
    assert np.array(found) == pytest.approx(np.array([[1, 0.9, 0.1, 0.2, 0.5, 0.6]]), abs=1e-3)
