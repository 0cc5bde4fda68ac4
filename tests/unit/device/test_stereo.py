"""Stereo: rectification, matching and depth against the scene's truth; filters one by one."""

import cv2
import numpy as np
import pytest

from oakwright.device.blocks import depth_filters as filters
from oakwright.device.blocks.stereo import (
    LEFT,
    RIGHT,
    Lens,
    Matching,
    Pose,
    Rectifier,
    View,
    companded,
    depth_of,
    match,
    see_from,
)
from oakwright.device.scene import CameraModel, Scene

BASELINE_M = 0.075
SIZE = 640, 400


def camera(x_m, size=SIZE, view=72.0):
    return CameraModel.with_view(*size, view, (x_m, 0.0, 0.0))


def grey(view):
    return cv2.cvtColor(view.image, cv2.COLOR_BGR2GRAY)


@pytest.fixture(scope="module")
def scene():
    return Scene(0)


@pytest.fixture(scope="module")
def pair(scene):
    """Left and right views with their truth, at 640x400."""
    return scene.render(camera(-BASELINE_M / 2), 0.5), scene.render(camera(BASELINE_M / 2), 0.5)


def error_of(depth, truth):
    """Relative errors where there is a value, from 1 to 5 m; and the share that has one."""
    there = (truth >= 1000) & (truth <= 5000)
    known = there & (depth > 0)
    return np.abs(depth[known] / truth[known] - 1), known.sum() / there.sum()


@pytest.mark.parametrize("align", [RIGHT, LEFT])
@pytest.mark.parametrize(("bits", "median_error"), [(0, 0.03), (3, 0.016), (5, 0.016)])
def test_depth_is_the_scene_s(pair, align, bits, median_error):
    left, right = pair
    how = Matching(align=align, subpixel_bits=bits)
    found = match(grey(left), grey(right), how)
    assert int(found.disparity.max()) <= how.largest
    depth = depth_of(found.disparity, how.scale, camera(0).fx, BASELINE_M)
    errors, share = error_of(depth, (left if align == LEFT else right).depth_mm)
    assert np.median(errors) < median_error
    assert np.quantile(errors, 0.9) < 0.06
    assert share > 0.95


def test_median_error_is_at_most_5_percent_at_every_distance_from_1_to_5_m(scene):
    """At 1280x800 in whole pixels, in steps of a metre, over several moments."""
    size = 1280, 800
    depths, truths = [], []
    for time_s in (0.0, 2.5):
        left, right = (scene.render(camera(x, size), time_s) for x in (-0.0375, 0.0375))
        found = match(grey(left), grey(right), Matching())
        depths.append(depth_of(found.disparity, 1, camera(0, size).fx, BASELINE_M))
        truths.append(right.depth_mm)
    depth, truth = np.stack(depths), np.stack(truths)
    for start in range(1000, 5000, 1000):
        there = (truth >= start) & (truth < start + 1000) & (depth > 0)
        assert there.sum() > 10_000
        assert np.median(np.abs(depth[there] / truth[there] - 1)) <= 0.05


def test_extended_disparity_sees_nearer(scene):
    """At 640 pixels 95 levels end at 35 cm, 190 at 17 cm; here things are magnified instead."""
    shift = 120
    right = grey(scene.render(camera(0.0375), 0.0))
    left = np.roll(right, shift, axis=1)
    assert match(left, right, Matching(extended=True)).disparity[200, 300] == shift
    assert match(left, right, Matching()).disparity[200, 300] != shift
    assert Matching(extended=True).largest == 190
    assert Matching(subpixel_bits=3).largest == 760
    assert Matching(subpixel_bits=5).largest == 3040


def test_disparity_shift_starts_the_search_farther(scene):
    right = grey(scene.render(camera(0.0375), 0.0))
    left = np.roll(right, 110, axis=1)
    assert match(left, right, Matching(shift=48)).disparity[200, 300] == 110


def test_what_cannot_match_is_unsure(pair):
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 255, (2, 240, 320), dtype=np.uint8)
    found = match(left, right, Matching(check=1, confidence=200))
    assert (found.disparity > 0).mean() < 0.35
    assert np.median(found.confidence) > 200
    assert np.median(match(grey(pair[0]), grey(pair[1]), Matching()).confidence) < 60


