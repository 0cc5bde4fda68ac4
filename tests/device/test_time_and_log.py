"""What a script may rely on: time that has passed after a sleep, depthai's log types, limits."""

import time

import depthai as dai
import pytest

from oakwright.device import VirtualOak
from oakwright.errors import Deadlock

pytestmark = pytest.mark.real_time


def camera(*streams, fps=30):
    """A pipeline whose preview goes out by each of these names."""
    pipeline = dai.Pipeline()
    source = pipeline.create(dai.node.ColorCamera)
    source.setPreviewSize(32, 32)
    source.setFps(fps)
    links = []
    for name in streams:
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(name)
        source.preview.link(link.input)
        links.append(link)
    return pipeline, links


def test_a_sleep_is_never_shorter_than_asked():
    pipeline, _ = camera("out")
    with VirtualOak(deterministic=True), dai.Device(pipeline):
        for seconds in (0.5, 0.001, 0.1):
            for clock in (time.monotonic, time.time, time.perf_counter):
                started = clock()
                time.sleep(seconds)
                assert seconds <= clock() - started < seconds + 1e-4


def test_a_limited_stream_is_limited_from_its_first_frame():
    pipeline, (link,) = camera("out")
    link.setFpsLimit(5)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("out", 8, False)
        assert [queue.get().getSequenceNum() for _ in range(4)] == [0, 6, 12, 18]


def logging_script(text):
    pipeline = dai.Pipeline()
    script = pipeline.create(dai.node.Script)
    script.setScript(text)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("out")
    script.outputs["out"].link(link.input)
    return pipeline


def test_log_lines_have_depthais_types_and_bad_callbacks_hurt_nobody(capsys):
    text = "node.warn('low light')\nnode.io['out'].send(Buffer(1))"
    pipeline, seen = logging_script(text), []
    with VirtualOak(deterministic=True), dai.Device() as device:
        device.setLogLevel(dai.LogLevel.WARN)
        device.addLogCallback(lambda line: line.no_such_thing)
        device.addLogCallback(seen.append)
        device.startPipeline(pipeline)
        assert device.getOutputQueue("out").get() is not None
    (line,) = [each for each in seen if each.payload == "low light"]
    assert line.level == dai.LogLevel.WARN
    assert isinstance(line.time, dai.Timestamp)
    assert line.time.get().total_seconds() >= 1000
    assert "no_such_thing" in capsys.readouterr().err


def poll_one_of_two(pipeline):
    with VirtualOak(deterministic=True, patience_s=2), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("read", 4, False)
        device.getOutputQueue("unread", 2, True)
        for _ in range(100_000):
            queue.tryGet()
            time.sleep(0.005)


def test_a_queue_never_read_is_named_though_the_script_polls_another():
    pipeline, _ = camera("read", "unread")
    with pytest.raises(Deadlock, match="'unread'"):
        poll_one_of_two(pipeline)


def test_a_long_sleep_while_a_queue_is_full_is_no_deadlock():
    pipeline, _ = camera("read")
    with VirtualOak(deterministic=True, patience_s=2), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("read", 2, True)
        time.sleep(30)
        assert [queue.get().getSequenceNum() for _ in range(3)] == [0, 1, 2]
