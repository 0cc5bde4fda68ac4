"""What comes from a host or a Script is anything: every node says so in its own name."""

import time
from pathlib import Path

import depthai as dai
import numpy as np
import pytest

from oakwright.device import NODES, VirtualOak
from oakwright.device.accepted import accepted_types
from oakwright.device.schema import python_name
from oakwright.errors import NodeError

BLUR = Path(__file__).parents[1] / "corpus" / "blobs" / "blur--1.blob"


def _network(node):
    node.setBlobPath(BLUR)


def _warp(node):
    node.setWarpMesh(
        [dai.Point2f(0, 0), dai.Point2f(8, 0), dai.Point2f(0, 8), dai.Point2f(8, 8)], 2, 2
    )


def _parser(node):
    node.setNNFamily(dai.DetectionNetworkType.MOBILENET)
    node.setBlob(dai.OpenVINO.Blob(str(BLUR)))


# What has to be set for a node to start at all.
NEEDS = {
    "NeuralNetwork": _network,
    "MobileNetDetectionNetwork": _network,
    "MobileNetSpatialDetectionNetwork": _network,
    "DetectionParser": _parser,
    "Warp": _warp,
}
# Inputs whose pictures are only asked for their size, camera or time.
UNREAD = {("ImageAlign", "inputAlignTo")}
INPUTS = [(kind, port) for kind in sorted(NODES) for port in sorted(accepted_types(kind))]


def picture(kind="GRAY8", width=64, height=48, size=None):
    message = dai.ImgFrame()
    message.setType(getattr(dai.ImgFrame.Type, kind))
    message.setWidth(width)
    message.setHeight(height)
    message.setData(np.zeros(width * height * 8 if size is None else size, np.uint8))
    message.setTimestamp(dai.Clock.now())
    return message


def usual(kind, port):
    """Something of the right class and kind."""
    name = sorted(accepted_types(kind)[port])[0]
    if name != "ImgFrame":
        made = getattr(dai, name)()
        made.setTimestamp(dai.Clock.now())
        return made
    if kind == "SpatialDetectionNetwork" and port == "in":
        return picture("BGR888p", 100, 100, 30000)
    return picture("RAW16" if port == "inputDepth" or kind == "ToF" else "GRAY8")


def send(kind, port, make, *, others, count=1):
    """Send to one input of a node that stands alone, and what is usual to others."""
    pipeline, name = dai.Pipeline(), python_name(kind)
    node = pipeline.create(getattr(dai.node, name))
    NEEDS.get(name, lambda node: None)(node)
    for entry in node.getInputs():
        if entry.name in (port, *others):
            link = pipeline.create(dai.node.XLinkIn)
            link.setStreamName(entry.name)
            link.out.link(entry)
    sent = [output for output in node.getOutputs() if output.name in NODES[kind].sends]
    for number, output in enumerate(sent):
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(f"out{number}")
        output.link(link.input)
    with VirtualOak(deterministic=True, seconds=0.5) as oak, dai.Device(pipeline) as device:
        for _ in range(count):
            device.getInputQueue(port).send(make())
            for other in others:
                device.getInputQueue(other).send(usual(kind, other))
        while True:
            time.sleep(0.1)
            for stream in device.getOutputQueueNames():
                device.getOutputQueue(stream).tryGetAll()
    return oak.report()["devices"][0]


@pytest.mark.parametrize(("kind", "port"), INPUTS)
def test_a_message_of_a_class_the_input_does_not_take_is_named(kind, port):
    with pytest.raises(NodeError) as caught:
        send(kind, port, dai.Buffer, others=[p for p in accepted_types(kind) if p != port])
    assert "please report" not in str(caught.value)
    assert f": a Buffer came to its input '{port}', which takes " in caught.value.message
    for name in accepted_types(kind)[port]:
        assert name in caught.value.message
    assert caught.value.message.startswith(f"{kind}(0)")


PICTURES = [(k, p) for k, p in INPUTS if "ImgFrame" in accepted_types(k)[p]]
BAD = {
    "too few bytes": {"size": 10},
    "no size": {"width": 0, "height": 0, "size": 0},
    "odd colours": {"kind": "NV12", "width": 33, "height": 33},
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("kind", "port"), PICTURES)
def test_a_picture_that_cannot_be_read_is_dropped_with_a_word(kind, port, bad):
    values = dict(BAD[bad])
    values.setdefault("kind", usual(kind, port).getType().name)
    others = [p for k, p in PICTURES if k == kind and p != port]
    if kind == "ObjectTracker":
        others.append("inputDetections")
    report = send(kind, port, lambda: picture(**values), others=others, count=3)
    said = [line for line in report["log"] if f"[{kind}(0)]" in line and "shaves" not in line]
    assert len(said) == (0 if (kind, port) in UNREAD and bad != "no size" else 1), said
    for line in said:
        assert "dropped" in line or "does not match NN" in line


@pytest.mark.parametrize("socket", [6, 77])
@pytest.mark.parametrize(
    ("kind", "port"),
    [
        ("ImageAlign", "input"),
        ("ImageAlign", "inputAlignTo"),
        ("PointCloud", "inputDepth"),
        ("SpatialLocationCalculator", "inputDepth"),
        ("StereoDepth", "left"),
    ],
)
def test_a_picture_of_a_camera_nobody_knows_is_dropped_with_a_word(kind, port, socket):
    def make():
        made = usual(kind, port)
        made.setInstanceNum(socket)
        return made

    others = [p for k, p in PICTURES if k == kind and p != port]
    said = send(kind, port, make, others=others, count=3)["log"]
    said = [line for line in said if "left and right" not in line]
    assert len(said) == 1, said
    assert f"camera {socket}, which the calibration lacks; the picture is dropped" in said[0]


def test_what_depthai_declares_covers_every_input_we_have():
    # Inputs that take anything are the network's, the Script's, XLinkOut's and those on demand.
    assert {kind for kind in NODES if not accepted_types(kind)} == {
        "DetectionNetwork",
        "IMU",
        "NeuralNetwork",
        "Script",
        "Sync",
        "SystemLogger",
        "UVC",
        "XLinkIn",
        "XLinkOut",
    }
    assert accepted_types("ObjectTracker")["inputDetections"] == {
        "ImgDetections",
        "SpatialImgDetections",
    }
    assert accepted_types("ToF")["inputConfig"] == {"ToFConfig"}
    every = {name for kind in NODES for names in accepted_types(kind).values() for name in names}
    assert all(hasattr(dai, name) for name in every)
