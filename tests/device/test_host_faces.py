"""What a script may take for granted of classes and errors: as with a real camera."""

import depthai as dai
import pytest

from oakwright.device import VirtualOak


@pytest.mark.parametrize("deterministic", [True, False])
def test_queues_are_what_their_class_says_inside_and_the_real_ones_are_back(deterministic):
    real = dai.DataOutputQueue, dai.DataInputQueue
    pipeline = dai.Pipeline()
    entry, leave = pipeline.create(dai.node.XLinkIn), pipeline.create(dai.node.XLinkOut)
    entry.setStreamName("in")
    leave.setStreamName("out")
    entry.out.link(leave.input)
    with VirtualOak(deterministic=deterministic), dai.Device(pipeline) as device:
        taken, sent = device.getOutputQueue("out"), device.getInputQueue("in")
        assert isinstance(taken, dai.DataOutputQueue)
        assert isinstance(sent, dai.DataInputQueue)
        assert not isinstance(sent, dai.DataOutputQueue)
    assert (dai.DataOutputQueue, dai.DataInputQueue) == real
