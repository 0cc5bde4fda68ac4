"""Where a picture was cut from: predicted from the pipeline, compared with the picture itself."""

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.boards import calibration, find_board
from oakwright.device.nodes.field_of_view import find_sight
from oakwright.device.nodes.node import Context
from oakwright.device.scene import Motion, Scene, Thing
from oakwright.device.schema import read_pipeline
from oakwright.device.sources import SceneSource
from tests.device.scene_pipelines import entry, stream

BOARD = find_board("OAK-D")
PLACE = 0.25, 0.2, 2.0
RED = Thing("ball", "sphere", (0.2, 0.2, 0.2), Motion(PLACE), (10.0, 10.0, 230.0))
SCENE = Scene(0, things=(RED,))


def context_of(pipeline):
    handler = calibration(BOARD)
    values = dict.fromkeys(Context.__dataclass_fields__)
    values |= {"board": BOARD, "calibration": lambda: handler, "schema": read_pipeline(pipeline)}
    return Context(**values)


def sight_at_end(pipeline):
    context = context_of(pipeline)
    record = next(node for node in context.schema.nodes if node.kind == "XLinkOut")
    return find_sight(context, record, "in")


def picture_of(pipeline):
    source = SceneSource(scene=SCENE)
    with VirtualOak(source=source, deterministic=True), dai.Device(pipeline) as device:
        return device.getOutputQueue("picture").get().getCvFrame()


def color(pipeline, **settings):
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(*settings.pop("preview", (300, 300)))
    for name, value in settings.items():
        getattr(camera, name)(*value) if isinstance(value, tuple) else getattr(camera, name)(value)
    return camera


def manip(pipeline, source, configure):
    node = pipeline.create(dai.node.ImageManip)
    configure(node.initialConfig)
    node.setMaxOutputFrameSize(4_000_000)
    source.link(node.inputImage)
    return node.out


MAX = dai.ColorCameraProperties.SensorResolution
CASES = {
    "preview": lambda p: color(p).preview,
    "wide preview": lambda p: color(p, preview=(640, 352)).preview,
    "stretched preview": lambda p: color(p, setPreviewKeepAspectRatio=False).preview,
    "scaled isp": lambda p: color(p, setIspScale=(2, 3)).isp,
    "preview of a scaled isp": lambda p: color(p, setIspScale=(1, 2), preview=(200, 200)).preview,
    "small video": lambda p: color(p, setVideoSize=(1000, 600)).video,
    "moved crop": lambda p: color(p, setVideoSize=(800, 800), setSensorCrop=(0.4, 0.2)).video,
    "12 megapixels": lambda p: color(p, setResolution=MAX.THE_12_MP).preview,
    "manip cuts": lambda p: manip(
        p, color(p, preview=(640, 352)).preview, lambda c: c.setResize(200, 200)
    ),
    "manip stretches": lambda p: manip(
        p,
        color(p, preview=(640, 352)).preview,
        lambda c: (c.setResize(200, 200), c.setKeepAspectRatio(False)),
    ),
    "manip with bars": lambda p: manip(
        p, color(p, preview=(640, 352)).preview, lambda c: c.setResizeThumbnail(300, 300)
    ),
    "manip crops": lambda p: manip(
        p,
        color(p, preview=(600, 600)).preview,
        lambda c: (c.setCropRect(0.3, 0.4, 1.0, 0.9), c.setResize(210, 150)),
    ),
    "two manips": lambda p: manip(
        p,
        manip(p, color(p, preview=(640, 352)).preview, lambda c: c.setCropRect(0.5, 0.1, 1, 1)),
        lambda c: c.setResize(256, 200),
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_ball_is_where_the_sight_says(name):
    pipeline = dai.Pipeline()
    stream(pipeline, CASES[name](pipeline), "picture")
    sight = sight_at_end(pipeline)
    picture = picture_of(pipeline).astype(int)
    assert sight.socket == 0
    height, width = picture.shape[:2]
    assert sight.size == (width, height)
    red = picture[..., 2] > 2 * picture[..., :2].max(axis=-1) + 40
    y, x = (float(axis.mean()) for axis in np.nonzero(red))
    slopes = PLACE[0] / PLACE[2], PLACE[1] / PLACE[2]
    expected = (
        (slopes[0] - sight.left) / (sight.right - sight.left) * width,
        (slopes[1] - sight.top) / (sight.bottom - sight.top) * height,
    )
    # A sphere's outline is a little off its middle.
    assert (x, y) == pytest.approx(expected, abs=0.008 * max(width, height))


def test_grey_and_rectified_pictures_are_of_their_own_socket():
    pipeline = dai.Pipeline()
    stereo = pipeline.create(dai.node.StereoDepth)
    for socket, end in ((1, stereo.left), (2, stereo.right)):
        camera = pipeline.create(dai.node.MonoCamera)
        camera.setBoardSocket(dai.CameraBoardSocket(socket))
        camera.out.link(end)
    out = manip(pipeline, stereo.rectifiedRight, lambda c: c.setResize(300, 300))
    stream(pipeline, out, "picture")
    sight = sight_at_end(pipeline)
    assert sight.socket == 2
    # 300x300 from the middle of 1280x720.
    focal = 640 / np.tan(np.deg2rad(36))
    assert (sight.left, sight.top) == pytest.approx((-360 / focal, -360 / focal))


def test_nothing_is_claimed_of_pictures_from_the_host_or_changing_manips():
    pipeline = dai.Pipeline()
    link = pipeline.create(dai.node.XLinkOut)
    entry(pipeline, link.input, "picture")
    assert sight_at_end(pipeline) is None
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    color(pipeline).preview.link(node.inputImage)
    entry(pipeline, node.inputConfig, "config")
    stream(pipeline, node.out, "picture")
    assert sight_at_end(pipeline) is None
    pipeline = dai.Pipeline()
    out = manip(pipeline, color(pipeline).preview, lambda c: c.setHorizontalFlip(True))
    stream(pipeline, out, "picture")
    assert sight_at_end(pipeline) is None