def test_confidence_threshold_drops_the_less_sure(pair):
    left, right = grey(pair[0]), grey(pair[1])
    loose = match(left, right, Matching(confidence=255))
    strict = match(left, right, Matching(confidence=60))
    dropped = (loose.disparity > 0) & (strict.disparity == 0)
    assert dropped.any()
    assert np.array_equal(dropped, (loose.disparity > 0) & (loose.confidence > 60))
    truth = pair[1].depth_mm
    focal = camera(0).fx
    all_errors = error_of(depth_of(loose.disparity, 1, focal, BASELINE_M), truth)[0]
    kept_errors = error_of(depth_of(strict.disparity, 1, focal, BASELINE_M), truth)[0]
    assert np.quantile(kept_errors, 0.95) <= np.quantile(all_errors, 0.95)


def test_left_right_check_removes_what_one_camera_cannot_see(pair):
    left, right = grey(pair[0]), grey(pair[1])
    truth, other = pair[1].depth_mm.astype(int), pair[0].depth_mm.astype(int)
    disparity = camera(0).fx * BASELINE_M * 1000 / truth
    columns = np.rint(np.arange(SIZE[0])[None] + disparity).astype(int)
    inside = columns < SIZE[0]
    there = np.take_along_axis(other, np.minimum(columns, SIZE[0] - 1), axis=1)
    hidden = inside & (there < truth * 0.8)
    unchecked = match(left, right, Matching(check=None, confidence=255)).disparity
    checked = match(left, right, Matching(check=2, confidence=255)).disparity
    assert (unchecked[hidden] > 0).mean() > 0.9
    assert (checked[hidden] > 0).mean() < 0.3
    assert (checked[inside & ~hidden] > 0).mean() > 0.95


def test_edge_columns_are_dropped_on_the_side_of_the_view(pair):
    left, right = grey(pair[0]), grey(pair[1])
    assert not match(left, right, Matching(edge=20)).disparity[:, -20:].any()
    assert match(left, right, Matching(edge=20)).disparity[:, :20].any()
    assert not match(left, right, Matching(edge=20, align=LEFT)).disparity[:, :20].any()


def test_depth_is_focal_times_baseline_by_disparity():
    disparity = np.array([[0, 1, 50, 95, 760]], np.uint16)
    depth = depth_of(disparity, 1, 800.0, 0.075)
    assert depth.tolist() == [[0, 60000, 1200, 632, 79]]
    assert depth_of(disparity, 8, 800.0, 0.075)[0, 4] == 632
    assert depth_of(disparity, 1, 800.0, 0.075, units_per_m=100)[0, 2] == 120
    # 68 m in millimetres do not fit.
    assert depth_of(disparity, 1, 907.0, 0.075)[0, 1] == 0


# -- rectification


def lens(matrix=None, distortion=()):
    return Lens(camera(0).matrix if matrix is None else matrix, SIZE, distortion)


def test_parallel_cameras_are_left_as_they_are(pair):
    pose = Pose(np.eye(3), np.array([-BASELINE_M, 0, 0]))
    made = Rectifier(lens(), lens(), pose)
    left, right = made.apply(grey(pair[0]), grey(pair[1]))
    assert np.array_equal(left, grey(pair[0]))
    assert np.array_equal(right, grey(pair[1]))
    assert made.baseline_m == pytest.approx(BASELINE_M)
    assert not made.is_crossed


def test_turned_cameras_are_rectified(scene):
    """The right camera is rolled and toed in by two degrees; depth is as good as ever."""
    turn, _ = cv2.Rodrigues(np.deg2rad([0.5, -2.0, 2.0]))
    first = camera(-BASELINE_M / 2)
    other = CameraModel(
        *SIZE, first.fx, first.fy, 320, 200, (BASELINE_M / 2, 0, 0), tuple(map(tuple, turn))
    )
    pose = Pose(turn, turn @ np.array([-BASELINE_M, 0, 0]))
    made = Rectifier(lens(), lens(), pose)
    left, right = scene.render(first, 0.5), scene.render(other, 0.5)
    how = Matching(subpixel_bits=3, align=LEFT)
    raw = match(grey(left), grey(right), how).disparity
    pixels = made.apply(grey(left), grey(right))
    depth = depth_of(match(*pixels, how).disparity, how.scale, made.focal_px, made.baseline_m)
    # The truth from the left camera, turned as its picture was.
    turned = CameraModel(
        *SIZE,
        made.matrix[0, 0],
        made.matrix[1, 1],
        made.matrix[0, 2],
        made.matrix[1, 2],
        first.position_m,
        tuple(map(tuple, made.rotations[0])),
    )
    truth = scene.render(turned, 0.5).depth_mm
    errors, share = error_of(depth, truth)
    assert np.median(errors) < 0.02
    assert share > 0.85
    raw_errors, _ = error_of(depth_of(raw, how.scale, first.fx, BASELINE_M), left.depth_mm)
    assert np.median(raw_errors) > 0.1


