"""FeatureTracker: corners against OpenCV's, their ways against a known motion of the picture."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks import formats
from oakwright.device.blocks.features import HARRIS, SHI_THOMASI, scores_of
from oakwright.device.message import image_message, stamp
from tests.device.scene_pipelines import P400 as SIZE
from tests.device.scene_pipelines import SCENE, entry, mono_model, stream

GREY = cv2.cvtColor(SCENE.picture(mono_model(SIZE), 0), cv2.COLOR_BGR2GRAY)


def test_scores_are_opencvs_but_for_their_scale():
    # Of unscaled sums over nine pixels; OpenCV divides by (4 * 3 * 255) squared, and that squared.
    scale = (4 * 3 * 255) ** 2
    inner = slice(8, -8), slice(8, -8)
    harris = cv2.cornerHarris(GREY, 3, 3, 0.04)[inner] * float(scale) ** 2
    least = cv2.cornerMinEigenVal(GREY, 3, 3)[inner] * scale
    for kind, truth in ((HARRIS, harris), (SHI_THOMASI, least)):
        ours = scores_of(GREY, kind)[inner]
        assert np.abs(ours - truth).max() < 1e-3 * np.abs(truth).max()


def moved(pictures, x, y):
    """The scene shown so many times, each shifted by (x, y) from the one before."""
    for number in range(pictures):
        matrix = np.float64([[1, 0, x * number], [0, 1, y * number]])
        yield cv2.warpAffine(GREY, matrix, GREY.shape[::-1], borderMode=cv2.BORDER_REFLECT)


def features(pictures, configure=lambda config: None, told=None, kind="GRAY8"):
    pipeline = dai.Pipeline()
    tracker = pipeline.create(dai.node.FeatureTracker)
    configure(tracker.initialConfig)
    entry(pipeline, tracker.inputImage, "in")
    entry(pipeline, tracker.inputConfig, "config")
    stream(pipeline, tracker.outputFeatures, "out")
    seen = []
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        for number, picture in enumerate(pictures):
            if told is not None and number == 1:
                device.getInputQueue("config").send(told)
            frame = image_message(formats.encode(picture, kind), socket=1)
            device.getInputQueue("in").send(stamp(frame, 1 + number / 30, number))
            message = device.getOutputQueue("out").get()
            assert message.getSequenceNum() == number
            seen.append({f.id: f for f in message.trackedFeatures})
    return seen


def no_motion(config):
    config.setMotionEstimator(False)


@pytest.mark.parametrize("corner", list(dai.FeatureTrackerConfig.CornerDetector.Type.__members__))
def test_corners_are_where_opencv_finds_them(corner):
    def configure(config):
        no_motion(config)
        config.setCornerDetector(getattr(dai.FeatureTrackerConfig.CornerDetector.Type, corner))

    (found,) = features([GREY], configure)
    assert 250 < len(found) <= 320
    theirs = cv2.goodFeaturesToTrack(
        GREY, 100_000, 1e-3, 1, blockSize=3, useHarrisDetector=corner == "HARRIS"
    )[:, 0]
    ours = np.array([(f.position.x, f.position.y) for f in found.values()])
    apart = np.hypot(*(ours[:, None] - theirs[None]).transpose(2, 0, 1)).min(axis=1)
    assert (apart <= 1).all()
    # The default distance is 50 squared pixels.
    between = np.hypot(*(ours[:, None] - ours[None]).transpose(2, 0, 1))
    assert between[~np.eye(len(ours), dtype=bool)].min() ** 2 >= 49
    # A quarter of the grid holds its share and no more.
    quarter = (ours[:, 0] < 160) & (ours[:, 1] < 100)
    assert quarter.sum() <= 20


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.5, -1.25)])
def test_ids_follow_the_picture(shift):
    seen = features(moved(8, *shift))
    first, last = seen[0], seen[-1]
    lived = [id for id in first if id in last]
    assert len(lived) > 0.6 * len(first)
    off = [
        np.hypot(
            last[id].position.x - first[id].position.x - 7 * shift[0],
            last[id].position.y - first[id].position.y - 7 * shift[1],
        )
        for id in lived
    ]
    assert np.median(off) < 0.3
    assert np.mean(np.array(off) < 1.5) > 0.9
    assert {last[id].age for id in lived} == {7}
    assert all(last[id].harrisScore >= 200000 for id in lived)


def test_another_picture_has_other_features():
    seen = features([GREY, np.ascontiguousarray(GREY[::-1, ::-1]) // 2 + 60])
    stayed = [id for id in seen[0] if id in seen[1] and seen[1][id].trackingError < 500]
    assert len(stayed) < 0.3 * len(seen[0])


def test_a_config_holds_from_the_next_picture_on():
    told = dai.FeatureTrackerConfig()
    told.setNumTargetFeatures(64)
    told.setMotionEstimator(False)
    seen = features([GREY, GREY, GREY], no_motion, told, "NV12")
    assert [len(found) > 200 for found in seen] == [True, False, False]
    assert 40 < len(seen[1]) <= 64
