"""Whole pipelines through dai.Device: deterministic, real time, stuck."""

import datetime
import time
from pathlib import Path

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.errors import Deadlock, PipelineError, UsageError

pytestmark = pytest.mark.real_time

BLUR = Path(__file__).parents[1] / "corpus" / "blobs" / "blur--1.blob"


def camera(pipeline, size=(100, 100)):
    node = pipeline.create(dai.node.ColorCamera)
    node.setPreviewSize(*size)
    node.setInterleaved(False)
    return node


def stream(pipeline, output, name):
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)
    return link


def blur_pipeline():
    pipeline = dai.Pipeline()
    source, network = camera(pipeline), pipeline.create(dai.node.NeuralNetwork)
    network.setBlobPath(BLUR)
    source.preview.link(network.input)
    stream(pipeline, network.out, "nn")
    stream(pipeline, network.passthrough, "rgb")
    return pipeline


def take(device, *names, count=10**9):
    queues = [device.getOutputQueue(name, 4, False) for name in names]
    rows = []
    while len(rows) < count:
        rows.append([queue.get() for queue in queues])
    return rows


def test_camera_to_network_to_host_computes_what_the_blob_does():
    with VirtualOak(deterministic=True), dai.Device(blur_pipeline()) as device:
        for tensors, frame in take(device, "nn", "rgb", count=3):
            assert type(tensors) is dai.NNData
            assert tensors.getSequenceNum() == frame.getSequenceNum()
            blurred = np.array(tensors.getFirstLayerFp16()).reshape(3, 100, 100)
            sharp = frame.getCvFrame().transpose(2, 0, 1).astype(float)
            # Far from the edges a blur keeps the mean and takes away contrast.
            assert blurred.std() < sharp.std()
            assert blurred[:, 20:80, 20:80].mean() == pytest.approx(
                sharp[:, 20:80, 20:80].mean(), rel=0.05
            )


def test_deterministic_runs_are_the_same_bits():
    def run():
        with (
            VirtualOak(deterministic=True, frames=20) as oak,
            dai.Device(blur_pipeline()) as device,
        ):
            take(device, "nn", "rgb")
        return oak.digest, oak.report()["streams"]

    first = run()
    assert first == run() == run()
    assert first[0] is not None
    assert first[1]["rgb"]["taken"] == 20


def test_another_source_is_another_digest():
    digests = set()
    for value in (10, 11):
        with VirtualOak(np.full((50, 80, 3), value, np.uint8), deterministic=True, frames=3) as oak:
            pipeline = dai.Pipeline()
            stream(pipeline, camera(pipeline).preview, "rgb")
            with dai.Device(pipeline) as device:
                take(device, "rgb")
        digests.add(oak.digest)
    assert len(digests) == 2


def test_one_clock_for_all_cameras_and_numbers_for_all_frames():
    pipeline = dai.Pipeline()
    for name in ("left", "right"):
        mono = pipeline.create(dai.node.MonoCamera)
        mono.setCamera(name)
        mono.setFps(20)
        stream(pipeline, mono.out, name)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        rows = take(device, "left", "right", count=5)
    assert [left.getSequenceNum() for left, _ in rows] == [0, 1, 2, 3, 4]
    for left, right in rows:
        assert left.getTimestamp() == right.getTimestamp()
        assert (left.getInstanceNum(), right.getInstanceNum()) == (1, 2)
        assert left.getCvFrame().shape == (720, 1280)
    step = rows[1][0].getTimestamp() - rows[0][0].getTimestamp()
    assert step == datetime.timedelta(milliseconds=50)


def test_cameras_without_a_socket_take_those_nobody_has():
    pipeline = dai.Pipeline()
    for name in ("first", "second"):
        stream(pipeline, pipeline.create(dai.node.MonoCamera).out, name)
    stream(pipeline, camera(pipeline).preview, "color")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        ((*frames,),) = take(device, "first", "second", "color", count=1)
    assert [frame.getInstanceNum() for frame in frames] == [1, 2, 0]


