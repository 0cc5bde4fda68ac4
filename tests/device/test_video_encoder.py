"""VideoEncoder: what its bytes say to FFmpeg's and OpenCV's decoders, against the pictures sent."""

import importlib.util

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks import formats
from oakwright.device.message import image_message, stamp
from oakwright.errors import PipelineError
from tests.device.scene_pipelines import SCENE, color_model, entry, stream

av = pytest.importorskip("av")

PROFILE = dai.VideoEncoderProperties.Profile
WIDTH, HEIGHT, FPS = 640, 352, 30


def pictures(count, kind="NV12"):
    model = color_model(WIDTH, HEIGHT)
    return [formats.encode(SCENE.picture(model, n / FPS), kind) for n in range(count)]


def encode(frames, profile, configure=lambda encoder: None, output="out"):
    """The messages that come of ``frames``, and what the device says."""
    pipeline = dai.Pipeline()
    encoder = pipeline.create(dai.node.VideoEncoder)
    encoder.setDefaultProfilePreset(FPS, profile)
    configure(encoder)
    entry(pipeline, encoder.input, "in")
    stream(pipeline, getattr(encoder, output), "out")
    said = []
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.addLogCallback(lambda line: said.append(line.payload))
        queue, got = device.getOutputQueue("out", 4, False), []
        for number, frame in enumerate(frames):
            message = stamp(image_message(frame, socket=0), 1 + number / FPS, number)
            device.getInputQueue("in").send(message)
            for _ in range(3):
                made = queue.tryGet()
                if made is not None:
                    got.append(made)
    return got, said


def every_eighth(encoder):
    """Keyframes at a distance, and a rate at which the scene's rough surfaces are kept."""
    encoder.setKeyframeFrequency(8)
    encoder.setBitrateKbps(8000)


def decode_file(messages, path):
    """All pictures of the raw file the examples write, as FFmpeg reads it: planes Y, U, V."""
    path.write_bytes(b"".join(message.getData().tobytes() for message in messages))
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="yuv420p") for frame in file.decode(video=0)]


def psnr(one, other):
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.parametrize(
    ("profile", "suffix", "kind", "least"),
    [
        (PROFILE.H264_BASELINE, "h264", "NV12", 40),
        (PROFILE.H264_MAIN, "h264", "NV12", 40),
        (PROFILE.H264_HIGH, "h264", "GRAY8", 40),
        (PROFILE.H265_MAIN, "h265", "NV12", 40),
        (PROFILE.H265_MAIN, "h265", "YUV420p", 40),
    ],
)
def test_a_stream_plays_in_ffmpeg_and_shows_what_was_sent(tmp_path, profile, suffix, kind, least):
    frames = pictures(20, kind)
    messages, said = encode(frames, profile, every_eighth)
    assert not said
    assert [m.getSequenceNum() for m in messages] == list(range(20))
    kinds = [m.getFrameType().name for m in messages]
    assert kinds == ["I" if n % 8 == 0 else "P" for n in range(20)]
    is_h264 = suffix == "h264"
    assert {m.getProfile().name for m in messages} == {"AVC" if is_h264 else "HEVC"}
    shown = decode_file(messages, tmp_path / f"video.{suffix}")
    assert len(shown) == 20
    for frame, picture in zip(frames, shown, strict=True):
        luma = frame.data[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        assert psnr(luma, picture[:HEIGHT]) > least
        if kind == "GRAY8":
            assert abs(picture[HEIGHT:].astype(int) - 128).max() <= 2
        else:
            # Colours too, through OpenCV's reading of both.
            sent = formats.decode(frame)
            assert psnr(sent, cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)) > least - 3


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        (PROFILE.H264_BASELINE, "Baseline"),
        (PROFILE.H264_MAIN, "Main"),
        (PROFILE.H264_HIGH, "High"),
        (PROFILE.H265_MAIN, "Main"),
    ],
)
def test_the_stream_is_of_the_profile(tmp_path, profile, name):
    messages, _ = encode(pictures(3), profile)
    decode_file(messages, tmp_path / ("v.h265" if profile == PROFILE.H265_MAIN else "v.h264"))
    with av.open(str(next(tmp_path.iterdir()))) as file:
        next(file.decode(video=0))
        assert name in file.streams.video[0].codec_context.profile


