"""What settings make of a picture, against colorimetry and OpenCV."""

import cv2
import numpy as np
import pytest

from oakwright.device.blocks.look import (
    RIGHT_EXPOSURE,
    RIGHT_KELVIN,
    Look,
    apply,
    focused_at,
    light_of,
    locus,
)


@pytest.fixture
def picture():
    """A smooth picture with every colour, nothing near black or white."""
    rng = np.random.default_rng(1)
    small = rng.integers(60, 190, (9, 16, 3), np.uint8)
    return cv2.resize(small, (320, 180), interpolation=cv2.INTER_CUBIC).clip(50, 200)


def test_as_made_it_changes_nothing_and_copies_nothing(picture):
    assert apply(picture, Look()) is picture
    before = picture.copy()
    apply(picture, Look(exposure_us=5000, iso=800, brightness=3, kelvin=3000, effect="SEPIA"))
    assert np.array_equal(picture, before), "the source's own picture is left alone"


@pytest.mark.parametrize("gain", [0.25, 0.5, 2.0])
def test_exposure_times_iso_is_light(picture, gain):
    """In linear light, by OpenCV's pow, twice the time is twice the light, and so is the ISO."""
    for exposure, iso in ((20_000 * gain, 400), (20_000, 400 * gain)):
        shown = apply(picture, Look(exposure_us=exposure, iso=iso)).astype(np.float32) / 255
        light, before = cv2.pow(shown, 2.2), cv2.pow(picture.astype(np.float32) / 255, 2.2)
        inside = shown.max(axis=2) < 0.98
        ratio = light[inside].sum() / before[inside].sum()
        assert ratio == pytest.approx(gain, rel=0.02)
    assert RIGHT_EXPOSURE == 20_000 * 400


def test_more_iso_is_more_noise_the_same_for_the_same_frame():
    flat = np.full((200, 600, 3), 120, np.uint8)

    def deviation(iso, seed=0):
        look = Look(exposure_us=RIGHT_EXPOSURE / iso, iso=iso)
        return float(apply(flat, look, seed=seed).std())

    assert deviation(1600) == pytest.approx(4 * deviation(100), rel=0.3)
    look = Look(exposure_us=5000, iso=1600)
    same, again, other = (apply(flat, look, seed=n) for n in (1, 1, 2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)


def test_a_compensation_of_three_is_a_stop(picture):
    up = apply(picture, Look(compensation=3))
    manual = apply(picture, Look(exposure_us=40_000, iso=400))
    # But for the noise, which is a manual ISO's.
    assert np.abs(up.astype(int) - manual).mean() < 1


def test_a_metered_region_is_brought_to_the_middle(picture):
    dark = picture.copy()
    dark[:, :160] //= 3
    shown = apply(dark, Look(region=(0, 0, 0.5, 1)))
    light = ((shown[:, :160] / 255.0) ** 2.2).mean()
    assert light == pytest.approx(0.18, rel=0.1)
    assert shown[:, 160:].mean() > dark[:, 160:].mean() + 20, "the rest is overexposed"


# -- colour


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    # A black body's chromaticity (CIE 1931), as tables have it; 2856 K is illuminant A.
    [
        (2000, 0.5267, 0.4133),
        (2856, 0.4476, 0.4074),
        (5000, 0.3451, 0.3516),
        (6500, 0.3135, 0.3237),
        (10000, 0.2807, 0.2884),
    ],
)
def test_the_locus_is_plancks(kelvin, x, y):
    assert locus(kelvin) == pytest.approx((x, y), abs=0.001)


def test_a_lamp_is_redder_than_the_sky():
    ratios = [light_of(k)[2] / light_of(k)[0] for k in (2000, 3000, 5000, 8000, 12000)]
    assert ratios == sorted(ratios, reverse=True)
    # sRGB's white is D65, close to a black body's 6500 K.
    assert light_of(6500) == pytest.approx((1, 1, 1), abs=0.06)