def test_a_loop_that_only_asks_whether_the_device_is_closed_sees_time_pass():
    pipeline = dai.Pipeline()
    stream(pipeline, camera(pipeline).preview, "rgb")
    with VirtualOak(deterministic=True, seconds=0.5) as oak, dai.Device(pipeline) as device:
        while not device.isClosed():
            pass
    assert oak.report()["streams"]["rgb"]["arrived"] >= 14


def test_a_deadlock_says_who_waits_for_whom():
    # The network waits for a second input that nobody feeds; the camera fills its queue.
    pipeline = blur_pipeline()
    network = next(n for n in pipeline.getAllNodes() if isinstance(n, dai.node.NeuralNetwork))
    silent = pipeline.create(dai.node.XLinkIn)
    silent.setStreamName("never")
    silent.out.link(network.inputs["second"])
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("nn")
        with pytest.raises(Deadlock) as caught:
            queue.get()
    text = str(caught.value)
    assert text.startswith("nobody can go on")
    assert "host waits for a message in host queue 'nn' (0 of 16, blocking)" in text
    assert (
        "NeuralNetwork(1) waits for a message in input 'inputs/second' of NeuralNetwork(1)" in text
    )
    assert "ColorCamera(0) waits for room in input 'in' of NeuralNetwork(1) (5 of 5" in text


def test_a_blocking_stream_nobody_reads_stops_the_camera_and_starves_the_other():
    pipeline = dai.Pipeline()
    source = camera(pipeline)
    stream(pipeline, source.preview, "read")
    stream(pipeline, source.preview, "unread")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("read")
        # 16 at the host, one in XLinkOut's hands, 8 in its input, then the camera is held.
        with pytest.raises(Deadlock, match="room in host queue 'unread'"):
            [queue.get() for _ in range(100)]


def test_an_overwriting_stream_nobody_reads_holds_nobody_up():
    pipeline = dai.Pipeline()
    source = camera(pipeline)
    stream(pipeline, source.preview, "read")
    stream(pipeline, source.preview, "unread")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        unread = device.getOutputQueue("unread", maxSize=2, blocking=False)
        take(device, "read", count=60)
        assert [m.getSequenceNum() for m in unread.tryGetAll()] == [58, 59]


def test_drawing_on_a_frame_spoils_nobody_elses():
    pipeline = dai.Pipeline()
    source = camera(pipeline)
    for name in ("a", "b"):
        stream(pipeline, source.preview, name)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        ((first, second),) = take(device, "a", "b", count=1)
        kept = second.getFrame().copy()
        first.getData()[:] = 0
        assert np.array_equal(second.getFrame(), kept)
        assert kept.any()


def test_callbacks_take_nothing_the_message_or_name_and_message():
    pipeline = dai.Pipeline()
    stream(pipeline, camera(pipeline).preview, "rgb")
    seen = []
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("rgb", 4, False)
        queue.addCallback(lambda: seen.append("nothing"))
        queue.addCallback(lambda message: seen.append(type(message)))
        number = queue.addCallback(lambda name, message: seen.append(name))
        queue.get()
        time.sleep(0.001)
        assert seen == ["nothing", dai.ImgFrame, "rgb"]
        assert queue.removeCallback(number)
        assert not queue.removeCallback(number)


def test_queue_events_come_in_the_order_of_arrival_and_time_out():
    pipeline = dai.Pipeline()
    source = camera(pipeline)
    stream(pipeline, source.preview, "slow").setFpsLimit(10)
    stream(pipeline, source.preview, "fast")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        for name in ("fast", "slow"):
            device.getOutputQueue(name, 4, False)
        names = [device.getQueueEvent(("fast", "slow")) for _ in range(9)]
        assert names.count("fast") > names.count("slow") > 0
        device.getOutputQueue("slow").get()
        started = time.monotonic()
        assert device.getQueueEvents("slow", timeout=datetime.timedelta(milliseconds=20)) in (
            [],
            ["slow"],
        )
        assert time.monotonic() - started < 0.1
        with pytest.raises(RuntimeError, match="'other' doesn't exist"):
            device.getQueueEvents("other")


