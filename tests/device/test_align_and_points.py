"""ImageAlign and PointCloud: against what the scene's other cameras see, and its own geometry."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks import formats
from oakwright.device.message import image_message, stamp
from oakwright.device.scene import Scene
from tests.device.scene_pipelines import (
    P400,
    SCENE,
    color_model,
    entry,
    errors_of,
    mono_model,
    stream,
)

LEFT = mono_model(P400, -0.0375)
COLOR = color_model(640, 360)
COLOR_SOCKET, LEFT_SOCKET = 0, 1


def through(pipeline, frames, told=None, output="out"):
    """The one answer to frames sent by input stream, after a config if there is one."""
    with VirtualOak(deterministic=True) as oak, dai.Device(pipeline) as device:
        for name, frame, socket in frames:
            message = image_message(frame, socket=socket)
            device.getInputQueue(name).send(stamp(message, 1.0, 5))
            if told is not None:
                device.getInputQueue("config").send(told)
                told = None
                assert device.getOutputQueue(output).tryGet() is None
        message = device.getOutputQueue(output).get()
        assert message.getSequenceNum() == 5
        return message, oak


# -- ImageAlign


def aligned(frame, configure=lambda node: None, told=None):
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageAlign)
    configure(node)
    entry(pipeline, node.inputAlignTo, "to")
    entry(pipeline, node.inputConfig, "config")
    entry(pipeline, node.input, "in")
    stream(pipeline, node.outputAligned, "out")
    to = formats.encode(np.zeros((COLOR.height, COLOR.width, 3), np.uint8), "NV12")
    frames = [("to", to, COLOR_SOCKET), ("in", frame, LEFT_SOCKET)]
    message, _ = through(pipeline, frames, told)
    assert message.getInstanceNum() == COLOR_SOCKET
    assert message.getType().name == frame.type
    return message.getFrame()


def test_depth_is_what_the_other_camera_would_measure():
    truth = SCENE.render(COLOR, 0).depth_mm
    frame = formats.encode(SCENE.render(LEFT, 0).depth_mm, "RAW16")
    got = aligned(frame)
    assert got.shape == truth.shape
    errors, known = errors_of(got, truth)
    assert known > 0.9
    assert np.median(errors) < 0.002
    # At edges a pixel may belong to what is before or behind it.
    assert (errors < 0.01).mean() > 0.95
    # Left as it was it would be far off.
    before, _ = errors_of(cv2.resize(SCENE.render(LEFT, 0).depth_mm, (640, 360)), truth)
    assert (errors < 0.01).mean() > (before < 0.01).mean() + 0.1


def stretch(node):
    node.setOutputSize(300, 300)
    node.setOutKeepAspectRatio(False)


def test_a_size_of_its_own():
    frame = formats.encode(SCENE.render(LEFT, 0).depth_mm, "RAW16")
    assert aligned(frame, lambda n: n.setOutputSize(320, 180)).shape == (180, 320)
    stretched = aligned(
        frame, lambda n: (n.setOutputSize(300, 300), n.setOutKeepAspectRatio(False))
    )
    truth = SCENE.render(COLOR, 0).depth_mm
    whole = cv2.resize(truth, (300, 300), interpolation=cv2.INTER_NEAREST)
    errors, known = errors_of(stretched, whole)
    assert known > 0.85
    assert (errors < 0.01).mean() > 0.9


def test_a_picture_is_aligned_by_a_plane():
    """In an empty room the back wall is a plane, 6.5 m away."""
    room = Scene(0, things=())
    wall = room.render(COLOR, 0).depth_mm == 6500
    assert wall.mean() > 0.05
    wanted = cv2.cvtColor(room.picture(COLOR, 0), cv2.COLOR_BGR2GRAY)[wall].astype(float)
    frame = formats.encode(room.picture(LEFT, 0), "GRAY8")

    def by(config, plane):
        values = config.get()
        values.staticDepthPlane = plane
        config.set(values)
        return config

    def off(**how):
        return np.abs(aligned(frame, **how)[wall] - wanted).mean()

    right = off(configure=lambda n: by(n.initialConfig, 6500))
    # What is left is the blur of bringing rough paint over.
    assert right < 7
    for plane in (0, 1500):
        assert off(configure=lambda n, p=plane: by(n.initialConfig, p)) > 2 * right
    assert off(told=by(dai.ImageAlignConfig(), 6500)) == right


# -- PointCloud


def cloud(depth, configure=lambda config: None, told=None):
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.PointCloud)
    configure(node.initialConfig)
    entry(pipeline, node.inputConfig, "config")
    entry(pipeline, node.inputDepth, "in")
    stream(pipeline, node.outputPointCloud, "out")
    if told is None:
        return through(pipeline, [("in", formats.encode(depth, "RAW16"), LEFT_SOCKET)])[0]
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.getInputQueue("config").send(told)
        assert device.getOutputQueue("out").tryGet() is None
        message = image_message(formats.encode(depth, "RAW16"), socket=LEFT_SOCKET)
        device.getInputQueue("in").send(stamp(message, 1.0, 5))
        return device.getOutputQueue("out").get()


@pytest.fixture(scope="module")
def depth():
    return SCENE.render(LEFT, 0).depth_mm


def test_points_are_where_the_scene_has_them(depth):
    message = cloud(depth)
    points = message.getPoints()
    assert (message.getWidth(), message.getHeight()) == (640, 400)
    assert not message.isSparse()
    # Projected as the scene's camera does, each point is its own pixel, with its depth.
    known = depth.reshape(-1) > 0
    y, x = np.divmod(np.arange(depth.size), 640)
    pixels = LEFT.project(points[known].astype(np.float64))
    assert np.abs(pixels - np.stack([x, y], axis=1)[known]).max() < 0.02
    assert np.array_equal(points[:, 2], depth.reshape(-1).astype(np.float32))
    # Things' middles are behind their surfaces, in their midst.
    for thing in SCENE.render(LEFT, 0).objects:
        left, top, right, bottom = thing.box
        part = points.reshape(400, 640, 3)[top:bottom, left:right]
        part = part[np.abs(part[..., 2] - thing.depth_mm) < 60]
        middle = (part.min(axis=0) + part.max(axis=0))[:2] / 2
        if thing.visible > 0.99:
            assert np.abs(middle - 1000 * np.array(thing.position_m[:2])).max() < 60
    for axis, letter in enumerate("XYZ"):
        assert getattr(message, f"getMin{letter}")() == points[:, axis].min()
        assert getattr(message, f"getMax{letter}")() == points[:, axis].max()


def test_a_sparse_cloud_holds_what_is_known_only(depth):
    holes = depth.copy()
    holes[100:200] = 0
    message = cloud(holes, lambda config: config.setSparse(True))
    assert message.isSparse()
    assert (message.getWidth(), message.getHeight()) == (np.count_nonzero(holes), 1)
    everything = cloud(holes).getPoints()
    assert np.array_equal(message.getPoints(), everything[everything[:, 2] > 0])


def test_points_are_moved_as_told(depth):
    matrix = [[0.0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]
    told = dai.PointCloudConfig()
    told.setTransformationMatrix(matrix)
    plain, moved = cloud(depth).getPoints(), cloud(depth, told=told).getPoints()
    wanted = plain @ np.array(matrix)[:3, :3].T + (10, 20, 30)
    assert np.abs(moved - wanted).max() < 0.01
