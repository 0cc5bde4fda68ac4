"""Every word for a source that makes no sense is refused in one line, with what to write."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak, open_source
from oakwright.errors import OakwrightError, SourceError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("bad.mp4", "bad.png"):
        (tmp_path / name).write_text("neither")
    for name, value in (("l", 50), ("r", 90)):
        kind = cv2.VideoWriter.fourcc(*"mp4v")
        video = cv2.VideoWriter(f"{name}.mp4", kind, 30, (160, 120))
        for _ in range(5):
            video.write(np.full((120, 160, 3), value, np.uint8))
        video.release()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        ("nowhere.mp4", "there is no source 'nowhere.mp4'", "give a video"),
        ("", "there is no source ''", "give a video"),
        ("rtsp://1.2.3.4/x", "there is no source 'rtsp://1.2.3.4/x'", "give a video"),
        ("empty", "there is no picture in empty", ".jpg"),
        ("bad.mp4", "bad.mp4 is not a video OpenCV can read", "convert it"),
        ("bad.png", "bad.png is not a picture OpenCV can read", "check the file"),
        ("stereo:l.mp4", "is no stereo pair", "stereo:left.mp4,right.mp4"),
        ("stereo:l.mp4,", "there is no source ''", "give a video"),
        ("stereo:l.mp4,no.mp4", "there is no source 'no.mp4'", "give a video"),
        ("scene:x", "'scene:x' is no scene", "a seed"),
        ("webcam:x", "'webcam:x' is no webcam", "webcam:0"),
        ("webcam:97", "there is no webcam 97", "plug one in"),
    ],
)
def test_what_cannot_be_opened_is_said(folder, words, message, remedy):
    with pytest.raises(OakwrightError) as caught:
        open_source(words)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_a_stereo_pair_ends_with_its_videos_and_gives_each_camera_its_own(folder):
    pipeline = dai.Pipeline()
    for name in ("left", "right"):
        camera = pipeline.create(dai.node.MonoCamera)
        camera.setCamera(name)
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(name)
        camera.out.link(link.input)
    rows = []
    with (
        VirtualOak("stereo:l.mp4,r.mp4", deterministic=True, loops=False) as oak,
        dai.Device(pipeline) as device,
    ):
        queues = [device.getOutputQueue(name, 4, False) for name in ("left", "right")]
        while True:
            rows.append([queue.get().getCvFrame().mean() for queue in queues])
    assert len(rows) == 5
    assert np.allclose(rows, [[50, 90]], atol=5)
    assert oak.report()["failure"] is None


@pytest.mark.parametrize(
    ("arguments", "named", "speed"),
    [
        ((), {}, "SUPER"),
        ((), {"usb2Mode": True}, "HIGH"),
        ((), {"usb2Mode": False}, "SUPER"),
        ((), {"maxUsbSpeed": dai.UsbSpeed.HIGH}, "HIGH"),
        ((dai.UsbSpeed.SUPER_PLUS,), {}, "SUPER_PLUS"),
    ],
)
def test_usb_speeds_are_what_was_asked_for(arguments, named, speed):
    with (
        VirtualOak(deterministic=True),
        dai.Device(dai.Pipeline(), *arguments, **named) as device,
    ):
        assert device.getUsbSpeed().name == speed
        chip = device.getChipTemperature()
        assert 30 < chip.average < 60
        assert all(
            abs(part - chip.average) < 3 for part in (chip.css, chip.mss, chip.upa, chip.dss)
        )


@pytest.mark.parametrize("form", [lambda i: i, lambda i: dai.DeviceInfo(i)])
def test_a_device_is_opened_by_its_id(form):
    mxid = "184430109138E60F00"
    with VirtualOak(deterministic=True), dai.Device(dai.Pipeline(), form(mxid)) as device:
        assert device.getMxId() == device.getDeviceInfo().getMxId() == mxid


class Own:
    """A user's source that gives what it was told to."""

    def __init__(self, found):
        self.found = found

    def frame(self, shot):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def one_preview(source):
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("preview")
    camera.preview.link(link.input)
    with VirtualOak(source=source, deterministic=True), dai.Device(pipeline) as device:
        return device.getOutputQueue("preview").get().getCvFrame()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (5, "5 is no source of frames"),
        (None, "None is no source of frames"),
        (Own, "the class Own is no source of frames"),
        (np.zeros((5, 5)), "the array gives a 5x5 array of float64"),
        (np.zeros((5, 5, 4), np.uint8), "the array gives a 5x5x4 array of uint8"),
        (np.zeros((0, 5), np.uint8), "the array gives a 0x5 array of uint8"),
        (Own(np.zeros((9, 9, 3), np.float32)), "the source Own gives a 9x9x3 array of float32"),
        (Own([1, 2]), "the source Own gives list, no array of pixels"),
        (
            Own(ValueError("mine")),
            "the source Own failed at frame 0 of camera color: ValueError: mine",
        ),
    ],
)
def test_an_own_source_that_gives_no_pictures_is_named(source, said):
    with pytest.raises(SourceError) as caught:
        one_preview(source)
    assert said in caught.value.message
    assert caught.value.remedy
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("shape", [(5, 5), (40, 40), (40, 40, 3)])
def test_own_pictures_grey_or_coloured_are_taken(shape):
    assert one_preview(Own(np.full(shape, 77, np.uint8))).mean() == pytest.approx(77, abs=2)
    assert one_preview(np.full(shape, 77, np.uint8)).mean() == pytest.approx(77, abs=2)
