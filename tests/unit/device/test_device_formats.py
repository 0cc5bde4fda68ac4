"""Pixel formats against the real ImgFrame.getCvFrame, and camera sizes against the real getters."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device.blocks.formats import Frame, decode, encode, frame_bytes
from oakwright.device.boards import BOARDS, COLOR_RESOLUTIONS, MONO_RESOLUTIONS, calibration
from oakwright.device.message import copy_message, frame_of, image_message, stamp
from oakwright.device.nodes.color_camera import isp_size, still_size, video_size
from oakwright.device.schema import read_pipeline

# format -> largest difference of a smooth picture after a round trip (chroma is halved in YUV)
ROUND_TRIPS = {
    "BGR888i": 0,
    "RGB888i": 0,
    "BGR888p": 0,
    "RGB888p": 0,
    "BGRF16F16F16i": 0,
    "RGBF16F16F16i": 0,
    "BGRF16F16F16p": 0,
    "RGBF16F16F16p": 0,
    "NV12": 12,
    "NV21": 12,
    "YUV420p": 12,
}


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(3)
    coarse = rng.integers(80, 170, (3, 4, 3), dtype=np.uint8)
    return cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_what_is_encoded_can_be_read_here_and_by_the_host(name, picture):
    frame = encode(picture, name)
    assert len(frame.data) == frame_bytes(name, 64, 48)
    assert np.abs(decode(frame).astype(int) - picture).max() <= ROUND_TRIPS[name]
    if "F16" not in name:
        seen = image_message(frame, socket=0).getCvFrame()
        assert np.abs(seen.astype(int) - picture).max() <= ROUND_TRIPS[name]


@pytest.mark.parametrize("name", ["GRAY8", "RAW8"])
def test_grey_frames_are_read_by_the_host(name, picture):
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    assert np.array_equal(image_message(encode(grey, name), socket=1).getCvFrame(), grey)
    assert np.array_equal(decode(encode(picture, name)), grey)


def test_depth_keeps_its_sixteen_bits():
    depth = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 7
    frame = encode(depth, "RAW16")
    assert np.array_equal(image_message(frame, socket=1).getCvFrame(), depth)
    assert np.array_equal(decode(frame), depth)


def test_a_frame_with_too_few_bytes_is_refused():
    with pytest.raises(ValueError, match="has 12 bytes, this one 11"):
        decode(Frame("BGR888i", 2, 2, np.zeros(11, np.uint8)))


def test_a_copy_is_the_same_and_its_own(picture):
    message = stamp(image_message(encode(picture, "BGR888i"), socket=2), 12.5, 7)
    copy = copy_message(message)
    assert type(copy) is dai.ImgFrame
    assert copy.getInstanceNum() == 2
    assert copy.getSequenceNum() == 7
    assert copy.getTimestamp() == message.getTimestamp()
    copy.getCvFrame()[:] = 0
    assert np.array_equal(message.getCvFrame(), picture)
    assert frame_of(copy).type == "BGR888i"


@pytest.mark.parametrize("scale", [None, (1, 2), (2, 3), (1, 3), (5, 13)])
@pytest.mark.parametrize(
    "name", ["THE_1080_P", "THE_4_K", "THE_12_MP", "THE_13_MP", "THE_1200_P", "THE_5_MP"]
)
def test_color_camera_sizes_are_those_of_the_api(name, scale):
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setResolution(getattr(dai.ColorCameraProperties.SensorResolution, name))
    if scale:
        camera.setIspScale(*scale)
    record = read_pipeline(pipeline).nodes[0]
    sensor = COLOR_RESOLUTIONS[record.properties["resolution"]]
    assert sensor == tuple(camera.getResolutionSize())
    assert isp_size(sensor, record.properties) == tuple(camera.getIspSize())
    assert video_size(sensor, record.properties) == tuple(camera.getVideoSize())
    assert still_size(sensor, record.properties) == tuple(camera.getStillSize())


def test_mono_sizes_are_those_of_the_api():
    for value, size in MONO_RESOLUTIONS.items():
        camera = dai.Pipeline().create(dai.node.MonoCamera)
        camera.setResolution(dai.MonoCameraProperties.SensorResolution(value))
        assert size == tuple(camera.getResolutionSize())


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.product)
def test_a_boards_calibration_answers_as_the_board_is(board):
    handler = calibration(board)
    for camera in board.cameras:
        socket = dai.CameraBoardSocket(camera.socket)
        matrix = handler.getCameraIntrinsics(socket, camera.sensor.width, camera.sensor.height)
        assert matrix[0][0] == pytest.approx(camera.sensor.focal_px, rel=1e-4)
        assert handler.getFov(socket) == pytest.approx(camera.sensor.horizontal_view_deg, abs=0.1)
    left, right = board.named("left"), board.named("right")
    if left and right:
        sockets = [dai.CameraBoardSocket(c.socket) for c in (left, right)]
        assert handler.getBaselineDistance(*sockets) == pytest.approx(
            abs(left.x_cm - right.x_cm), abs=1e-4
        )
    text = handler.eepromToJson()
    assert text["productName"] == board.product
