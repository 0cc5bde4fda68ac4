"""Pipelines on the made-up scene and what its truth says, for stereo and spatial tests."""

import depthai as dai
import numpy as np

from oakwright.device import VirtualOak
from oakwright.device.boards import find_board
from oakwright.device.scene import CameraModel, Scene
from oakwright.device.sources import SceneSource
from oakwright.device.sources.scene import camera_model

BOARD = find_board("OAK-D")
COLOR, LEFT, RIGHT = (dai.CameraBoardSocket(n) for n in range(3))
P400, P800 = (
    dai.MonoCameraProperties.SensorResolution.THE_400_P,
    dai.MonoCameraProperties.SensorResolution.THE_800_P,
)
SIZES = {P400: (640, 400), P800: (1280, 800)}
FPS = 10
ALIGN = dai.StereoDepthConfig.AlgorithmControl.DepthAlign
SCENE = Scene(0)


def mono_model(resolution, x_m=0.0375):
    return CameraModel.with_view(*SIZES[resolution], 72.0, (x_m, 0.0, 0.0))


def color_model(width, height):
    """The colour camera cut to a wide aspect: its focal length goes with the width."""
    whole = camera_model(BOARD.named("color"))
    focal = whole.fx * width / whole.width
    return CameraModel(width, height, focal, focal, width / 2, height / 2)


def stereo_pipeline(configure=lambda stereo: None, resolution=P400):
    pipeline = dai.Pipeline()
    stereo = pipeline.create(dai.node.StereoDepth)
    for socket, entry in ((LEFT, stereo.left), (RIGHT, stereo.right)):
        camera = pipeline.create(dai.node.MonoCamera)
        camera.setBoardSocket(socket)
        camera.setResolution(resolution)
        camera.setFps(FPS)
        camera.out.link(entry)
    configure(stereo)
    return pipeline, stereo


def stream(pipeline, output, name):
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)


def entry(pipeline, target, name):
    link = pipeline.create(dai.node.XLinkIn)
    link.setStreamName(name)
    link.out.link(target)


def collect(pipeline, names, count=2, source=None, log=None):
    """The last of ``count`` messages of every stream."""
    source = source or SceneSource(scene=SCENE)
    with VirtualOak(source=source, deterministic=True) as oak, dai.Device(pipeline) as device:
        if log is not None:
            device.addLogCallback(lambda line: log.append(line.payload))
        queues = {name: device.getOutputQueue(name, 4, True) for name in names}
        for _ in range(count):
            messages = {name: queue.get() for name, queue in queues.items()}
    return messages, oak


def moment(message):
    return message.getSequenceNum() / FPS


def errors_of(depth, truth):
    """Relative errors of what is known, from 1 to 5 m; and which share is known."""
    there = (truth >= 1000) & (truth <= 5000)
    known = there & (depth > 0)
    return np.abs(depth[known] / truth[known] - 1), known.sum() / there.sum()
