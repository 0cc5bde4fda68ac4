"""ToF: depth of a time-of-flight camera, against the scene's truth."""

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.boards import find_board
from oakwright.device.sources import SceneSource
from oakwright.device.sources.scene import camera_model
from oakwright.errors import PipelineError
from tests.device.scene_pipelines import SCENE, stream

BOARD = "OAK-D-SR-POE"
FPS = 20
UPRIGHT = dai.CameraImageOrientation.ROTATE_180_DEG


def pictures(configure=lambda config: None, outputs=("depth",), orientation=UPRIGHT, source=None):
    pipeline = dai.Pipeline()
    camera, tof = pipeline.create(dai.node.Camera), pipeline.create(dai.node.ToF)
    camera.setBoardSocket(dai.CameraBoardSocket.CAM_A)
    camera.setImageOrientation(orientation)
    camera.setFps(FPS)
    values = tof.initialConfig.get()
    configure(values)
    tof.initialConfig.set(values)
    camera.raw.link(tof.input)
    for name in outputs:
        stream(pipeline, getattr(tof, name), name)
    source = SceneSource(scene=SCENE) if source is None else source
    with (
        VirtualOak(source=source, board=BOARD, deterministic=True),
        dai.Device(pipeline) as device,
    ):
        kinds = {f.name: f.supportedTypes[0] for f in device.getConnectedCameraFeatures()}
        assert kinds["tof"] == dai.CameraSensorType.TOF
        for _ in range(2):
            got = {name: device.getOutputQueue(name).get() for name in outputs}
    # Every second raw picture gives one of depth: 1, then 3.
    assert {m.getSequenceNum() for m in got.values()} == {3}
    return [got[name].getFrame() for name in outputs]


def truth():
    rendering = SCENE.render(camera_model(find_board(BOARD).named("tof")), 3 / FPS)
    return rendering.depth_mm


def test_depth_is_the_scenes():
    (depth,) = pictures()
    assert depth.shape == (480, 640)
    assert np.array_equal(depth, truth())


def test_as_it_is_built_in_pictures_are_upside_down():
    (depth,) = pictures(orientation=dai.CameraImageOrientation.NORMAL)
    assert np.array_equal(depth[::-1, ::-1], truth())


@pytest.mark.parametrize(("unwraps", "level", "reach"), [(True, 2, 4500), (False, 4, 1500)])
def test_beyond_its_range_depth_starts_again(unwraps, level, reach):
    def configure(values):
        values.enablePhaseUnwrapping, values.phaseUnwrappingLevel = unwraps, level

    (depth,) = pictures(configure)
    assert np.array_equal(depth, truth() % reach)


def test_the_median_takes_single_pixels_away():
    def configure(values):
        values.median = dai.MedianFilter.KERNEL_5x5

    (depth,) = pictures(configure)
    assert (depth == truth()).mean() > 0.6
    assert np.median(np.abs(depth.astype(int) - truth())) <= 1


def test_what_is_near_and_bright_gives_more_back():
    depth, back, light = pictures(outputs=("depth", "amplitude", "intensity"))
    assert back.max() <= 4095
    near, far = (depth > 0) & (depth < 2000), depth > 5000
    share = back / np.maximum(light, 1)
    assert np.median(share[near]) > 4 * np.median(share[far])


def test_a_source_without_depth_is_named():
    with pytest.raises(PipelineError, match="nobody knows how far things are"):
        pictures(source=np.zeros((48, 64, 3), np.uint8))
