"""Nodes of few lines, against OpenCV and plain arithmetic."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright import VirtualOak
from oakwright.device.blocks.edges import edges
from oakwright.device.nodes.cast import cast
from oakwright.errors import PipelineError

RNG = np.random.default_rng(5)
GREY = cv2.resize(RNG.integers(0, 256, (20, 32), np.uint8), (640, 400))
COLOR = cv2.resize(RNG.integers(0, 256, (27, 48, 3), np.uint8), (1920, 1080))


def first_of(pipeline, stream, source):
    with VirtualOak(source=source, deterministic=True, seconds=5), dai.Device(pipeline) as device:
        return device.getOutputQueue(stream).get()


def mono(pipeline):
    camera = pipeline.create(dai.node.MonoCamera)
    camera.setResolution(dai.MonoCameraProperties.SensorResolution.THE_400_P)
    camera.setBoardSocket(dai.CameraBoardSocket.CAM_B)
    return camera


def linked(pipeline, output, stream="out"):
    out = pipeline.create(dai.node.XLinkOut)
    out.setStreamName(stream)
    output.link(out.input)


# -- EdgeDetector


def test_edges_are_the_length_of_the_gradient():
    wide = cv2.copyMakeBorder(GREY, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    x = cv2.Sobel(wide, cv2.CV_64F, 1, 0)[1:-1, 1:-1]
    y = cv2.Sobel(wide, cv2.CV_64F, 0, 1)[1:-1, 1:-1]
    assert np.abs(edges(GREY) - np.clip(np.hypot(x, y), 0, 255)).max() <= 0.51


def test_an_edge_detector_takes_other_kernels_from_the_host():
    pipeline = dai.Pipeline()
    detector = pipeline.create(dai.node.EdgeDetector)
    mono(pipeline).out.link(detector.inputImage)
    config = pipeline.create(dai.node.XLinkIn)
    config.setStreamName("config")
    config.out.link(detector.inputConfig)
    linked(pipeline, detector.outputImage)
    told = dai.EdgeDetectorConfig()
    none, across = [[0] * 3] * 3, [[0, 0, 0], [-1, 0, 1], [0, 0, 0]]
    told.setSobelFilterKernels(across, none)
    with VirtualOak(source=GREY, deterministic=True, seconds=5), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("out")
        before = queue.get()
        device.getInputQueue("config").send(told)
        after = [queue.get() for _ in range(20)][-1]
    assert before.getType() == dai.ImgFrame.Type.GRAY8
    grey = before.getCvFrame()
    assert grey.shape == (400, 640)
    assert grey.mean() > after.getCvFrame().mean() > 0


# -- VideoEncoder


def encoder(pipeline, profile=dai.VideoEncoderProperties.Profile.MJPEG):
    made = pipeline.create(dai.node.VideoEncoder)
    made.setDefaultProfilePreset(30, profile)
    return made


@pytest.mark.parametrize("output", ["bitstream", "out"])
def test_a_jpeg_holds_the_picture(output):
    pipeline = dai.Pipeline()
    camera, made = pipeline.create(dai.node.ColorCamera), encoder(pipeline)
    camera.video.link(made.input)
    linked(pipeline, getattr(made, output))
    message = first_of(pipeline, "out", COLOR)
    assert type(message) is (dai.ImgFrame if output == "bitstream" else dai.EncodedFrame)
    assert (message.getWidth(), message.getHeight()) == (1920, 1080)
    if output == "out":
        assert message.getProfile() == dai.EncodedFrame.Profile.JPEG
    data = np.asarray(message.getData(), np.uint8)
    seen = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert cv2.PSNR(seen, COLOR) > 28
    assert len(data) < COLOR.size / 8


def test_a_better_quality_takes_more_bytes():
    sizes = []
    for quality in (50, 95):
        pipeline = dai.Pipeline()
        made = encoder(pipeline)
        made.setQuality(quality)
        mono(pipeline).out.link(made.input)
        linked(pipeline, made.bitstream)
        sizes.append(len(first_of(pipeline, "out", GREY).getData()))
    assert sizes[1] > sizes[0] * 1.5


# -- Warp


def test_a_mesh_that_turns_the_picture_round():
    pipeline = dai.Pipeline()
    camera = mono(pipeline)
    warp = pipeline.create(dai.node.Warp)
    corners = [(639, 399), (0, 399), (639, 0), (0, 0)]
    warp.setWarpMesh([dai.Point2f(*corner) for corner in corners], 2, 2)
    camera.out.link(warp.inputImage)
    linked(pipeline, warp.out)
    turned = first_of(pipeline, "out", GREY).getCvFrame()
    plain = dai.Pipeline()
    linked(plain, mono(plain).out)
    assert cv2.PSNR(turned, first_of(plain, "out", GREY).getCvFrame()[::-1, ::-1]) > 40


def test_a_warp_has_a_size_of_its_own():
    pipeline = dai.Pipeline()
    warp = pipeline.create(dai.node.Warp)
    mesh = [(0, 0), (320, 0), (639, 0), (0, 399), (320, 399), (639, 399)]
    warp.setWarpMesh(mesh, 3, 2)
    warp.setOutputSize(320, 100)
    mono(pipeline).out.link(warp.inputImage)
    linked(pipeline, warp.out)
    message = first_of(pipeline, "out", GREY)
    assert (message.getWidth(), message.getHeight()) == (320, 100)


def test_a_warp_without_a_mesh_is_refused():
    pipeline = dai.Pipeline()
    mono(pipeline).out.link(pipeline.create(dai.node.Warp).inputImage)
    with VirtualOak(source=GREY), pytest.raises(PipelineError, match="call setWarpMesh"):
        dai.Device(pipeline)


# -- Cast

PLANES = np.array([[[-3.0, 0.4], [0.6, 300.0]], [[1, 2], [3, 4]], [[5, 6], [7, 8]]])


def test_values_are_rounded_and_held_to_8_bits():
    frame = cast(PLANES[:1], "GRAY8")
    assert frame.data.tolist() == [0, 0, 1, 255]


def test_scale_and_offset():
    assert cast(PLANES[1:2], "GRAY8", (10, 5)).data.tolist() == [15, 25, 35, 45]


def test_planes_are_interleaved_where_the_type_says_so():
    assert cast(PLANES, "BGR888i").data.tolist()[3:6] == [0, 2, 6]
    assert cast(PLANES, "BGR888p").data.tolist()[4:8] == [1, 2, 3, 4]
    assert cast(PLANES, "BGRF16F16F16p").data.view("<f2")[0] == -3


def test_a_picture_of_floats_is_cast():
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setFp16(True)
    camera.setPreviewSize(64, 32)
    camera.setInterleaved(False)
    node = pipeline.create(dai.node.Cast)
    node.setOutputFrameType(dai.RawImgFrame.Type.BGR888p)
    camera.preview.link(node.input)
    linked(pipeline, node.output)
    linked(pipeline, camera.preview, "preview")
    with VirtualOak(source=COLOR, deterministic=True, seconds=5), dai.Device(pipeline) as device:
        made = device.getOutputQueue("out").get()
        given = device.getOutputQueue("preview").get()
    assert np.array_equal(
        made.getData(), np.rint(np.asarray(given.getData()).view("<f2")).astype(np.uint8)
    )


# -- SystemLogger


def test_vitals_come_at_their_rate():
    pipeline = dai.Pipeline()
    logger = pipeline.create(dai.node.SystemLogger)
    logger.setRate(4)
    linked(pipeline, logger.out)
    with VirtualOak(deterministic=True, seconds=5), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("out")
        messages = [queue.get() for _ in range(4)]
        total = device.getDdrMemoryUsage().total
    times = [message.getTimestamp().total_seconds() for message in messages]
    assert np.diff(times) == pytest.approx([0.25] * 3, abs=1e-3)
    assert messages[0].ddrMemoryUsage.total == total > 0
    assert messages[0].chipTemperature.average > 20


# -- IMU


def imu(pipeline, *sensors, batch=1):
    node = pipeline.create(dai.node.IMU)
    for sensor, rate in sensors:
        node.enableIMUSensor(sensor, rate)
    node.setBatchReportThreshold(batch)
    node.setMaxBatchReports(20)
    linked(pipeline, node.out)
    return node


def test_a_camera_that_stands_still_feels_its_weight():
    pipeline = dai.Pipeline()
    imu(pipeline, (dai.IMUSensor.ACCELEROMETER_RAW, 200), (dai.IMUSensor.GYROSCOPE_RAW, 100))
    with VirtualOak(deterministic=True, seconds=5), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("out", 50)
        messages = [queue.get() for _ in range(40)]
    packets = [packet for message in messages for packet in message.packets]
    for packet in packets:
        felt, turn = packet.acceleroMeter, packet.gyroscope
        assert np.hypot(np.hypot(felt.x, felt.y), felt.z) == pytest.approx(9.81, abs=0.01)
        assert (turn.x, turn.y, turn.z) == (0, 0, 0)
    times = [packet.acceleroMeter.getTimestamp().total_seconds() for packet in packets]
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, 1 / 200), abs=2e-6)
    numbers = [packet.gyroscope.sequence for packet in packets]
    assert np.diff(numbers).sum() == pytest.approx(len(packets) / 2, abs=1)


def test_reports_come_in_batches():
    pipeline = dai.Pipeline()
    imu(pipeline, (dai.IMUSensor.ROTATION_VECTOR, 100), batch=10)
    message = first_of(pipeline, "out", "pattern")
    assert [packet.rotationVector.real for packet in message.packets] == [1] * 10
    assert message.packets[-1].rotationVector.getTimestamp() == message.getTimestamp()


def test_a_board_without_an_imu_says_so():
    pipeline = dai.Pipeline()
    imu(pipeline, (dai.IMUSensor.GYROSCOPE_RAW, 100))
    with (
        VirtualOak(board="OAK-1", deterministic=True, seconds=1) as oak,
        dai.Device(pipeline) as device,
    ):
        assert device.getOutputQueue("out").tryGet() is None
        assert "no IMU" in str(oak.report()["devices"][0]["log"])


# -- discovery


def test_a_camera_can_be_sent_into_its_bootloader():
    with VirtualOak(deterministic=True):
        (info,) = dai.Device.getAllAvailableDevices()
        assert dai.XLinkConnection.bootBootloader(info).mxid == info.mxid
        dai.Device(info).close()
