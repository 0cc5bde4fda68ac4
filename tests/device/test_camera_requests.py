"""What a script asks of a camera: sockets that are there, and stills."""

import time

import depthai as dai
import pytest

from oakwright.device import VirtualOak
from oakwright.errors import PipelineError


def test_a_camera_that_is_not_there_is_named_with_the_other_problems():
    pipeline = dai.Pipeline()
    for socket in (dai.CameraBoardSocket.CAM_D, dai.CameraBoardSocket.CAM_E):
        pipeline.create(dai.node.ColorCamera).setBoardSocket(socket)
    pipeline.create(dai.node.NeuralNetwork)
    with VirtualOak(deterministic=True), pytest.raises(PipelineError) as caught:
        dai.Device(pipeline)
    findings = sorted(caught.value.findings)
    assert len(findings) == 3
    assert findings[0].startswith("ColorCamera(0): OAK-D has no camera at socket CAM_D")
    assert findings[1].startswith("ColorCamera(1): OAK-D has no camera at socket CAM_E")
    assert findings[2].startswith("NeuralNetwork(2): no blob")


def test_every_still_that_is_asked_for_comes_one_a_frame():
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    control, still = pipeline.create(dai.node.XLinkIn), pipeline.create(dai.node.XLinkOut)
    control.setStreamName("control")
    still.setStreamName("still")
    control.out.link(camera.inputControl)
    camera.still.link(still.input)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        queue, stills = device.getInputQueue("control"), device.getOutputQueue("still")
        time.sleep(0.1)
        request = dai.CameraControl()
        request.setCaptureStill(True)
        for _ in range(3):
            queue.send(request)
        time.sleep(0.5)
        numbers = [picture.getSequenceNum() for picture in stills.tryGetAll()]
    assert len(numbers) == 3
    assert numbers == list(range(numbers[0], numbers[0] + 3))
