"""A converted YOLO export, decoded by the virtual OAK: the boxes of the model's own decoding.

The oracle is the uncut ONNX file through onnx.reference, and a decoding written here.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
dai = pytest.importorskip("depthai")

from oakwright.device import VirtualOak
from oakwright.yolo import convert_yolo
from tests.unit.yolo import look_alikes as nets

THRESHOLD = 0.5
TINY = ((23, 27, 37, 58, 81, 82), (81, 82, 135, 169, 344, 319))
EXPORTS = {
    "v3": lambda: nets.Anchored("exponents"),
    "v4-tiny": lambda: nets.Anchored("exponents", TINY, (16, 32), 1.05, separate=True),
    "v5": nets.Anchored,
    "v6": lambda: nets.Distances(1, "v6"),
    "v8": nets.Distances,
    "v10": lambda: nets.Distances(top=126),
    "yolox": nets.Exponents,
}


def seen_on_the_device(made, picture):
    """Rows (label, confidence, box) as a script gets them that applies the settings."""
    settings = made.settings["nn_config"]["NN_specific_metadata"]
    pipeline = dai.Pipeline()
    source = pipeline.create(dai.node.XLinkIn)
    source.setStreamName("frames")
    network = pipeline.create(dai.node.YoloDetectionNetwork)
    network.setBlob(dai.OpenVINO.Blob(list(bytes(made.converted.blob.data))))
    network.setConfidenceThreshold(settings["confidence_threshold"])
    network.setNumClasses(settings["classes"])
    network.setCoordinateSize(settings["coordinates"])
    network.setAnchors(settings["anchors"])
    network.setAnchorMasks(settings["anchor_masks"])
    network.setIouThreshold(settings["iou_threshold"])
    source.out.link(network.input)
    sink = pipeline.create(dai.node.XLinkOut)
    sink.setStreamName("found")
    network.out.link(sink.input)
    with VirtualOak(deterministic=True, frames=1), dai.Device(pipeline) as device:
        frame = dai.ImgFrame()
        frame.setType(dai.ImgFrame.Type.BGR888p)
        frame.setWidth(picture.shape[3])
        frame.setHeight(picture.shape[2])
        frame.setData(picture.reshape(-1))
        device.getInputQueue("frames").send(frame)
        found = device.getOutputQueue("found", 1, True).get().detections
    return [(d.label, d.confidence, d.xmin, d.ymin, d.xmax, d.ymax) for d in found]


def own_boxes(name, path, picture):
    """Rows (label, confidence, box in 0..1 cut to the picture) of the uncut model."""
    from onnx.reference import ReferenceEvaluator

    rgb = picture[:, ::-1].astype(np.float32) / 255
    results = ReferenceEvaluator(str(path)).run(None, {"images": rgb})
    sides = np.array([*nets.PICTURE, *nets.PICTURE], np.float32)
    if name == "v4-tiny":
        corners, scores = results[0].reshape(-1, 4), results[1][0]
    else:
        rows = results[0][0]
        if name == "v8":
            rows = rows.T
        scores = rows[:, -nets.CLASSES :]
        if name in ("v3", "v5", "v6", "yolox"):
            scores = scores * rows[:, 4:5]
        box = rows[:, :4] / sides
        low, high = box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2
        corners = box if name == "v10" else np.concatenate([low, high], 1)
    corners = corners.clip(0, 1)
    keep = (corners[:, 2:] > corners[:, :2]).all(1)
    return [
        (int(row.argmax()), float(row.max()), *map(float, box))
        for row, box in zip(scores[keep], corners[keep], strict=True)
    ]


@pytest.mark.parametrize("name", EXPORTS)
def test_the_device_finds_the_boxes_of_the_models_own_decoding(name, tmp_path, own_cache):
    picture = nets.picture()
    path = nets.export(EXPORTS[name](), tmp_path / f"{name}.onnx")
    # Overlapping boxes stay: which of them goes is the decoder's affair, not this room's.
    made = convert_yolo(path, confidence=THRESHOLD, iou=0.999)
    found = seen_on_the_device(made, picture)
    wanted = own_boxes(name, path, picture)
    sure = [row for row in wanted if row[1] > THRESHOLD + 0.02]
    maybe = [row for row in wanted if row[1] > THRESHOLD - 0.02]
    assert len(sure) >= 5, "the look-alike finds too little to compare"
    assert 0 < len(found) <= len(maybe)
    # FP16 weights and stages: two hundredths of the picture and of a score.
    for row in found:
        assert min(gap(row, other) for other in maybe) < 0.02, row
    # Of boxes that are the same to a thousandth one stays: the surest, of whatever class.
    for row in sure:
        assert any(gap(row, other) < 0.02 or overlap(row, other) > 0.97 for other in found), row


def gap(a, b):
    return max(abs(x - y) for x, y in zip(a[1:], b[1:], strict=True)) + (a[0] != b[0])


def overlap(a, b):
    low, high = np.maximum(a[2:4], b[2:4]), np.minimum(a[4:], b[4:])
    shared = np.prod((high - low).clip(0))
    areas = [(r[4] - r[2]) * (r[5] - r[3]) for r in (a, b)]
    return shared / (sum(areas) - shared)
