"""A camera as a webcam: what its host would see, in a video file."""

import itertools

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import Settings, VirtualOak
from oakwright.errors import OutputError, UsageError
from tests.device.scene_pipelines import entry, stream


def webcam_pipeline(size=(640, 360), fps=10, told=(640, 360)):
    """Colour video into UVC, as the vendor's examples do it; the same to the host."""
    pipeline = dai.Pipeline()
    camera, uvc = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.UVC)
    camera.setIspScale(1, 3)
    camera.setVideoSize(*size)
    camera.setFps(fps)
    camera.video.link(uvc.input)
    stream(pipeline, camera.video, "video")
    if told is not None:
        board = dai.BoardConfig()
        board.uvc = dai.BoardConfig.UVC(*told)
        pipeline.setBoardConfig(board)
    return pipeline


def run(pipeline, count=6, **options):
    """Pictures that the host got besides, and the device's log."""
    with VirtualOak(deterministic=True, **options) as oak, dai.Device(pipeline) as device:
        queue = device.getOutputQueue("video")
        seen = [queue.get().getCvFrame() for _ in range(count)]
    return seen, oak.report()["devices"][0]["log"]


def played(path):
    video = cv2.VideoCapture(str(path))
    pictures = []
    while True:
        is_there, picture = video.read()
        if not is_there:
            return pictures, video.get(cv2.CAP_PROP_FPS)
        pictures.append(picture)


def test_a_lossless_file_has_the_pictures_the_host_saw(tmp_path):
    path = tmp_path / "seen" / "webcam.mkv"
    seen, log = run(webcam_pipeline(), uvc=str(path), source="pattern")
    pictures, fps = played(path)
    assert log == []
    assert fps == pytest.approx(10)
    assert len(pictures) >= len(seen)
    for ours, theirs in zip(pictures, seen, strict=False):
        assert np.array_equal(ours, theirs)
    assert [p.name for p in path.parent.iterdir()] == ["webcam.mkv"]


@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_it_plays_in_another_ffmpeg_too(tmp_path, ending):
    av = pytest.importorskip("av")
    path = tmp_path / f"webcam.{ending}"
    seen, _ = run(webcam_pipeline(fps=20), uvc=str(path))
    with av.open(str(path)) as file:
        found = file.streams.video[0]
        assert float(found.average_rate) == pytest.approx(20)
        pictures = [picture.to_ndarray(format="bgr24") for picture in file.decode(found)]
    assert len(pictures) >= len(seen)
    assert cv2.PSNR(pictures[2], seen[2]) > 28


def test_what_the_camera_left_out_shows_the_picture_before(tmp_path):
    path = tmp_path / "webcam.mkv"
    run(webcam_pipeline(), count=8, uvc=str(path), faults=("drop@0.25s:0.3s",))
    pictures, _ = played(path)
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(pictures)]
    assert same[:7] == [False, False, True, True, True, False, False]


def test_jpeg_files_are_shown(tmp_path):
    path = tmp_path / "webcam.mkv"
    pipeline = webcam_pipeline(told=None)
    nodes = {node.getName(): node for node in pipeline.getAllNodes()}
    camera, uvc = nodes["ColorCamera"], nodes["UVC"]
    encoder = pipeline.create(dai.node.VideoEncoder)
    encoder.setDefaultProfilePreset(10, dai.VideoEncoderProperties.Profile.MJPEG)
    camera.video.unlink(uvc.input)
    camera.video.link(encoder.input)
    encoder.bitstream.link(uvc.input)
    seen, log = run(pipeline, uvc=str(path))
    assert log == []
    assert cv2.PSNR(played(path)[0][1], seen[1]) > 28


def test_without_a_file_it_is_silent_and_says_so():
    _, log = run(webcam_pipeline())
    assert len(log) == 1
    assert "choose a video file" in log[0]


def test_another_size_than_the_host_was_told_is_dropped(tmp_path):
    path = tmp_path / "webcam.mkv"
    _, log = run(webcam_pipeline(told=(1280, 720)), uvc=str(path))
    assert [line for line in log if "640x360, the webcam was set up for 1280x720" in line] == log
    assert len(log) == 1
    assert not path.exists()


def test_one_picture_and_others_than_a_webcam_sends(tmp_path):
    pipeline = dai.Pipeline()
    uvc = pipeline.create(dai.node.UVC)
    entry(pipeline, uvc.input, "in")
    path = tmp_path / "webcam.mkv"
    with (
        VirtualOak(deterministic=True, uvc=str(path)) as oak,
        dai.Device(pipeline) as device,
    ):
        queue = device.getInputQueue("in")
        for kind in (dai.ImgFrame.Type.BGR888i, dai.ImgFrame.Type.NV12):
            frame = dai.ImgFrame()
            frame.setType(kind)
            frame.setWidth(64)
            frame.setHeight(32)
            frame.setData(np.full(64 * 32 * 3, 90, np.uint8))
            queue.send(frame)
    log = oak.report()["devices"][0]["log"]
    assert len(log) == 1
    assert "a webcam sends NV12 or BITSTREAM" in log[0]
    assert len(played(path)[0]) == 1


def test_files_that_are_no_videos_or_cannot_be_written(tmp_path):
    with pytest.raises(UsageError, match="does not end as a video does"):
        Settings(uvc="seen.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write the video"):
        run(webcam_pipeline(), uvc=str(tmp_path / "file" / "a.mp4"))
