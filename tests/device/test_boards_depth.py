"""Stereo depth on boards other than the OAK-D: true to the scene by sensors and baseline alone."""

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.boards import find_board
from oakwright.device.scene import CameraModel
from oakwright.device.sources import SceneSource
from tests.device.scene_pipelines import FPS, SCENE, errors_of, moment, stream

SIZE = (640, 400)
MONO = dai.MonoCameraProperties.SensorResolution.THE_400_P
COLOR = dai.ColorCameraProperties.SensorResolution.THE_1200_P
OWN = """
name: WIDE
baseline_cm: 12
cameras:
  - {socket: CAM_B, name: left, sensor: grey}
  - {socket: CAM_C, name: right, sensor: grey}
sensors:
  grey: {name: OV9282, width: 1280, height: 800, view_deg: 95,
         modes: [{width: 640, height: 400, fps: 60}]}
"""


def depth_of(board, is_color):
    pipeline = dai.Pipeline()
    stereo = pipeline.create(dai.node.StereoDepth)
    stereo.setSubpixel(True)
    stereo.setLeftRightCheck(True)
    for socket, port in ((1, stereo.left), (2, stereo.right)):
        if is_color:
            camera = pipeline.create(dai.node.ColorCamera)
            camera.setResolution(COLOR)
            camera.setIspScale(1, 3)
            output = camera.isp
        else:
            camera = pipeline.create(dai.node.MonoCamera)
            camera.setResolution(MONO)
            output = camera.out
        camera.setBoardSocket(dai.CameraBoardSocket(socket))
        camera.setFps(FPS)
        output.link(port)
    stream(pipeline, stereo.depth, "depth")
    with (
        VirtualOak(source=SceneSource(scene=SCENE), board=board, deterministic=True),
        dai.Device(pipeline) as device,
    ):
        message = device.getOutputQueue("depth").get()
    return message.getFrame().astype(float), moment(message)


@pytest.mark.parametrize("name", ["OAK-D-LITE", "OAK-D-LR", "own"])
def test_depth_is_the_scenes(name, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    words = str(path) if name == "own" else name
    board = find_board(words)
    right = board.named("right")
    depth, time_s = depth_of(words, right.sensor.is_color)
    model = CameraModel.with_view(
        *SIZE, right.sensor.horizontal_view_deg, (right.x_cm / 100, 0.0, 0.0)
    )
    truth = SCENE.render(model, time_s).depth_mm.astype(float)
    assert depth.shape == truth.shape
    errors, known = errors_of(depth, truth)
    assert np.median(errors) < 0.02
    assert known > 0.5
