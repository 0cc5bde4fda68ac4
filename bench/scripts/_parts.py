"""What the scripts of this folder share: links to the host, and reading from them."""

import sys
from pathlib import Path

import depthai as dai

# Where bench/device_determinism.py puts the networks: the first argument.
MODELS = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()


def stream(pipeline, output, name):
    """To the host."""
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)


def entry(pipeline, target, name):
    """From the host."""
    link = pipeline.create(dai.node.XLinkIn)
    link.setStreamName(name)
    link.out.link(target)


def color(pipeline, size=(300, 300)):
    """The colour camera, planar preview."""
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(*size)
    camera.setInterleaved(False)
    return camera


def mono(pipeline, name, fps=15):
    """One of the pair, 400 lines."""
    camera = pipeline.create(dai.node.MonoCamera)
    camera.setCamera(name)
    camera.setResolution(dai.MonoCameraProperties.SensorResolution.THE_400_P)
    camera.setFps(fps)
    return camera


def stereo(pipeline, fps=15):
    """StereoDepth on both cameras of the pair."""
    depth = pipeline.create(dai.node.StereoDepth)
    mono(pipeline, "left", fps).out.link(depth.left)
    mono(pipeline, "right", fps).out.link(depth.right)
    return depth


def yolo(node):
    """What a Yolo node or parser must know of the network."""
    node.setConfidenceThreshold(0.3)
    node.setNumClasses(80)
    node.setCoordinateSize(4)
    node.setAnchors([10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319])
    node.setAnchorMasks({"side26": [1, 2, 3], "side13": [3, 4, 5]})
    node.setIouThreshold(0.5)


def read(pipeline, *names):
    """Take from all streams in turn until the run ends."""
    with dai.Device(pipeline) as device:
        queues = [device.getOutputQueue(name, 8, False) for name in names]
        while True:
            for queue in queues:
                queue.get()
