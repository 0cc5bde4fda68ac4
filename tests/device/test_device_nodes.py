"""Nodes in pipelines: scripts, manip, sync, and a two-stage application."""

import json
import time
from pathlib import Path

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.errors import NodeError

pytestmark = pytest.mark.real_time

BLOBS = Path(__file__).parents[1] / "corpus" / "blobs"


def stream(pipeline, output, name):
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)


def entry(pipeline, target, name="in"):
    link = pipeline.create(dai.node.XLinkIn)
    link.setStreamName(name)
    link.out.link(target)


def picture_message(pixels, kind=dai.ImgFrame.Type.BGR888i, number=0):
    message = dai.ImgFrame()
    message.setType(kind)
    message.setWidth(pixels.shape[1])
    message.setHeight(pixels.shape[0])
    message.setData(np.ascontiguousarray(pixels).reshape(-1))
    message.setSequenceNum(number)
    return message


def ramp(width=120, height=80):
    x = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    y = np.linspace(0, 255, height, dtype=np.uint8)[:, None, None]
    return np.concatenate(
        [
            np.broadcast_to(x, (height, width, 1)),
            np.broadcast_to(y, (height, width, 1)),
            np.full((height, width, 1), 9, np.uint8),
        ],
        axis=2,
    )


def through_manip(configure, pixels, frame_type=None):
    pipeline = dai.Pipeline()
    manip = pipeline.create(dai.node.ImageManip)
    configure(manip.initialConfig)
    if frame_type:
        manip.initialConfig.setFrameType(frame_type)
    entry(pipeline, manip.inputImage)
    stream(pipeline, manip.out, "out")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.getInputQueue("in").send(picture_message(pixels, number=5))
        message = device.getOutputQueue("out").get()
        assert message.getSequenceNum() == 5
        return message.getType(), message.getCvFrame().copy()


def test_a_crop_is_that_part():
    kind, got = through_manip(lambda c: c.setCropRect(0.25, 0.5, 0.75, 1.0), ramp())
    assert kind == dai.ImgFrame.Type.BGR888i
    assert np.array_equal(got, ramp()[40:80, 30:90])


