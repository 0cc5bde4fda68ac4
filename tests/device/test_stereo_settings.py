"""Each of StereoDepth's settings, set in a pipeline, changes the maps as it says it does."""

from functools import cache

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks import depth_filters
from oakwright.device.sources import SceneSource
from tests.device.scene_pipelines import P400 as SIZE
from tests.device.scene_pipelines import (
    SCENE,
    collect,
    errors_of,
    mono_model,
    stereo_pipeline,
    stream,
)

FOCAL_PX, BASELINE_M = 320 / np.tan(np.radians(36)), 0.075
MEDIAN = dai.StereoDepthProperties.MedianFilter


class Shifted:
    """Left and right see one rough plane, so many pixels apart; in some places only noise."""

    def __init__(self, pixels, noisy=False):
        rng = np.random.default_rng(5)
        wide = rng.integers(0, 255, (400, 1000), np.uint8)
        self._wide, self._pixels = cv2.GaussianBlur(wide, (0, 0), 1.5), pixels
        self._noise = rng.integers(0, 255, (2, 400, 640), np.uint8) if noisy else None

    def frame(self, shot):
        # What is near is farther right in the left picture.
        start = 300 if shot.camera.name == "right" else 300 - self._pixels
        picture = self._wide[:, start : start + 640].copy()
        if self._noise is not None:
            picture[150:250] = self._noise[int(shot.camera.name == "right")][150:250]
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)

    def close(self):
        pass


def maps(source, configure=lambda stereo: None, raw=lambda config: None, count=1):
    """Depth and disparity as arrays."""

    def both(stereo):
        stereo.initialConfig.setMedianFilter(MEDIAN.MEDIAN_OFF)
        stereo.setLeftRightCheck(False)
        stereo.initialConfig.setConfidenceThreshold(255)
        configure(stereo)
        values = stereo.initialConfig.get()
        raw(values)
        stereo.initialConfig.set(values)

    pipeline, stereo = stereo_pipeline(both)
    for name in ("depth", "disparity"):
        stream(pipeline, getattr(stereo, name), name)
    messages, _ = collect(pipeline, ["depth", "disparity"], count=count, source=source)
    return tuple(messages[name].getFrame().copy() for name in ("depth", "disparity"))


@cache
def without_filters():
    return maps(Shifted(40, noisy=True))


def middle(values):
    return values[20:140, 60:480]


def test_a_plane_is_where_its_disparity_says():
    depth, disparity = maps(Shifted(40))
    assert np.median(middle(disparity)) == 40
    assert np.median(middle(depth)) == pytest.approx(1000 * FOCAL_PX * BASELINE_M / 40, rel=0.01)


def test_subpixels_are_eighths_to_thirty_seconds():
    for bits in (3, 4, 5):

        def configure(stereo, bits=bits):
            stereo.setSubpixel(True)
            stereo.setSubpixelFractionalBits(bits)

        _, disparity = maps(Shifted(40), configure)
        assert np.median(middle(disparity)) == 40 << bits


@pytest.mark.parametrize("how", ["plain", "extended", "companded", "shifted"])
def test_what_is_too_near_needs_a_wider_range(how):
    """130 pixels, 25 cm: beyond 96, within twice as many, within sparse matching's 176."""

    def configure(stereo):
        stereo.setExtendedDisparity(how == "extended")

    def raw(values):
        values.costMatching.enableCompanding = how == "companded"
        values.algorithmControl.disparityShift = 60 if how == "shifted" else 0

    depth, disparity = maps(Shifted(130), configure, raw)
    truth = 1000 * FOCAL_PX * BASELINE_M / 130
    share = (np.abs(middle(depth) / truth - 1) < 0.02).mean()
    assert share < 0.02 if how == "plain" else share > 0.9, share
    if how == "companded":
        # Only depth has the wider range.
        assert (middle(disparity) == 130).mean() < 0.02


def test_the_invalid_value_stands_where_there_is_none():
    plain = maps(Shifted(40), lambda s: s.initialConfig.setConfidenceThreshold(100))
    marked = maps(
        Shifted(40),
        lambda s: s.initialConfig.setConfidenceThreshold(100),
        lambda c: setattr(c.costMatching, "invalidDisparityValue", 200),
    )
    missing = plain[1] == 0
    assert missing.any()
    assert (marked[1][missing] == 200).all()
    assert np.array_equal(marked[1][~missing], plain[1][~missing])
    assert np.array_equal(marked[0], plain[0])