def test_whites_are_white_in_the_light_that_is_told(picture):
    blue, _, red = apply(picture, Look(kelvin=3000)).mean((0, 1)) - picture.mean((0, 1))
    assert blue > 20 > -20 > red, "told it was a lamp, daylight looks blue"
    blue, _, red = apply(picture, Look(kelvin=9000)).mean((0, 1)) - picture.mean((0, 1))
    assert red > 10 > -10 > blue
    same = apply(picture, Look(kelvin=RIGHT_KELVIN))
    assert np.abs(same.astype(int) - picture).max() <= 1
    # A grey card lit by that lamp is grey.
    lamp, sun = light_of(3000), light_of(RIGHT_KELVIN)
    card = [255 * (0.2 * a / b) ** (1 / 2.2) for a, b in zip(lamp, sun, strict=True)]
    card = np.tile(np.rint(card).astype(np.uint8), (8, 8, 1))
    assert np.ptp(apply(card, Look(kelvin=3000))[0, 0].astype(int)) <= 2 < np.ptp(card[0, 0])


def saturation(pixels):
    return float(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)[..., 1].mean())


def test_saturation_of_minus_ten_is_grey(picture):
    values = [saturation(apply(picture, Look(saturation=s))) for s in (-10, -5, 0, 5)]
    assert values == sorted(values)
    assert values[0] < 2
    grey = apply(picture, Look(saturation=-10))[..., 0].astype(int)
    assert np.abs(grey - cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)).max() <= 1


def test_brightness_shifts_and_contrast_spreads(picture):
    bright = apply(picture, Look(brightness=2)).astype(int)
    assert (bright - picture).mean() == pytest.approx(25.5, abs=0.6)
    flat = apply(picture, Look(contrast=-5)).astype(float)
    assert flat.std() == pytest.approx(picture.std() / 2, rel=0.02)
    assert apply(picture, Look(contrast=5)).std() > picture.std() * 1.3


@pytest.mark.parametrize("is_grey", [False, True])
def test_effects_are_what_they_are_called(picture, is_grey):
    source = picture[..., 1].copy() if is_grey else picture
    assert np.array_equal(apply(source, Look(effect="NEGATIVE")), 255 - source)
    assert len(np.unique(apply(source, Look(effect="POSTERIZE")))) <= 4
    solar = apply(source, Look(effect="SOLARIZE"))
    assert solar.max() < 128
    assert np.array_equal(solar[source < 128], source[source < 128])
    if not is_grey:
        mono = apply(source, Look(effect="MONO"))
        assert np.array_equal(mono[..., 0], cv2.cvtColor(source, cv2.COLOR_BGR2GRAY))
        assert saturation(mono) == 0
        blue, green, red = apply(source, Look(effect="SEPIA")).mean((0, 1))
        assert blue < green < red


# -- sharpness and focus


def sharpness(pixels):
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


@pytest.fixture
def rough():
    rng = np.random.default_rng(2)
    return cv2.GaussianBlur(rng.integers(0, 255, (180, 320, 3), np.uint8), (0, 0), 1.2)


@pytest.mark.parametrize("is_grey", [False, True])
def test_sharpness_and_denoising(rough, is_grey):
    source = rough[..., 0].copy() if is_grey else rough
    rising = [sharpness(apply(source, Look(sharpness=s))) for s in range(5)]
    assert rising == sorted(rising)
    assert rising[1] == sharpness(source)
    falling = [sharpness(apply(source, Look(luma_denoise=n))) for n in (1, 2, 3, 4)]
    assert falling == sorted(falling, reverse=True)
    if not is_grey:
        shown = apply(source, Look(chroma_denoise=4))
        # Colours run, brightness stays.
        assert saturation(shown) < saturation(source) * 0.8
        assert sharpness(shown) == pytest.approx(sharpness(source), rel=0.15)


def test_the_lens_is_sharp_at_one_distance(rough):
    # 12.5 dioptres, 8 cm, at one end; infinity in the middle.
    assert focused_at(255) == pytest.approx(12.5)
    assert focused_at(120) == 0
    for depth_m in (0.2, 0.5, 2.0):
        shown = {p: apply(rough, Look(lens=p), depth_m=depth_m) for p in range(0, 256, 5)}
        best = max(shown, key=lambda p: sharpness(shown[p]))
        assert focused_at(best) == pytest.approx(1 / depth_m, abs=0.6)
        assert sharpness(shown[0]) < sharpness(rough) / 2
