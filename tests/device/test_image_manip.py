"""ImageManip in pipelines: waiting rules against DepthAI v3's, pixels against OpenCV, refusals.

The geometry that v3 has too is compared in tests/unit/device/test_v3_oracle.py.
"""

import time
from pathlib import Path

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks.formats import encode
from oakwright.device.message import image_message
from oakwright.errors import NodeError, PipelineError
from tests.device.test_device_nodes import entry, picture_message, stream

TYPE = dai.ImgFrame.Type
with np.load(Path(__file__).parents[1] / "corpus" / "v3" / "manip.npz") as stored:
    V3 = dict(stored)
PICTURE, GREY = V3["crop_pixels/in"], V3["grey_bars/in"]


def through(configure, pixels=PICTURE, kind=TYPE.BGR888i, limit=1 << 20):
    """The message that comes (None if none does), and the device's log."""
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    node.setMaxOutputFrameSize(limit)
    configure(node)
    entry(pipeline, node.inputImage)
    stream(pipeline, node.out, "out")
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        message = image_message(encode(pixels, kind.name), socket=0)
        device.getInputQueue("in").send(message)
        time.sleep(0.1)
        found = device.getOutputQueue("out").tryGet()
    return found, oak.report()["devices"][0]["log"]


def pixels_of(configure, pixels=PICTURE, kind=TYPE.BGR888i):
    message, log = through(configure, pixels, kind)
    assert message is not None, log
    return message.getCvFrame()


# -- waiting and reuse


@pytest.mark.parametrize("case", ["waits", "waits_reusing_nothing", "images_set_the_pace"])
def test_configs_and_images_meet_as_in_v3(case):
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    node.initialConfig.setResize(8, 8)
    node.inputConfig.setWaitForMessage(case.startswith("waits"))
    entry(pipeline, node.inputImage, "image")
    entry(pipeline, node.inputConfig, "config")
    stream(pipeline, node.out, "out")
    found = []
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        images, configs = device.getInputQueue("image"), device.getInputQueue("config")
        for is_config, number, reuse, skip in V3[f"{case}/sent"].tolist():
            if is_config:
                config = dai.ImageManipConfig()
                config.setResize(number, 8)
                config.setReusePreviousImage(bool(reuse))
                config.setSkipCurrentImage(bool(skip))
                configs.send(config)
            else:
                images.send(picture_message(PICTURE, number=number))
            time.sleep(0.1)
            came = device.getOutputQueue("out").tryGetAll()
            found += [[message.getSequenceNum(), message.getWidth()] for message in came]
    assert found == V3[f"{case}/got"].tolist()
    warned = any(
        "reusePreviousImage only has an effect" in x for x in oak.report()["devices"][0]["log"]
    )
    assert warned == (case == "images_set_the_pace")


def test_the_old_name_of_waiting_is_the_same():
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    with pytest.warns(DeprecationWarning, match="setWaitForMessage"):
        node.setWaitForConfigInput(True)
    entry(pipeline, node.inputImage, "image")
    entry(pipeline, node.inputConfig, "config")
    stream(pipeline, node.out, "out")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.getInputQueue("image").send(picture_message(PICTURE))
        time.sleep(0.1)
        assert device.getOutputQueue("out").tryGet() is None
        device.getInputQueue("config").send(dai.ImageManipConfig())
        assert np.array_equal(device.getOutputQueue("out").get().getCvFrame(), PICTURE)


# -- pixels


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("BILINEAR", cv2.INTER_LINEAR),
        ("BICUBIC", cv2.INTER_CUBIC),
        ("NEAREST_NEIGHBOR", cv2.INTER_NEAREST),
    ],
)
def test_interpolations_are_opencvs(name, flag):
    def configure(node):
        node.initialConfig.setResize(31, 29)
        node.initialConfig.setKeepAspectRatio(False)
        node.initialConfig.setInterpolation(getattr(dai.Interpolation, name))

    oracle = cv2.resize(PICTURE, (31, 29), interpolation=flag)
    assert np.array_equal(pixels_of(configure), oracle)