def test_resizing_cuts_unless_told_otherwise():
    _, got = through_manip(lambda c: c.setResize(40, 40), ramp())
    middle = cv2.resize(ramp()[:, 20:100], (40, 40), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(got, middle)


def test_resizing_without_keeping_the_aspect_stretches():
    def configure(config):
        config.setResize(40, 40)
        config.setKeepAspectRatio(False)

    _, got = through_manip(configure, ramp())
    assert np.array_equal(got, cv2.resize(ramp(), (40, 40), interpolation=cv2.INTER_LINEAR))


def test_a_thumbnail_leaves_bars():
    _, got = through_manip(lambda c: c.setResizeThumbnail(60, 60, 1, 2, 3), ramp())
    assert got.shape == (60, 60, 3)
    # setResizeThumbnail takes red, green, blue.
    assert tuple(got[0, 0]) == (3, 2, 1)
    assert tuple(got[-1, -1]) == (3, 2, 1)
    assert np.array_equal(got[10:50], cv2.resize(ramp(), (60, 40)))


def test_the_format_changes_with_the_picture():
    kind, got = through_manip(lambda c: c.setResize(120, 80), ramp(), dai.ImgFrame.Type.GRAY8)
    assert kind == dai.ImgFrame.Type.GRAY8
    assert np.array_equal(got, cv2.cvtColor(ramp(), cv2.COLOR_BGR2GRAY))


def test_flips():
    _, got = through_manip(lambda c: c.setHorizontalFlip(True), ramp())
    assert np.array_equal(got, ramp()[:, ::-1])


def test_a_result_above_its_limit_is_dropped_with_a_word():
    pipeline = dai.Pipeline()
    manip = pipeline.create(dai.node.ImageManip)
    manip.initialConfig.setResize(1000, 1000)
    entry(pipeline, manip.inputImage)
    stream(pipeline, manip.out, "out")
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        device.getInputQueue("in").send(picture_message(ramp()))
        assert device.getOutputQueue("out").tryGet() is None
    assert "more than the 1048576 allowed" in oak.report()["devices"][0]["log"][0]


def test_an_edge_detectors_limit_is_said_once_not_for_every_picture():
    pipeline = dai.Pipeline()
    edge = pipeline.create(dai.node.EdgeDetector)
    edge.setMaxOutputFrameSize(1000)
    entry(pipeline, edge.inputImage)
    stream(pipeline, edge.outputImage, "out")
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        for _ in range(4):
            picture = picture_message(ramp()[:, :, 0], dai.ImgFrame.Type.RAW8)
            device.getInputQueue("in").send(picture)
        assert device.getOutputQueue("out").tryGet() is None
        time.sleep(0.1)
    log = oak.report()["devices"][0]["log"]
    assert len(log) == 1
    assert "9600 bytes, more than the 1000 allowed: dropped" in log[0]


def send_buffer_to_edge_detector():
    pipeline = dai.Pipeline()
    edge = pipeline.create(dai.node.EdgeDetector)
    entry(pipeline, edge.inputImage)
    stream(pipeline, edge.outputImage, "out")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.getInputQueue("in").send(dai.Buffer())
        device.getOutputQueue("out").get()


def test_an_edge_detector_names_itself_where_no_picture_comes():
    with pytest.raises(NodeError, match=r"EdgeDetector\(0\): a Buffer came to .* takes ImgFrame"):
        send_buffer_to_edge_detector()


def test_a_manip_that_waits_makes_one_picture_per_config():
    pipeline = dai.Pipeline()
    manip = pipeline.create(dai.node.ImageManip)
    manip.inputConfig.setWaitForMessage(True)
    entry(pipeline, manip.inputImage)
    entry(pipeline, manip.inputConfig, "config")
    stream(pipeline, manip.out, "out")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        configs, queue = device.getInputQueue("config"), device.getOutputQueue("out")
        device.getInputQueue("in").send(picture_message(ramp(), number=1))
        assert queue.tryGet() is None
        for again, width in ((False, 20), (True, 30), (True, 40)):
            config = dai.ImageManipConfig()
            config.setResize(width, 10)
            config.setReusePreviousImage(again)
            configs.send(config)
            assert queue.get().getWidth() == width
        assert queue.tryGet() is None


def test_a_script_has_the_names_time_and_classes_of_the_device():
    pipeline = dai.Pipeline()
    script = pipeline.create(dai.node.Script)
    script.setScript("""
        import json, time
        started = Clock.now()
        time.sleep(0.25)
        facts = json.loads(bytes(node.io['in'].get().getData()).decode())
        facts['slept'] = (Clock.now() - started).total_seconds()
        facts['id'] = __device_id__
        buffer = Buffer(3)
        buffer.setData(json.dumps(facts).encode())
        node.io['out'].send(buffer)
        layers = NNData(100)
        layers.setLayer('floats', [1.0, 2.5])
        layers.setLayer('bytes', [1, 2, 3])
        node.warn(str(layers.getAllLayerNames()))
        node.io['out'].send(layers)
        config = ImageManipConfig()
        config.setCropRect(0, 0, 0.5, 0.5)
        node.io['out'].send(config)
        raise ValueError('the end')
    """)
    entry(pipeline, script.inputs["in"])
    stream(pipeline, script.outputs["out"], "out")
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        message = dai.Buffer()
        message.setData(list(json.dumps({"a": 1}).encode()))
        device.getInputQueue("in").send(message)
        queue = device.getOutputQueue("out")
        facts = json.loads(bytes(queue.get().getData()))
        assert facts["a"] == 1
        assert facts["slept"] == pytest.approx(0.25, abs=0.01)
        assert facts["id"] == device.getMxId()
        layers = queue.get()
        assert layers.getLayerFp16("floats") == [1.0, 2.5]
        assert layers.getLayerUInt8("bytes") == [1, 2, 3]
        assert queue.get().getCropXMax() == pytest.approx(0.5)
        time.sleep(0.01)
    log = oak.report()["devices"][0]["log"]
    assert log == [
        "[Script(0)] ['floats', 'bytes']",
        "[Script(0)] line 19 of the script: ValueError: the end",
    ]


def test_sync_and_demux_pair_what_belongs_together():
    pipeline = dai.Pipeline()
    sync = pipeline.create(dai.node.Sync)
    demux = pipeline.create(dai.node.MessageDemux)
    for name, fps in (("left", 30), ("right", 10)):
        mono = pipeline.create(dai.node.MonoCamera)
        mono.setCamera(name)
        mono.setFps(fps)
        mono.out.link(sync.inputs[name])
    sync.out.link(demux.input)
    stream(pipeline, sync.out, "groups")
    for name in ("left", "right"):
        stream(pipeline, demux.outputs[name], name)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        for _ in range(4):
            group = device.getOutputQueue("groups").get()
            left, right = (device.getOutputQueue(n).get() for n in ("left", "right"))
            assert group.getIntervalNs() < 10_000_000
            assert sorted(group.getMessageNames()) == ["left", "right"]
            assert left.getTimestamp() == right.getTimestamp()
            assert left.getSequenceNum() == 3 * right.getSequenceNum()


TWO_STAGE = """
frames = {}
while True:
    frame = node.io['frames'].tryGet()
    if frame is not None:
        frames[frame.getSequenceNum()] = frame
    found = node.io['boxes'].tryGet()
    if found is None:
        continue
    number = found.getSequenceNum()
    while number not in frames:
        frame = node.io['frames'].get()
        frames[frame.getSequenceNum()] = frame
    for box in list(found.getData()):
        config = ImageManipConfig()
        config.setCropRect(box / 100, 0, box / 100 + 0.25, 1)
        config.setResize(100, 100)
        config.setKeepAspectRatio(False)
        node.io['config'].send(config)
        node.io['picture'].send(frames[number])
    frames = {n: f for n, f in frames.items() if n > number}
"""


def two_stage_pipeline():
    """Boxes of each frame (here sent by the host) cut it up for a second network."""
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(400, 100)
    script = pipeline.create(dai.node.Script)
    script.setScript(TWO_STAGE)
    camera.preview.link(script.inputs["frames"])
    stream(pipeline, camera.preview, "rgb")
    entry(pipeline, script.inputs["boxes"], "boxes")
    manip = pipeline.create(dai.node.ImageManip)
    manip.initialConfig.setFrameType(dai.ImgFrame.Type.BGR888p)
    manip.inputConfig.setWaitForMessage(True)
    script.outputs["config"].link(manip.inputConfig)
    script.outputs["picture"].link(manip.inputImage)
    network = pipeline.create(dai.node.NeuralNetwork)
    network.setBlobPath(BLOBS / "blur--1.blob")
    manip.out.link(network.input)
    stream(pipeline, network.out, "recognised")
    stream(pipeline, network.passthrough, "faces")
    return pipeline


def test_a_two_stage_application_gets_each_box_recognised_in_its_own_frame():
    def run():
        with VirtualOak(deterministic=True) as oak, dai.Device(two_stage_pipeline()) as device:
            frames, faces = device.getOutputQueue("rgb"), device.getOutputQueue("faces")
            recognised = device.getOutputQueue("recognised")
            for round_number in range(6):
                frame = frames.get()
                boxes = dai.Buffer()
                boxes.setData([0, 50] if round_number % 2 else [25])
                boxes.setSequenceNum(frame.getSequenceNum())
                device.getInputQueue("boxes").send(boxes)
                for left in boxes.getData().tolist():
                    face, result = faces.get(), recognised.get()
                    assert face.getSequenceNum() == result.getSequenceNum()
                    assert face.getSequenceNum() == frame.getSequenceNum()
                    part = frame.getCvFrame()[:, left * 4 : left * 4 + 100]
                    assert np.array_equal(face.getCvFrame(), part)
                    assert result.getData().size == 3 * 100 * 100 * 2
        return oak.digest

    assert run() == run()


def test_a_fixture_for_pytest_is_there(virtual_oak):
    oak = virtual_oak(frames=5)
    with dai.Device(two_stage_pipeline()) as device:
        assert device.getOutputQueue("rgb").get().getWidth() == 400
    assert oak.settings.deterministic
