"""A thermal camera: warmth in degrees, and the same as another camera sees it."""

import cv2
import depthai as dai
import numpy as np

from oakwright.device import VirtualOak
from oakwright.device.boards import find_board
from oakwright.device.sources import SceneSource
from oakwright.device.sources.scene import camera_model
from tests.device.scene_pipelines import SCENE, stream

BOARD = "OAK-T"


def test_raw_pictures_are_degrees_and_stay_so_when_aligned():
    pipeline = dai.Pipeline()
    camera, color = pipeline.create(dai.node.Camera), pipeline.create(dai.node.ColorCamera)
    align = pipeline.create(dai.node.ImageAlign)
    color.setIspScale(1, 3)
    camera.setFps(25)
    color.setFps(25)
    camera.setPreviewSize(256, 192)
    camera.raw.link(align.input)
    color.isp.link(align.inputAlignTo)
    for name, output in (
        ("raw", camera.raw),
        ("preview", camera.preview),
        ("aligned", align.outputAligned),
    ):
        stream(pipeline, output, name)
    with (
        VirtualOak(source=SceneSource(scene=SCENE), board=BOARD, deterministic=True) as oak,
        dai.Device() as device,
    ):
        found = [
            f
            for f in device.getConnectedCameraFeatures()
            if dai.CameraSensorType.THERMAL in f.supportedTypes
        ]
        assert [(f.name, f.width, f.height) for f in found] == [("thermal", 256, 192)]
        camera.setBoardSocket(found[0].socket)
        device.startPipeline(pipeline)
        raw, preview, aligned = (
            device.getOutputQueue(name).get() for name in ("raw", "preview", "aligned")
        )
    assert not oak.report()["devices"][0]["log"]
    picture = SCENE.picture(camera_model(find_board(BOARD).named("thermal")), 0)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    assert raw.getType() == dai.ImgFrame.Type.GRAYF16
    degrees = raw.getFrame().astype(np.float32)
    assert np.abs(degrees - (16 + grey / 255 * 24)).max() < 0.02
    assert preview.getCvFrame().shape == (192, 256, 3)
    assert aligned.getType() == dai.ImgFrame.Type.GRAYF16
    assert (aligned.getWidth(), aligned.getHeight()) == (640, 360)
    inside = aligned.getFrame().astype(np.float32)[120:240, 240:400]
    assert inside.min() >= 16
    assert inside.max() <= 40
    assert (inside % 1 > 0).mean() > 0.9
