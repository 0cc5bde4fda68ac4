"""Pictures cut to size: no aliasing, nothing moved, whatever way is the fastest."""

import cv2
import numpy as np
import pytest

from oakwright.device.blocks.sensor import cut


@pytest.mark.parametrize(
    ("source", "target"),
    [((720, 720), (300, 300)), ((1080, 1080), (300, 300)), ((1080, 1920), (360, 640))],
)
def test_shrinking_agrees_with_means_over_areas(source, target):
    coarse = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, source[::-1], interpolation=cv2.INTER_CUBIC)
    got = cut(pixels, 0, 0, source[1], source[0], target[1], target[0])
    oracle = cv2.resize(pixels, target[::-1], interpolation=cv2.INTER_AREA)
    # A smooth picture; a quarter of a pixel aside would be more than 3 levels.
    assert np.abs(got.astype(int) - oracle).max() <= 3


@pytest.mark.parametrize("size", [(720, 720), (1080, 1080), (1079, 1081), (700, 500)])
def test_fine_stripes_become_grey_not_coarse_stripes(size):
    stripes = np.zeros((*size, 3), np.uint8)
    stripes[:, ::2] = 254
    got = cut(stripes, 0, 0, size[1], size[0], 300, 240)
    assert got.astype(float).std() < 30  # of 127; means over fractions of pixels leave that much
    assert abs(got.mean() - 127) < 3
