"""What a camera's settings make of a picture: exposure, colour, sharpness, focus, effects.

The source's picture is what the camera gives by itself: well exposed, in the light's own colour,
sharp. A ``Look`` is how far the settings are from that. The real ISP's curves are not published:
directions, ranges and neutral values are the API's, the steps between are ours, and stand here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

# Exposure (microseconds) times ISO at which the source's picture is right: a lit room.
RIGHT_EXPOSURE = 20_000 * 400
# The light of the source's picture, kelvins.
RIGHT_KELVIN = 5000
# Pixels to light and back.
_GAMMA = 2.2
# Stops for a step of exposure compensation (-9..9), levels for one of brightness (-10..10), shares
# for one of contrast and saturation (-10..10).
_STOPS, _LEVELS, _SHARE = 1 / 3, 12.75, 0.1
# Sharpness and both denoisers go from 0 to 4, and 1 is what the camera does by itself.
_USUAL = 1
_SHARPER, _SOFTER = 0.5, 0.7
# Where a metered region's mean is brought to (light, 0..1), by how many stops at most.
_MIDDLE, _MOST_STOPS = 0.18, 3.0
# Noise: levels at ISO 100, growing with the root.
_NOISE = 0.3
# Lens positions (0..255): infinity, and dioptres for a position nearer.
_AT_INFINITY, _DIOPTRES = 120, 12.5 / 135
# Blur (deviation, in thousandths of the picture's width) for a dioptre out of focus.
_BLUR = 2.2
EFFECTS = ("OFF", "MONO", "NEGATIVE", "SOLARIZE", "SEPIA", "POSTERIZE", "AQUA")
_SEPIA = np.array([[0.131, 0.534, 0.272], [0.168, 0.686, 0.349], [0.189, 0.769, 0.393]], np.float32)
_AQUA = np.array([1.25, 1.05, 0.75], np.float32)

Box = tuple[float, ...]


@dataclass(frozen=True)
class Look:
    """Settings of a camera; as made, they change nothing.

    ``exposure_us`` and ``iso``: both, or automatic. ``region``: metered instead of the whole
    picture, as shares of it (left, top, right, bottom). ``kelvin``: the light whites are white in.
    ``lens``: 0..255, None for focused.
    """

    exposure_us: float | None = None
    iso: float | None = None
    compensation: int = 0
    region: Box | None = None
    kelvin: float | None = None
    brightness: int = 0
    contrast: int = 0
    saturation: int = 0
    sharpness: int = _USUAL
    luma_denoise: int = _USUAL
    chroma_denoise: int = _USUAL
    effect: str = "OFF"
    lens: float | None = None

    @property
    def is_manual(self) -> bool:
        """Whether exposure is the script's."""
        return self.exposure_us is not None and self.iso is not None


_NOTHING = Look()


def apply(pixels: np.ndarray, look: Look, *, seed: int = 0, depth_m: float = 2.0) -> np.ndarray:
    """A new picture (HxWx3 BGR or HxW grey, uint8), or ``pixels`` itself where nothing changes.

    ``seed``: of the noise, for one picture. ``depth_m``: how far away what it shows is.
    """
    if look == _NOTHING:
        return pixels
    if look.lens is not None:
        pixels = _defocused(pixels, look.lens, depth_m)
    gain = _gain(pixels, look)
    if gain != 1:
        pixels = cv2.LUT(pixels, _exposure_table(round(gain, 4)))
    if pixels.ndim == 3:
        pixels = _coloured(pixels, look)
    if look.is_manual:
        pixels = _noisy(pixels, float(look.iso or 0.0), seed)
    if look.brightness or look.contrast:
        pixels = cv2.LUT(pixels, _tone_table(look.brightness, look.contrast))
    pixels = _filtered(pixels, look)
    return _with_effect(pixels, look.effect)


# -- light


def _gain(pixels: np.ndarray, look: Look) -> float:
    """How much more light than right."""
    if look.is_manual:
        return float(look.exposure_us or 0) * float(look.iso or 0) / RIGHT_EXPOSURE
    gain: float = 2.0 ** (look.compensation * _STOPS)
    if look.region is not None:
        rows, columns = pixels.shape[:2]
        left, top, right, bottom = look.region
        x0, y0 = min(int(left * columns), columns - 1), min(int(top * rows), rows - 1)
        part = pixels[y0 : max(int(bottom * rows), y0 + 1), x0 : max(int(right * columns), x0 + 1)]
        light = float(np.mean(_to_light()[part]))
        stops = math.log2(_MIDDLE / max(light, 1e-6))
        gain *= 2.0 ** min(max(stops, -_MOST_STOPS), _MOST_STOPS)
    return gain


@cache
def _to_light() -> np.ndarray:
    table: np.ndarray = (np.arange(256) / 255) ** _GAMMA
    return table