@pytest.mark.parametrize("is_normalized", [True, False])
def test_four_points_come_to_the_corners(is_normalized):
    corners = np.array([[8, 4], [60, 9], [68, 45], [3, 38]], np.float32)

    def configure(node):
        scale = (72, 48) if is_normalized else (1, 1)
        points = [dai.Point2f(*map(float, p / scale)) for p in corners]
        node.initialConfig.setResize(40, 30)
        node.initialConfig.setWarpTransformFourPoints(points, is_normalized)

    got = pixels_of(configure)
    assert got.shape == (30, 40, 3)
    # Fractions span the picture to its far edge, pixels are counted from the first's middle: so the
    # corner or, half a pixel of both pictures aside, what is near (one pixel here is 1.6 there).
    places = ((0, 0), (0, 39), (29, 39), (29, 0))
    for (x, y), (row, column) in zip(corners.astype(int), places, strict=True):
        around = PICTURE[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
        assert (around.min(axis=0) <= got[row, column]).all()
        assert (got[row, column] <= around.max(axis=0)).all()


def test_a_mesh_says_where_each_knot_comes_from():
    # The middle row of knots is taken from 6 pixels further down.
    rows, columns = 3, 3
    points = [
        dai.Point2f(x * 71 / 2, y * 47 / 2 + (6 if y == 1 else 0))
        for y in range(rows)
        for x in range(columns)
    ]
    got = pixels_of(lambda node: node.setWarpMesh(points, columns, rows))
    down = np.interp(np.arange(48), [0, 23.5, 47], [0, 29.5, 47]).astype(np.float32)
    x, y = np.meshgrid(np.arange(72, dtype=np.float32), down)
    oracle = cv2.remap(PICTURE, x, y, cv2.INTER_LINEAR)
    # OpenCV's tables have 32 steps per pixel: two levels where the picture is steepest.
    assert np.abs(got.astype(int) - oracle).max() <= 2


def test_what_a_turn_uncovers_is_background_or_the_edge_again():
    def turn(node):
        node.initialConfig.setRotationDegrees(45)
        node.initialConfig.setWarpBorderFillColor(10, 20, 30)

    def turn_over_edges(node):
        node.initialConfig.setRotationDegrees(45)
        node.initialConfig.setWarpBorderReplicatePixels()

    assert pixels_of(turn)[0, 0].tolist() == [30, 20, 10]
    corner = pixels_of(turn_over_edges)[24, 71]
    assert corner.tolist() != [0, 0, 0]


def test_bright_bars_stay_bright_though_the_config_keeps_them_as_negative_bytes():
    got = pixels_of(lambda node: node.initialConfig.setResizeThumbnail(64, 64, 255, 128, 3))
    assert got[0, 0].tolist() == got[63, 63].tolist() == [3, 128, 255]


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_a_centre_crop_is_of_the_middle(ratio):
    got = pixels_of(lambda node: node.initialConfig.setCenterCrop(ratio, 1.0))
    side = int(48 * ratio)
    assert np.array_equal(got, PICTURE[24 - side // 2 :, 36 - side // 2 :][:side, :side])


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("JET", cv2.COLORMAP_JET),
        ("TURBO", cv2.COLORMAP_TURBO),
        ("STEREO_TURBO", cv2.COLORMAP_TURBO),
    ],
)
def test_colormaps_are_opencvs(name, table):
    values = GREY.copy()
    values[:4] = 0
    colormap = getattr(dai.Colormap, name)
    got = pixels_of(lambda node: node.initialConfig.setColormap(colormap, 255), values, TYPE.RAW8)
    oracle = cv2.applyColorMap(values, table)
    if name.startswith("STEREO"):
        oracle[values == 0] = 0
    assert np.array_equal(got, oracle)


def test_a_colormap_spans_what_it_is_told():
    values = np.tile(np.arange(72, dtype=np.uint8), (48, 1))
    got = pixels_of(
        lambda node: node.initialConfig.setColormap(dai.Colormap.JET, 10, 50), values, TYPE.RAW8
    )
    levels = np.clip((values.astype(np.float32) - 10) * 255 / 40, 0, 255).astype(np.uint8)
    assert np.array_equal(got, cv2.applyColorMap(levels, cv2.COLORMAP_JET))


@pytest.mark.parametrize("source", ["BGR888i", "BGR888p", "NV12", "YUV420p", "GRAY8", "RAW8"])
@pytest.mark.parametrize(
    "target", ["RGB888p", "BGR888p", "RGB888i", "NV12", "YUV420p", "GRAY8", "RAW8"]
)
def test_types_change_and_the_picture_stays(source, target):
    is_grey = source in ("GRAY8", "RAW8")
    message, log = through(
        lambda node: node.initialConfig.setFrameType(getattr(TYPE, target)),
        GREY if is_grey else PICTURE,
        getattr(TYPE, source),
    )
    assert message is not None, log
    assert message.getType().name == target
    got, want = message.getCvFrame(), GREY if is_grey else PICTURE
    if is_grey and got.ndim == 3:
        want = cv2.cvtColor(want, cv2.COLOR_GRAY2BGR)
    elif not is_grey and got.ndim == 2:
        want = cv2.cvtColor(want, cv2.COLOR_BGR2GRAY)
    # YUV keeps a quarter of the colour and works in whole numbers.
    is_yuv = {source, target} & {"NV12", "YUV420p"}
    assert np.abs(got.astype(int) - want).max() <= (20 if is_yuv else 0)


def test_odd_sizes_become_even_where_colour_is_halved():
    message, _ = through(
        lambda node: (
            node.initialConfig.setResize(31, 29),
            node.initialConfig.setFrameType(TYPE.NV12),
        )
    )
    assert (message.getWidth(), message.getHeight()) == (30, 28)


# -- refusals


def test_a_result_of_exactly_the_limit_passes_one_byte_more_does_not():
    def configure(node):
        node.initialConfig.setResize(20, 10)

    message, log = through(configure, limit=600)
    assert message is not None
    assert log == []
    message, log = through(configure, limit=599)
    assert message is None
    assert "has 600 bytes, more than the 599 allowed: dropped; call setMaxOutputFrameSize" in log[0]


@pytest.mark.parametrize(
    ("configure", "said"),
    [
        (
            lambda node: node.initialConfig.setWarpTransformFourPoints(
                [dai.Point2f(0, 0), dai.Point2f(1, 0), dai.Point2f(2, 0), dai.Point2f(3, 0)], False
            ),
            "have no area between them; the picture is dropped",
        ),
        (
            lambda node: node.initialConfig.setWarpTransformMatrix3x3([0.0] * 9),
            "cannot be inverted; the picture is dropped",
        ),
        (
            lambda node: node.initialConfig.setColormap(dai.Colormap.JET, 255),
            "a colormap takes grey pictures, not BGR888i; the picture is dropped",
        ),
        (
            lambda node: node.initialConfig.setResize(20000, 10),
            "larger than any picture; the picture is dropped",
        ),
    ],
)
def test_what_cannot_be_done_is_said_and_the_picture_dropped(configure, said):
    message, log = through(configure)
    assert message is None
    assert said in log[0]


@pytest.mark.parametrize(
    ("configure", "said"),
    [
        (
            lambda node: node.initialConfig.setFrameType(TYPE.YUV444i),
            "frame type YUV444i is not supported",
        ),
        (
            lambda node: node.setWarpMesh([dai.Point2f(0, 0)] * 2, 2, 1),
            "a mesh of 2x1 has 2 points and at least 2x2",
        ),
    ],
)
def test_what_can_never_be_done_is_named_before_frames_flow(configure, said):
    with pytest.raises(PipelineError, match=said):
        through(configure)


def send_buffer(pipeline, name):
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.getInputQueue(name).send(dai.Buffer())
        if name == "config":
            device.getInputQueue("image").send(picture_message(PICTURE))
        device.getOutputQueue("out").get()


def test_a_message_of_another_class_ends_the_run_with_the_nodes_name():
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    entry(pipeline, node.inputImage, "image")
    entry(pipeline, node.inputConfig, "config")
    stream(pipeline, node.out, "out")
    for name, port, kind in (
        ("image", "inputImage", "ImgFrame"),
        ("config", "inputConfig", "ImageManipConfig"),
    ):
        with pytest.raises(NodeError) as caught:
            send_buffer(pipeline, name)
        said = f"ImageManip(0): a Buffer came to its input '{port}', which takes {kind}"
        assert caught.value.message == said
        assert f"send a dai.{kind} there" in caught.value.remedy


def test_a_picture_with_too_few_bytes_is_dropped_with_a_word():
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    entry(pipeline, node.inputImage, "image")
    stream(pipeline, node.out, "out")
    short = picture_message(np.zeros((4, 4, 3), np.uint8))
    short.setData(np.zeros(10, np.uint8))
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        for _ in range(3):
            device.getInputQueue("image").send(short)
        time.sleep(0.1)
        assert device.getOutputQueue("out").tryGet() is None
    log = oak.report()["devices"][0]["log"]
    assert len(log) == 1, "said once"
    assert "a BGR888i frame of 4x4 has 48 bytes, this one 10; the picture is dropped" in log[0]