@pytest.mark.parametrize("profile", [PROFILE.H264_MAIN, PROFILE.H265_MAIN])
def test_the_bit_rate_is_kept(profile):
    model = color_model(WIDTH, HEIGHT)
    rough = [formats.encode(SCENE.picture(model, n / 3), "NV12") for n in range(45)]
    for kilobits in (1500, 3000):
        messages, _ = encode(rough, profile, lambda e, k=kilobits: e.setBitrateKbps(k))
        used = sum(len(m.getData()) for m in messages[15:]) * 8 / (30 / FPS) / 1000
        assert 0.7 * kilobits < used < 1.4 * kilobits


def with_b_frames(encoder):
    encoder.setNumBFrames(1)
    encoder.setBitrateKbps(8000)


def test_b_frames_come_out_of_order_with_their_own_numbers(tmp_path):
    frames = pictures(12)
    messages, _ = encode(frames, PROFILE.H264_MAIN, with_b_frames)
    numbers = [m.getSequenceNum() for m in messages]
    assert numbers != sorted(numbers)
    assert "B" in {m.getFrameType().name for m in messages}
    shown = decode_file(messages, tmp_path / "b.h264")
    for number, picture in zip(sorted(numbers), shown, strict=False):
        luma = frames[number].data[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        assert psnr(luma, picture[:HEIGHT]) > 38


def test_a_better_quality_is_nearer_and_larger():
    frame, size, nearness = pictures(1)[0], [], []
    for quality in (30, 95):
        (message,), _ = encode([frame], PROFILE.MJPEG, lambda e, q=quality: e.setQuality(q))
        assert message.getQuality() == quality
        assert message.getProfile().name == "JPEG"
        size.append(len(message.getData()))
        shown = cv2.imdecode(message.getData(), cv2.IMREAD_COLOR)
        nearness.append(psnr(formats.decode(frame), shown))
    assert size[1] > 1.5 * size[0]
    assert nearness[1] > nearness[0] + 3
    assert nearness[1] > 36


@pytest.mark.parametrize("kind", ["NV12", "GRAY8"])
def test_lossless_jpeg_keeps_every_byte(tmp_path, kind):
    frames = pictures(2, kind)
    messages, _ = encode(frames, PROFILE.MJPEG, lambda e: e.setLossless(True))
    assert messages[0].getLossless()
    for frame, message in zip(frames, messages, strict=True):
        path = tmp_path / "one.jpg"
        path.write_bytes(message.getData().tobytes())
        with av.open(str(path)) as file:
            shown = next(file.decode(video=0))
        assert shown.format.name == "yuvj420p"
        luma = np.frombuffer(shown.planes[0], np.uint8).reshape(HEIGHT, -1)[:, :WIDTH]
        assert np.array_equal(luma.reshape(-1), frame.data[: WIDTH * HEIGHT])
        if kind == "NV12":
            blue = np.frombuffer(shown.planes[1], np.uint8).reshape(HEIGHT // 2, -1)
            assert np.array_equal(
                blue[:, : WIDTH // 2].reshape(-1), frame.data[WIDTH * HEIGHT :: 2]
            )


def test_both_outputs_carry_the_same_bytes():
    frames = pictures(2)
    encoded, _ = encode(frames, PROFILE.H264_MAIN)
    plain, _ = encode(frames, PROFILE.H264_MAIN, output="bitstream")
    assert plain[0].getType() == dai.ImgFrame.Type.BITSTREAM
    assert (plain[0].getWidth(), plain[0].getHeight()) == (WIDTH, HEIGHT)
    assert [m.getData().tobytes() for m in plain] == [m.getData().tobytes() for m in encoded]


def test_what_the_chip_does_not_take_is_dropped_with_a_word():
    narrow = formats.encode(np.zeros((100, 100, 3), np.uint8), "NV12")
    colour = formats.encode(np.zeros((64, 64, 3), np.uint8), "BGR888i")
    messages, said = encode([narrow, colour], PROFILE.H264_MAIN)
    assert not messages
    assert "multiples of 32" in said[0]
    assert "the encoder takes NV12" in said[1]


def test_a_missing_package_is_named_with_the_remedy(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "av" else found(n, *a)
    )
    with pytest.raises(PipelineError, match=r"H265_MAIN.*pip install 'oakwright\[video\]'"):
        encode(pictures(1), PROFILE.H265_MAIN)
    # JPEG needs nothing.
    assert encode(pictures(1), PROFILE.MJPEG)[0]
