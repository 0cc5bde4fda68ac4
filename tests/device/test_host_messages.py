"""Messages that the host makes and does not stamp: what time they have, and who pairs them."""

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from tests.device.scene_pipelines import stream

STAMPED = (dai.ImgFrame, dai.EncodedFrame, dai.PointCloudData)


def seconds(message):
    return message.getTimestamp().total_seconds()


@pytest.mark.parametrize("kind", STAMPED)
def test_a_new_message_has_the_run_s_time(kind):
    with VirtualOak(deterministic=True), dai.Device(dai.Pipeline()):
        before, made, after = dai.Clock.now(), kind(), dai.Clock.now()
    assert abs(seconds(made) - before.total_seconds()) < 1e-3
    assert seconds(made) <= after.total_seconds()


def test_without_a_virtual_camera_it_is_depthai_s_own():
    with VirtualOak(deterministic=True), dai.Device(dai.Pipeline()):
        pass
    before = dai.Clock.now()
    assert before <= dai.ImgFrame().getTimestamp() <= dai.Clock.now()
    assert not seconds(dai.ImgDetections())


def tracked_by_host():
    """Frames and detections from the host to an ObjectTracker, as gen2-depth-people-counting."""
    pipeline = dai.Pipeline()
    tracker = pipeline.create(dai.node.ObjectTracker)
    tracker.setTrackerType(dai.TrackerType.ZERO_TERM_COLOR_HISTOGRAM)
    for port in (tracker.inputTrackerFrame, tracker.inputDetectionFrame, tracker.inputDetections):
        port.setBlocking(True)
    frames, detections = (pipeline.create(dai.node.XLinkIn) for _ in range(2))
    frames.setStreamName("frames")
    frames.out.link(tracker.inputDetectionFrame)
    frames.out.link(tracker.inputTrackerFrame)
    detections.setStreamName("detections")
    detections.out.link(tracker.inputDetections)
    stream(pipeline, tracker.out, "out")
    return pipeline


def test_a_tracker_takes_unstamped_detections_in_the_order_they_come():
    count = 12  # more than the tracker's queues hold
    with VirtualOak(deterministic=True), dai.Device(tracked_by_host()) as device:
        out = device.getOutputQueue("out", 4, True)
        found = []
        for number in range(count):
            one = dai.ImgDetection()
            one.label, one.confidence = 1, 1.0
            one.xmin, one.ymin = 0.1 + 0.02 * number, 0.2
            one.xmax, one.ymax = one.xmin + 0.3, 0.8
            message = dai.ImgDetections()
            message.detections = [one]
            device.getInputQueue("detections").send(message)
            frame = dai.ImgFrame()
            frame.setType(dai.ImgFrame.Type.BGR888p)
            frame.setWidth(96)
            frame.setHeight(64)
            frame.setData(np.full(3 * 64 * 96, 90, np.uint8))
            device.getInputQueue("frames").send(frame)
            found.append(out.get().tracklets)
    assert [len(tracklets) for tracklets in found] == [1] * count
    assert {tracklets[0].id for tracklets in found} == {0}
    lefts = [tracklets[0].roi.x for tracklets in found]
    assert lefts == pytest.approx([0.1 + 0.02 * number for number in range(count)], abs=1e-5)


def test_such_runs_are_the_same_bits():
    def run():
        pipeline = dai.Pipeline()
        source = pipeline.create(dai.node.XLinkIn)
        source.setStreamName("in")
        stream(pipeline, source.out, "out")
        with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
            for number in range(3):
                frame = dai.ImgFrame()
                frame.setType(dai.ImgFrame.Type.GRAY8)
                frame.setWidth(8)
                frame.setHeight(8)
                frame.setData(np.full(64, number, np.uint8))
                device.getInputQueue("in").send(frame)
                device.getOutputQueue("out", 4, True).get()
            return oak.report()["digest"]

    assert run() == run()