def test_a_distorting_lens_is_straightened(scene):
    bent = lens(distortion=(-0.15, 0.03, 0.0, 0.0, 0.0))
    pose = Pose(np.eye(3), np.array([-BASELINE_M, 0, 0]))
    made = Rectifier(bent, bent, pose)
    view = scene.render(camera(-BASELINE_M / 2), 0.5)
    # What such a lens sees: each of its pixels looks where undistortPoints says.
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    points = np.stack([x, y], -1).reshape(-1, 1, 2)
    where = cv2.undistortPoints(points, bent.matrix, np.array(bent.distortion), P=bent.matrix)
    where = where.reshape(SIZE[1], SIZE[0], 2)
    seen = cv2.remap(grey(view), where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    straight, _ = made.apply(seen, seen)
    inner = np.s_[40:-40, 40:-40]
    # Two interpolations blur the finest grain.
    smooth = cv2.blur(grey(view), (5, 5)).astype(int)
    error = np.abs(cv2.blur(straight, (5, 5)).astype(int) - smooth)[inner]
    assert error.mean() < 2
    assert np.abs(cv2.blur(seen, (5, 5)).astype(int) - smooth)[inner].mean() > 5


def test_cameras_in_one_place_and_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="same place"):
        Rectifier(lens(), lens(), Pose(np.eye(3), np.zeros(3)))
    small = Lens(camera(0).matrix, (320, 200))
    with pytest.raises(ValueError, match="left pictures are"):
        Rectifier(small, lens(), Pose(np.eye(3), np.array([-1.0, 0, 0])))


# -- from another camera


def test_depth_is_seen_from_the_color_camera(scene, pair):
    """True depth of the right camera, moved, is the colour camera's true depth."""
    target = CameraModel.with_view(960, 540, 69.0)
    view = View(target.matrix, (960, 540), Pose(np.eye(3), np.array([BASELINE_M / 2, 0, 0])))
    truth = scene.render(target, 0.5).depth_mm
    source = pair[1].depth_mm
    depth, values = see_from(view, camera(0).matrix, source, source)
    assert depth.shape == (540, 960)
    inner = np.s_[40:-40, 60:-60]
    known = depth[inner] > 0
    assert known.mean() > 0.96
    errors = np.abs(depth[inner][known] / truth[inner][known] - 1)
    assert np.quantile(errors, 0.95) < 0.02
    assert np.array_equal(depth, values)


@pytest.mark.parametrize("side", [1, -1])
def test_near_things_hide_far_ones_when_seen_from_another_place(side):
    depth = np.full((50, 200), 4000, np.uint16)
    depth[10:40, 90:110] = 1000
    matrix = np.array([[100.0, 0, 100], [0, 100, 25], [0, 0, 1]])
    view = View(matrix, (200, 50), Pose(np.eye(3), np.array([side * 0.2, 0, 0])))
    seen, _ = see_from(view, matrix, depth, depth)
    # 20 pixels for the near one, 5 for the far one.
    start = 90 + side * 20
    assert (seen[12:38, start + 1 : start + 19] == 1000).all()
    assert (seen[5, 10:-10] == 4000).all()


def test_poses_chain_and_turn_back():
    turn, _ = cv2.Rodrigues(np.array([0.1, 0.2, 0.3]))
    there = Pose(turn, np.array([1.0, 2.0, 3.0]))
    back = there.inverse.after(there)
    assert np.allclose(back.rotation, np.eye(3))
    assert np.allclose(back.shift_m, 0)
    assert np.allclose(
        Pose.of(np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 7.5).shift_m, [0.075, 0, 0]
    )


# -- filters


def test_median_removes_single_values():
    values = np.full((20, 20), 400, np.uint16)
    values[10, 10] = 700
    assert (filters.median(values, 5) == 400).all()
    values[10, 10], values[values == 400] = 90, 40
    assert (filters.median(values, 7) == 40).all()


