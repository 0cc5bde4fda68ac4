"""The fixture ``virtual_oak`` as tests use it: several cameras, and runs that end by themselves."""

import time

import depthai as dai
import pytest

from oakwright.device import VirtualOak
from oakwright.errors import EndOfRun

pytestmark = pytest.mark.real_time


def read(count=10**9):
    pipeline = dai.Pipeline()
    camera, link = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.XLinkOut)
    camera.setPreviewSize(64, 64)
    link.setStreamName("rgb")
    camera.preview.link(link.input)
    with dai.Device(pipeline) as device:
        queue = device.getOutputQueue("rgb")
        for _ in range(count):
            queue.get()


def test_another_call_ends_the_camera_before_it_and_keeps_its_report(virtual_oak):
    cameras = []
    for source in ("pattern", "pattern", "scene:3"):
        cameras.append(virtual_oak(source=source))
        read(2)
    first, again, other = cameras
    assert first.digest == again.digest != other.digest
    assert [oak.report()["streams"]["rgb"]["taken"] for oak in cameras] == [2, 2, 2]


def test_with_says_what_the_frames_end_as_for_the_class(virtual_oak):
    with virtual_oak(frames=3) as oak:
        read()
        pytest.fail("it did not end")
    with VirtualOak(deterministic=True, frames=3) as same:
        read()
    assert oak.report()["streams"]["rgb"]["taken"] == 3
    assert oak.digest == same.digest


def test_after_the_block_the_real_things_are_back_and_another_may_come(virtual_oak):
    real = dai.Device, time.sleep
    with virtual_oak():
        assert dai.Device is not real[0]
    assert (dai.Device, time.sleep) == real
    with virtual_oak(frames=1):
        read()
    assert (dai.Device, time.sleep) == real


def test_without_a_block_the_end_says_what_to_do(virtual_oak):
    virtual_oak(frames=3)
    with pytest.raises(EndOfRun, match="the test is not") as caught:
        read()
    assert "with virtual_oak" in caught.value.remedy


def test_an_error_in_the_block_comes_out(virtual_oak):
    def break_down():
        with virtual_oak(frames=3):
            read(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_down()
    assert VirtualOak._active is None