@cache
def _exposure_table(gain: float) -> np.ndarray:
    values = 255 * np.minimum(_to_light() * gain, 1) ** (1 / _GAMMA)
    table: np.ndarray = np.rint(values).astype(np.uint8)
    return table


@cache
def _tone_table(brightness: int, contrast: int) -> np.ndarray:
    values = (np.arange(256) - 127.5) * (1 + _SHARE * contrast) + 127.5 + _LEVELS * brightness
    table: np.ndarray = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return table


@cache
def _noise_tile(number: int) -> np.ndarray:
    """One deviation of noise, to be laid out and scaled."""
    rng = np.random.default_rng(number)
    return rng.standard_normal((512, 512)).astype(np.float32)


def _noisy(pixels: np.ndarray, iso: float, seed: int) -> np.ndarray:
    rows, columns = pixels.shape[:2]
    deviation = _NOISE * math.sqrt(iso / 100)
    rng = np.random.default_rng(seed)
    tile = np.roll(_noise_tile(int(rng.integers(4))), tuple(rng.integers(0, 512, 2)), (0, 1))
    noise = np.tile(tile, (rows // 512 + 1, columns // 512 + 1))[:rows, :columns] * deviation
    noise = noise if pixels.ndim == 2 else cv2.merge([noise] * 3)
    return np.asarray(cv2.add(pixels, noise, dtype=cv2.CV_8U))


# -- colour


def light_of(kelvin: float) -> tuple[float, float, float]:
    """Blue, green, red (linear sRGB, green 1) of a black body so hot, 1667 to 25000 K.

    The chromaticity by the cubic splines of Kim et al. (US patent 7024034), as CIE xy.
    """
    x, y = locus(kelvin)
    big_x, big_z = x / y, (1 - x - y) / y
    red = 3.2406 * big_x - 1.5372 - 0.4986 * big_z
    green = -0.9689 * big_x + 1.8758 + 0.0415 * big_z
    blue = 0.0557 * big_x - 0.2040 + 1.0570 * big_z
    return max(blue / green, 0.02), 1.0, max(red / green, 0.02)


def locus(kelvin: float) -> tuple[float, float]:
    """CIE 1931 x and y of a black body so hot; see ``light_of``."""
    t = min(max(kelvin, 1667.0), 25000.0)
    if t <= 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return x, y


def _coloured(pixels: np.ndarray, look: Look) -> np.ndarray:
    if look.kelvin is not None:
        right, told = light_of(RIGHT_KELVIN), light_of(look.kelvin)
        tables = [_exposure_table(round(r / t, 4)) for r, t in zip(right, told, strict=True)]
        pixels = cv2.LUT(pixels, np.stack(tables, axis=-1)[None])
    if look.saturation:
        grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        share = 1 + _SHARE * look.saturation
        pixels = cv2.addWeighted(pixels, share, grey, 1 - share, 0)
    return pixels


def _with_effect(pixels: np.ndarray, effect: str) -> np.ndarray:
    if effect == "NEGATIVE":
        return np.asarray(cv2.bitwise_not(pixels))
    if effect == "SOLARIZE":
        values = np.arange(256, dtype=np.uint8)
        return np.asarray(cv2.LUT(pixels, np.where(values < 128, values, 255 - values)))
    if effect == "POSTERIZE":
        return np.asarray(cv2.LUT(pixels, (np.arange(256) // 64 * 85).astype(np.uint8)))
    if pixels.ndim == 2:
        return pixels
    if effect == "MONO":
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    if effect == "SEPIA":
        return np.asarray(cv2.transform(pixels, _SEPIA))
    if effect == "AQUA":
        return np.asarray(cv2.transform(pixels, np.diag(_AQUA)))
    return pixels


# -- sharpness and focus


def _filtered(pixels: np.ndarray, look: Look) -> np.ndarray:
    if look.sharpness != _USUAL:
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
        amount = _SHARPER * (look.sharpness - _USUAL)
        pixels = cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0)
    luma, chroma = look.luma_denoise - _USUAL, look.chroma_denoise - _USUAL
    if pixels.ndim == 2 and luma > 0:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), _SOFTER * luma))
    if pixels.ndim == 3 and (luma > 0 or chroma > 0):
        planes = list(cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2YCrCb)))
        for number, steps in enumerate((luma, chroma, chroma)):
            if steps > 0:
                planes[number] = cv2.GaussianBlur(planes[number], (0, 0), _SOFTER * steps)
        return np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2BGR))
    return pixels


def focused_at(lens: float) -> float:
    """Dioptres (1/m) of what is sharp with the lens at a position; not above 0 is infinity."""
    return (lens - _AT_INFINITY) * _DIOPTRES


def _defocused(pixels: np.ndarray, lens: float, depth_m: float) -> np.ndarray:
    wrong = abs(focused_at(lens) - 1 / max(depth_m, 0.01))
    deviation = _BLUR * wrong * pixels.shape[1] / 1000
    if deviation < 0.3:
        return pixels
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), deviation))