@pytest.mark.parametrize("size", [3, 5, 7])
def test_median_of_fine_disparities_is_the_median(size):
    values = np.random.default_rng(2).integers(0, 761, (30, 40), dtype=np.uint16)
    wide = np.pad(values, size // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (size, size))
    expected = np.median(windows.reshape(30, 40, -1), axis=-1)
    assert np.array_equal(filters.median(values, size), expected)


def test_bilateral_is_opencvs_and_keeps_holes():
    rng = np.random.default_rng(4)
    values = rng.integers(20, 90, (60, 80)).astype(np.uint16)
    for sigma in (1, 5, 40):
        ours = filters.bilateral(values, sigma).astype(int)
        theirs = cv2.bilateralFilter(values.astype(np.float32), 5, sigma, sigma)
        assert np.abs(ours - theirs).max() <= 0.51
    holes = values.copy()
    holes[20:30, 20:30] = 0
    found = filters.bilateral(holes, 40)
    assert not found[20:30, 20:30].any()
    assert found[31:, :].min() >= 20, "what is missing pulls nothing down"


def test_companding_looks_at_every_second_then_at_every_fourth():
    """Against the list of what is looked at: 48, 32 and 16 of them, 176 in reach."""
    looked_at = np.array([*range(48), *range(48, 112, 2), *range(112, 176, 4)])
    assert len(looked_at) == 48 + 32 + 16
    found = companded(np.arange(176, dtype=np.uint16))
    assert set(found.tolist()) <= set(looked_at.tolist())
    nearest = np.abs(looked_at[None] - np.arange(176)[:, None]).min(axis=1)
    assert np.array_equal(np.abs(found.astype(int) - np.arange(176)), nearest)


def test_decimation_modes():
    block = np.array([[0, 8], [4, 6]], np.uint16)
    values = np.tile(block, (3, 4))
    assert (filters.decimate(values, 2, filters.SKIP) == 0).all()
    assert (filters.decimate(values, 2, filters.NON_ZERO_MEAN) == 6).all()
    assert (filters.decimate(values, 2, filters.NON_ZERO_MEDIAN) == 6).all()
    assert filters.decimate(values, 2, filters.SKIP).shape == (3, 4)
    assert (filters.decimate(np.zeros((4, 4), np.uint16), 2, filters.NON_ZERO_MEDIAN) == 0).all()


def test_speckles_go_and_surfaces_stay():
    values = np.full((60, 60), 80, np.uint16)
    values[10:13, 10:13] = 160
    values[30:50, 30:50] = 240
    done = filters.without_speckles(values, 50, 2, 8)
    assert not done[10:13, 10:13].any()
    assert (done[30:50, 30:50] == 240).all()
    assert done[5, 5] == 80


def test_spatial_mean_smooths_surfaces_keeps_edges_and_fills_small_holes():
    rng = np.random.default_rng(1)
    values = np.full((60, 80), 200.0)
    values[:, 40:] = 400
    noisy = (values + rng.integers(-6, 7, values.shape)).astype(np.uint16)
    noisy[20, 15] = 0
    noisy[40:50, 10:20] = 0
    mean = filters.Mean(0.5, reach=2)
    done = filters.smooth_space(noisy, mean, 8)
    assert done[10:35, :38].astype(float).std() < 0.6 * noisy[5:15, :38].astype(float).std()
    assert abs(float(done[:35, 5:38].mean()) - 200) < 3
    assert abs(float(done[:35, 42:].mean()) - 400) < 3
    assert done[20, 15] > 180
    assert done[45, 15] == 0


def test_temporal_mean_follows_and_remembers():
    chain = filters.FilterChain()
    mean = filters.Mean(0.5, persistency=3)
    order = filters.Filters(order=(filters.TEMPORAL,), temporal=mean)

    def step(value):
        return int(chain.apply(np.full((2, 2), value, np.uint16), order, 8)[0, 0])

    assert step(100) == 100
    assert step(110) == 105
    # An edge in time: no mixing.
    assert step(300) == 300
    # Twice or more valid in the last four: kept for a while, then lost.
    assert [step(0) for _ in range(4)] == [300, 300, 300, 0]


def test_filters_run_in_the_order_asked():
    values = np.zeros((8, 8), np.uint16)
    values[::2, ::2] = 9
    first = filters.Filters(order=(filters.DECIMATION, filters.MEDIAN), median=3, decimation=2)
    then = filters.Filters(order=(filters.MEDIAN, filters.DECIMATION), median=3, decimation=2)
    assert (filters.FilterChain().apply(values, first, 1) == 9).all()
    assert not filters.FilterChain().apply(values, then, 1)[1:, 1:].any()


def test_ranges():
    depth = np.array([[100, 500, 9000]], np.uint16)
    assert filters.within(depth, 200, 1000).tolist() == [[0, 500, 0]]
    assert filters.within(depth, 0, 65535) is depth
    pixels = np.array([[0, 100, 255]], np.uint8)
    assert filters.bright_enough(depth, pixels, 1, 254).tolist() == [[0, 500, 0]]
