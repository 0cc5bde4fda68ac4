"""The bench's own detector, on the virtual camera, finds what the scene says is there."""

import depthai as dai
import pytest

import oakwright
from bench.colour_detector import BALL, BOX, colour_ssd
from oakwright import VirtualOak
from oakwright.device import BOARDS
from oakwright.device.sources import CutsSource, Shot
from oakwright.device.sources.scene import camera_model

SIZE = 300


@pytest.fixture(scope="module")
def blob(tmp_path_factory):
    made = oakwright.convert(colour_ssd(SIZE, SIZE), shaves=6, input_precision="U8")
    path = tmp_path_factory.mktemp("blob") / "colours.blob"
    path.write_bytes(made.blobs[6])
    return path


def detector(blob, stretched):
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(SIZE, SIZE)
    camera.setInterleaved(False)
    camera.setPreviewKeepAspectRatio(not stretched)
    network = pipeline.create(dai.node.MobileNetDetectionNetwork)
    network.setBlobPath(blob)
    network.setConfidenceThreshold(0.5)
    camera.preview.link(network.input)
    out = pipeline.create(dai.node.XLinkOut)
    out.setStreamName("out")
    network.out.link(out.input)
    return pipeline


def in_preview(box, stretched):
    """From pixels of the whole sensor to shares of the preview: 16:9 of it, or its middle."""
    model = camera_model(BOARDS["OAK-D"].cameras[0])
    high = model.width * 9 / 16
    wide = model.width if stretched else high
    left, top = (model.width - wide) / 2, (model.height - high) / 2
    x0, y0, x1, y1 = box
    shares = (x0 - left) / wide, (y0 - top) / high, (x1 - left) / wide, (y1 - top) / high
    return tuple(min(max(share, 0.0), 1.0) for share in shares)


def overlap(a, b):
    """Intersection over union of two boxes."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = across * down
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


@pytest.mark.parametrize("stretched", [False, True])
def test_boxes_lie_where_the_things_are(blob, stretched):
    source = CutsSource(0.2)
    found, wanted = [], 0
    with (
        VirtualOak(source=source, deterministic=True, seconds=5) as oak,
        dai.Device(detector(blob, stretched)) as device,
    ):
        queue = device.getOutputQueue("out")
        started_s = oak.report()["devices"][0]["started_s"]
        for _ in range(5):
            message = [queue.get() for _ in range(6)][-1]
            moment = message.getTimestamp().total_seconds() - started_s
            truth = source.truth(Shot(BOARDS["OAK-D"].cameras[0], 0, moment))
            for thing in truth:
                if thing.class_number in (BALL, BOX) and thing.visible > 0.9:
                    wanted += 1
                    boxes = [d for d in message.detections if d.label == thing.class_number]
                    where = in_preview(thing.box, stretched)
                    found += [overlap(where, (d.xmin, d.ymin, d.xmax, d.ymax)) for d in boxes]
    assert wanted >= 7
    assert len(found) == wanted
    assert min(found) > 0.6
    assert sum(found) / len(found) > 0.7
