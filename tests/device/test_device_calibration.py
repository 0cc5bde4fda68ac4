"""What a device says of its cameras, and what its nodes make of it."""

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.boards import calibration, find_board
from oakwright.device.sources import SceneSource

LEFT, RIGHT = dai.CameraBoardSocket.CAM_B, dai.CameraBoardSocket.CAM_C


def focal_px(handler):
    return handler.getCameraIntrinsics(LEFT, 640, 400)[0][0]


def longer(handler, factor=2.0):
    """The same cameras with their left and right lens so many times as long."""
    for socket in (LEFT, RIGHT):
        matrix = np.array(handler.getCameraIntrinsics(socket, 1280, 800))
        matrix[:2, :2] *= factor
        handler.setCameraIntrinsics(socket, matrix.tolist(), 1280, 800)
    return handler


def depth_pipeline():
    pipeline = dai.Pipeline()
    stereo = pipeline.create(dai.node.StereoDepth)
    for socket, end in ((LEFT, stereo.left), (RIGHT, stereo.right)):
        camera = pipeline.create(dai.node.MonoCamera)
        camera.setBoardSocket(socket)
        camera.setResolution(dai.MonoCameraProperties.SensorResolution.THE_400_P)
        camera.out.link(end)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("depth")
    stereo.depth.link(link.input)
    return pipeline


def median_depth(pipeline):
    with VirtualOak(source=SceneSource(), deterministic=True), dai.Device(pipeline) as device:
        depth = device.getOutputQueue("depth").get().getFrame()
        return float(np.median(depth[depth > 0])), focal_px(device.getCalibration())


@pytest.mark.parametrize("read", ["readCalibration", "getCalibration", "readFactoryCalibration"])
def test_what_is_read_may_be_changed_without_effect(read):
    with VirtualOak(deterministic=True), dai.Device(dai.Pipeline()) as device:
        before = focal_px(getattr(device, read)())
        longer(getattr(device, read)())
        assert focal_px(getattr(device, read)()) == before


def test_what_was_set_does_not_follow_the_scripts_own_object():
    with VirtualOak(deterministic=True), dai.Device(dai.Pipeline()) as device:
        handler = longer(device.readCalibration())
        device.setCalibration(handler)
        was = focal_px(device.getCalibration())
        longer(handler)
        assert focal_px(device.getCalibration()) == was


def test_setting_lasts_as_long_as_it_runs_and_flashing_is_read_back():
    with VirtualOak(deterministic=True), dai.Device(dai.Pipeline()) as device:
        own = focal_px(device.readCalibration())
        device.setCalibration(longer(device.readCalibration()))
        assert focal_px(device.getCalibration()) == pytest.approx(2 * own)
        assert focal_px(device.readCalibration()) == own
        device.flashCalibration(longer(device.readCalibration(), 3.0))
        assert focal_px(device.readCalibration()) == pytest.approx(3 * own)
        assert focal_px(device.getCalibration()) == pytest.approx(3 * own)
        device.factoryResetCalibration()
        assert focal_px(device.getCalibration()) == own


def test_the_pipelines_calibration_takes_the_place_of_the_devices():
    plain, focal = median_depth(depth_pipeline())
    pipeline = depth_pipeline()
    pipeline.setCalibrationData(longer(calibration(find_board("OAK-D"))))
    far, longer_focal = median_depth(pipeline)
    assert longer_focal == pytest.approx(2 * focal)
    assert far == pytest.approx(2 * plain, rel=0.02)


def test_a_script_node_cannot_change_the_devices_calibration():
    pipeline = dai.Pipeline()
    script = pipeline.create(dai.node.Script)
    script.setScript("""
        handler = Device().readCalibration()
        handler.setFov(CameraBoardSocket.CAM_B, 10.0)
        view = Device().readCalibration().getFov(CameraBoardSocket.CAM_B, False)
        message = Buffer(1)
        message.setData([int(view)])
        node.io["out"].send(message)
    """)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("view")
    script.outputs["out"].link(link.input)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        view = int(device.getOutputQueue("view").get().getData()[0])
        assert view > 60
