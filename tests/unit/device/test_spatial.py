"""Places of regions: statistics, thresholds, and coordinates by the pinhole."""

import numpy as np
import pytest

from oakwright.device.blocks.spatial import (
    MAX,
    MEAN,
    MEDIAN,
    MIN,
    MODE,
    Rectangle,
    Region,
    locate,
)

MATRIX = np.array([[400.0, 0, 320], [0, 400, 200], [0, 0, 1]])
WHOLE = Rectangle(0.0, 0.0, 1.0, 1.0)


def flat(z=2000):
    return np.full((400, 640), z, np.uint16)


def test_coordinates_are_right_up_and_forward():
    right_and_up = locate(flat(), MATRIX, Region(Rectangle(0.7, 0.1, 0.1, 0.1)))
    assert right_and_up.z == 2000
    assert right_and_up.x == pytest.approx(2000 * (480 - 320) / 400)
    assert right_and_up.y == pytest.approx(2000 * (200 - 60) / 400)
    assert (locate(flat(), MATRIX, Region(WHOLE)).x, locate(flat(), MATRIX, Region(WHOLE)).y) == (
        0,
        0,
    )


def test_pixels_and_parts_mean_the_same_region():
    parts = Rectangle(0.25, 0.5, 0.25, 0.25)
    pixels = Rectangle(160, 200, 160, 100)
    assert parts.is_normalized
    assert not pixels.is_normalized
    assert parts.in_pixels(640, 400) == pixels.in_pixels(640, 400) == (160, 200, 320, 300)


@pytest.mark.parametrize(
    ("algorithm", "expected"), [(MEAN, 26.25), (MIN, 10), (MAX, 60), (MODE, 10), (MEDIAN, 20)]
)
def test_algorithms(algorithm, expected):
    depth = np.zeros((1, 8), np.uint16)
    depth[0, :4] = 10
    depth[0, 4:] = 30, 40, 50, 60
    found = locate(depth, MATRIX, Region(Rectangle(0, 0, 8, 1), algorithm=algorithm, step=1))
    if algorithm == MEAN:
        expected = depth.mean()
    assert found.z == expected
    assert (found.smallest, found.largest, found.count) == (10, 60, 8)
    assert (found.mean, found.median, found.mode) == (depth.mean(), 20, 10)


def test_zeros_and_what_lies_outside_the_thresholds_do_not_count():
    depth = flat(0)
    depth[:100] = 500
    depth[100:200] = 3000
    found = locate(depth, MATRIX, Region(WHOLE, lower=100, upper=1000, algorithm=MEAN))
    assert found.z == 500
    assert found.count == 100 * 640


def test_nothing_known_is_all_zero():
    found = locate(flat(0), MATRIX, Region(WHOLE))
    assert (found.x, found.y, found.z, found.count) == (0, 0, 0, 0)


def test_step_takes_every_so_many_pixels():
    assert locate(flat(), MATRIX, Region(WHOLE, algorithm=MEAN)).count == 640 * 400
    assert locate(flat(), MATRIX, Region(WHOLE, algorithm=MEDIAN)).count == 320 * 200
    assert locate(flat(), MATRIX, Region(WHOLE, algorithm=MEAN, step=4)).count == 160 * 100


@pytest.mark.parametrize(
    "rectangle",
    [
        Rectangle(0.0, 0.0, 0.0, 0.0),
        Rectangle(-0.5, -0.5, 2.5, 2.5),
        Rectangle(5000, 5000, 10, 10),
        Rectangle(-10, -10, 5, 5),
    ],
)
def test_regions_outside_the_picture_stay_in_it(rectangle):
    left, top, right, bottom = rectangle.in_pixels(640, 400)
    assert 0 <= left < right <= 640
    assert 0 <= top < bottom <= 400
    assert locate(flat(), MATRIX, Region(rectangle)).z == 2000


def test_rectangles_shrink_about_their_middle_and_stay_inside():
    half = Rectangle(0.2, 0.4, 0.4, 0.2).scaled(0.5)
    assert (half.x, half.y, half.width, half.height) == pytest.approx((0.3, 0.45, 0.2, 0.1))
    inside = Rectangle(-0.1, 0.5, 0.3, 0.8).inside()
    assert (inside.x, inside.y, inside.width, inside.height) == pytest.approx((0, 0.5, 0.2, 0.5))


def test_dai_rect_decides_the_same():
    dai = pytest.importorskip("depthai")
    for numbers in (
        (0.5, 0.5, 1, 1),
        (1, 1, 1, 1),
        (0, 0, 1.5, 1),
        (0, 0, 1, 2),
        (2, 0.1, 0.1, 0.1),
        (-0.1, 0, 0.5, 0.5),
        (0, 0, 0, 0),
        (10, 10, 50, 50),
    ):
        assert Rectangle(*numbers).is_normalized == dai.Rect(*numbers).isNormalized(), numbers