def test_after_closing_everything_raises_with_the_word_scripts_look_for():
    pipeline = dai.Pipeline()
    stream(pipeline, camera(pipeline).preview, "rgb")
    entry = pipeline.create(dai.node.XLinkIn)
    entry.setStreamName("in")
    with VirtualOak(deterministic=True):
        device = dai.Device(pipeline)
        queue, sender = device.getOutputQueue("rgb"), device.getInputQueue("in")
        device.close()
        assert device.isClosed()
        assert queue.isClosed()
        for use in (queue.get, queue.tryGet, queue.has, queue.getAll, device.readCalibration):
            with pytest.raises(RuntimeError, match="X_LINK_ERROR"):
                use()
        with pytest.raises(RuntimeError, match="X_LINK_ERROR"):
            sender.send(dai.Buffer())


def test_what_the_host_sends_is_copied_and_its_size_checked():
    pipeline = dai.Pipeline()
    entry = pipeline.create(dai.node.XLinkIn)
    entry.setStreamName("in")
    entry.setMaxDataSize(100)
    stream(pipeline, entry.out, "out")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        sender, queue = device.getInputQueue("in"), device.getOutputQueue("out")
        message = dai.ImgFrame()
        message.setData(np.arange(100, dtype=np.uint8))
        message.setSequenceNum(41)
        sender.send(message)
        message.getData()[:] = 0
        got = queue.get()
        assert got.getSequenceNum() == 41
        assert np.array_equal(got.getData(), np.arange(100))
        message.setData(np.zeros(101, np.uint8))
        with pytest.raises(RuntimeError, match="maxDataSize"):
            sender.send(message)


def test_pictures_of_the_wrong_size_are_dropped_with_one_word(capfd):
    pipeline = blur_pipeline()
    source = next(n for n in pipeline.getAllNodes() if isinstance(n, dai.node.ColorCamera))
    source.setPreviewSize(120, 100)
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        lines = []
        device.addLogCallback(lambda line: lines.append(line.payload))
        queue = device.getOutputQueue("nn", 4, False)
        time.sleep(0.5)
        assert queue.tryGet() is None
    said = [line for line in lines if "does not match" in line]
    assert len(said) == 1, "one for all 15 of them"
    assert said[0].startswith("Input image (120x100) does not match NN (100x100): dropped")
    assert "[NeuralNetwork(1)] [warning] Input image" in capfd.readouterr().err
    assert oak.report()["failure"] is None


def test_too_few_bytes_and_interleaved_frames_are_said_once_in_the_firmwares_words():
    pipeline = dai.Pipeline()
    entry, network = pipeline.create(dai.node.XLinkIn), pipeline.create(dai.node.NeuralNetwork)
    entry.setStreamName("in")
    network.setBlobPath(BLUR)
    entry.out.link(network.input)
    stream(pipeline, network.out, "nn")
    short, frame = dai.Buffer(), dai.ImgFrame()
    short.setData(np.zeros(7, np.uint8))
    frame.setType(dai.ImgFrame.Type.BGR888i)
    frame.setWidth(100)
    frame.setHeight(100)
    frame.setData(np.zeros(30000, np.uint8))
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        for message in (short, short, frame, frame):
            device.getInputQueue("in").send(message)
        queue = device.getOutputQueue("nn")
        results = [queue.get() for _ in range(2)]
        assert len(results) == 2, "interleaved ones are computed, as on the chip"
    log = [line for line in oak.report()["devices"][0]["log"] if "Input" in line]
    assert len(log) == 2
    assert "(0) exceeds available data range. Data size (7B), tensor offset (0), size (" in log[0]
    assert " - skipping inference" in log[0]
    assert "Input image is interleaved (HWC), NN specifies planar (CHW) data order" in log[1]


