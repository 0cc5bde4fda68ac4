"""What a script may take for granted of classes and errors: as with a real camera."""

import pickle

import depthai as dai
import pytest

from oakwright.device import VirtualOak
from oakwright.errors import (
    Deadlock,
    DeviceError,
    EndOfRun,
    NodeError,
    PipelineError,
    SourceError,
)


def test_what_goes_wrong_at_the_start_is_a_runtime_error_as_a_real_devices_is():
    pipeline = dai.Pipeline()
    pipeline.create(dai.node.NeuralNetwork)
    with VirtualOak(deterministic=True):
        try:
            dai.Device(pipeline)
        except RuntimeError as error:
            assert "no blob" in str(error)  # noqa: PT017 - that this catches it is the test
        else:
            pytest.fail("it has started")


def test_the_end_of_the_run_is_none_so_that_no_loop_tries_again_for_ever():
    assert not issubclass(EndOfRun, RuntimeError)


@pytest.mark.parametrize("kind", [DeviceError, PipelineError, NodeError, Deadlock, SourceError])
def test_device_errors_cross_process_borders_whole(kind):
    error = kind("words", remedy="do this", node="Script(1)")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert isinstance(copy, RuntimeError)
    assert (copy.message, copy.remedy, copy.where) == ("words", "do this", {"node": "Script(1)"})
    assert (str(copy), copy.node) == (str(error), "Script(1)")


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