def test_confidence_drops_noise_and_keeps_the_plane():
    _, loose = without_filters()
    _, strict = maps(Shifted(40, noisy=True), lambda s: s.initialConfig.setConfidenceThreshold(120))
    noise, plane = slice(160, 240), slice(20, 140)
    assert (loose[noise, 60:480] > 0).mean() > 0.5
    assert (strict[noise, 60:480] > 0).mean() < 0.5 * (loose[noise, 60:480] > 0).mean()
    assert (strict[plane, 60:480] == 40).mean() > 0.9


# Filters: what the pipeline sends is what the filter makes of the map without it.
FILTERS = {
    "median 3": (
        lambda c: setattr(c.postProcessing, "median", dai.MedianFilter.KERNEL_3x3),
        lambda d: depth_filters.median(d, 3),
    ),
    "median 7": (
        lambda c: setattr(c.postProcessing, "median", dai.MedianFilter.KERNEL_7x7),
        lambda d: cv2.medianBlur(d.astype(np.uint8), 7),
    ),
    "bilateral": (
        lambda c: setattr(c.postProcessing, "bilateralSigmaValue", 20),
        lambda d: depth_filters.bilateral(d, 20),
    ),
    "speckle": (
        lambda c: (
            setattr(c.postProcessing.speckleFilter, "enable", True),
            setattr(c.postProcessing.speckleFilter, "speckleRange", 60),
        ),
        lambda d: speckles_by_opencv(d, 60),
    ),
    "decimation": (
        lambda c: setattr(c.postProcessing.decimationFilter, "decimationFactor", 2),
        lambda d: d[::2, ::2],
    ),
    "brightness": (
        lambda c: setattr(c.postProcessing.brightnessFilter, "minBrightness", 130),
        None,
    ),
    "spatial": (
        lambda c: setattr(c.postProcessing.spatialFilter, "enable", True),
        lambda d: depth_filters.smooth_space(d, spatial_defaults(), 1),
    ),
}


def spatial_defaults():
    """The API's own."""
    values = dai.StereoDepthConfig().get().postProcessing.spatialFilter
    return depth_filters.Mean(
        values.alpha, values.delta, values.holeFillingRadius, values.numIterations
    )


def speckles_by_opencv(disparity, size):
    values = disparity.astype(np.int16)
    cv2.filterSpeckles(values, 0, size, 2)
    return values


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_set_in_the_pipeline_is_applied(name):
    configure, oracle = FILTERS[name]
    _, plain = without_filters()
    _, filtered = maps(Shifted(40, noisy=True), raw=configure)
    if oracle is not None:
        assert np.array_equal(filtered, oracle(plain))
        assert filtered.shape != plain.shape or not np.array_equal(filtered, plain)
    else:
        lost = (plain > 0) & (filtered == 0)
        assert 0.2 < lost.sum() / (plain > 0).sum() < 0.8
        assert np.array_equal(filtered[filtered > 0], plain[filtered > 0])


def test_the_threshold_keeps_depths_of_a_range():
    def raw(values):
        values.postProcessing.thresholdFilter.minRange = 700
        values.postProcessing.thresholdFilter.maxRange = 900

    depth, _ = maps(Shifted(40, noisy=True), raw=raw)
    assert depth[depth > 0].min() >= 700
    assert depth.max() <= 900
    assert np.median(middle(depth)) == pytest.approx(826, rel=0.01)


def test_left_right_check_drops_what_one_camera_does_not_see():
    truth = SCENE.render(mono_model(SIZE), 0.0).depth_mm
    errors = []
    for check in (False, True):
        depth, _ = maps(SceneSource(scene=SCENE), lambda s, check=check: s.setLeftRightCheck(check))
        wrong = np.abs(depth.astype(float) / truth - 1) > 0.2
        errors.append((wrong & (depth > 0) & (truth < 5000)).mean())
        assert errors_of(depth, truth)[1] > 0.8
    assert errors[1] < errors[0] * 0.85


def test_time_smooths_what_stands_still():
    """The chip's noise is not there: the mean over time of a still pair is the pair's own map."""

    def raw(values):
        values.postProcessing.temporalFilter.enable = True

    _, plain = without_filters()
    _, smooth = maps(Shifted(40, noisy=True), raw=raw, count=3)
    assert np.array_equal(plain, smooth)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(dai.node.StereoDepth.PresetMode.__members__))
def test_a_preset_measures_the_plane(name):
    preset = getattr(dai.node.StereoDepth.PresetMode, name)
    pipeline, stereo = stereo_pipeline(lambda s: s.setDefaultProfilePreset(preset))
    stream(pipeline, stereo.depth, "depth")
    messages, _ = collect(pipeline, ["depth"], count=2, source=Shifted(40))
    depth = messages["depth"].getFrame()
    known = middle(depth)[middle(depth) > 0]
    assert np.median(known) == pytest.approx(826, rel=0.01)
    assert len(known) > 0.8 * middle(depth).size
    assert VirtualOak._active is None