def test_real_time_runs_at_the_cameras_rate():
    pipeline = dai.Pipeline()
    source = camera(pipeline)
    source.setFps(50)
    stream(pipeline, source.preview, "rgb")
    with VirtualOak() as oak, dai.Device(pipeline) as device:
        rows = take(device, "rgb", count=40)
        latency = (dai.Clock.now() - rows[-1][0].getTimestamp()).total_seconds()
    assert 30 < oak.report()["streams"]["rgb"]["fps"] < 60
    assert 0 <= latency < 0.5


def test_the_real_device_is_back_afterwards():
    real, real_sleep, real_clock = dai.Device, time.sleep, dai.Clock
    with VirtualOak(deterministic=True):
        assert dai.Device is not real
        with pytest.raises(UsageError, match="already"):
            VirtualOak().__enter__()
    assert (dai.Device, time.sleep, dai.Clock) == (real, real_sleep, real_clock)


def test_an_error_inside_the_block_comes_out_and_cleans_up():
    real = dai.Device

    def break_down():
        with VirtualOak(deterministic=True):
            dai.Device(blur_pipeline()).getOutputQueue("nn").get()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_down()
    assert dai.Device is real


def test_every_method_of_the_real_device_and_queues_is_there():
    from oakwright.device.discovery import make_device_class
    from oakwright.device.queue_host import HostInput, HostOutput

    for real, ours in (
        (dai.Device, make_device_class(None)),
        (dai.DataOutputQueue, HostOutput),
        (dai.DataInputQueue, HostInput),
    ):
        missing = {n for n in dir(real) if not n.startswith("_")} - set(dir(ours))
        assert not missing, (real, missing)


@pytest.mark.parametrize(
    "arguments",
    [
        lambda p, i: (p,),
        lambda p, i: (p, True),
        lambda p, i: (p, dai.UsbSpeed.HIGH),
        lambda p, i: (p, i),
        lambda p, i: (p, i, dai.UsbSpeed.SUPER),
    ],
)
def test_constructor_forms_with_a_pipeline(arguments):
    with VirtualOak(deterministic=True):
        info = dai.Device.getAllAvailableDevices()[0]
        with dai.Device(*arguments(blur_pipeline(), info)) as device:
            assert device.isPipelineRunning()
            assert device.getMxId() == info.mxid
            assert device.getOutputQueueNames() == ["nn", "rgb"]


@pytest.mark.parametrize(
    "arguments",
    [
        lambda i: (),
        lambda i: (dai.OpenVINO.VERSION_2022_1,),
        lambda i: (dai.OpenVINO.VERSION_2022_1, i),
        lambda i: (i,),
        lambda i: (i.mxid,),
        lambda i: (dai.Device.Config(), i),
    ],
)
def test_constructor_forms_before_a_pipeline(arguments):
    with VirtualOak(deterministic=True):
        info = dai.Device.getAllAvailableDevices()[0]
        with dai.Device(*arguments(info)) as device:
            assert [c.name for c in device.getConnectedCameraFeatures()] == [
                "color",
                "left",
                "right",
            ]
            device.startPipeline(blur_pipeline())
            assert device.getOutputQueue("nn").get().getFirstLayerFp16()
            with pytest.raises(RuntimeError, match="already running"):
                device.startPipeline(blur_pipeline())


def test_a_pipeline_with_a_nameless_stream_is_refused():
    pipeline = dai.Pipeline()
    camera(pipeline).preview.link(pipeline.create(dai.node.XLinkOut).input)
    with VirtualOak(deterministic=True), pytest.raises(PipelineError, match="no stream name"):
        dai.Device(pipeline)
