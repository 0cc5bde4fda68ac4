"""What is drawn on the things of a furnished room: symbols, stripes, masks.

Textures here are quieter than those of ``texture``, so that a colour has a name and a symbol can be
read from across the room.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np

from . import texture
from .texture import Color

# Colours that have a name, BGR.
COLORS: Mapping[str, Color] = MappingProxyType(
    {
        "red": (48.0, 42.0, 200.0),
        "orange": (35.0, 125.0, 240.0),
        "yellow": (50.0, 215.0, 240.0),
        "green": (75.0, 165.0, 60.0),
        "blue": (205.0, 105.0, 35.0),
        "violet": (165.0, 55.0, 120.0),
        "white": (228.0, 232.0, 235.0),
    }
)
SYMBOLS = ("arrow", "star", "cross", "ring")
# All that may be on a thing; which of them, depends on its kind.
MARKS = ("plain", "stripes", *SYMBOLS, "no mask", "mask")
_LIGHT, _DARK = (238.0, 240.0, 240.0), (45.0, 40.0, 40.0)
# Colours lighter than this carry dark symbols.
_BRIGHT = 170.0
_CONTRAST = 0.1
# Symbols reach so far from the middle, as a share of the shorter side.
_REACH = 0.36


def name_of(color: Color) -> str:
    """The nearest of COLORS."""
    return min(COLORS, key=lambda name: math.dist(COLORS[name], color))


def draw(
    rng: np.random.Generator, size: tuple[int, int], kind: str, color: Color, mark: str
) -> np.ndarray:
    """BGRA texture of ``size`` (rows, columns) for a thing of that kind.

    ``kind``: a label of ``things.LABELS``; ``mark``: one of MARKS that suits it.
    """
    rows, columns = size
    if kind == "face":
        pixels = texture.face(rng, rows, columns, color)
        return _masked(pixels) if mark == "mask" else pixels
    if kind == "person":
        return _shirt(texture.figure(rng, rows, columns, color, _CONTRAST), color, mark)
    pixels = texture.tinted(texture.noise(rng, rows, columns), color, _CONTRAST)
    ink = _ink(color)
    if kind == "ball":
        return texture.with_alpha(_round(pixels, ink if mark == "stripes" else None))
    width = max(min(rows, columns) // 24, 2)
    edge = tuple(0.55 * part for part in color) if kind == "box" else ink
    cv2.rectangle(pixels, (0, 0), (columns - 1, rows - 1), edge, 2 * width)
    if mark in SYMBOLS:
        _symbol(pixels, mark, ink)
    return texture.with_alpha(pixels)


def _ink(color: Color) -> Color:
    return _DARK if float(np.mean(color)) > _BRIGHT or min(color[1:]) > _BRIGHT else _LIGHT


def _symbol(pixels: np.ndarray, mark: str, ink: Color) -> None:
    rows, columns = pixels.shape[:2]
    x, y, reach = columns / 2, rows / 2, _REACH * min(rows, columns)
    thick = max(round(reach * 0.42), 2)

    def at(across: float, down: float) -> tuple[int, int]:
        return round(x + across * reach), round(y + down * reach)

    if mark == "ring":
        cv2.circle(pixels, at(0, 0), round(reach * 0.8), ink, thick, cv2.LINE_AA)
    elif mark == "cross":
        for side in (-1, 1):
            cv2.line(
                pixels, at(-0.75, -0.75 * side), at(0.75, 0.75 * side), ink, thick, cv2.LINE_AA
            )
    elif mark == "arrow":
        shaft = [at(-1.2, -0.28), at(0.2, -0.28), at(0.2, -0.9), at(1.25, 0), at(0.2, 0.9)]
        shaft += [at(0.2, 0.28), at(-1.2, 0.28)]
        cv2.fillPoly(pixels, [np.array(shaft, np.int32)], ink, cv2.LINE_AA)
    else:
        turns = [math.pi * (k / 5 - 0.5) for k in range(10)]
        lengths = [1.15 if k % 2 == 0 else 0.46 for k in range(10)]
        rays = zip(lengths, turns, strict=True)
        points = [at(r * math.cos(turn), r * math.sin(turn)) for r, turn in rays]
        cv2.fillPoly(pixels, [np.array(points, np.int32)], ink, cv2.LINE_AA)


def _round(pixels: np.ndarray, stripes: Color | None) -> np.ndarray:
    """A ball's skin: lit from above, as the room has no lamp; two bands if there are stripes."""
    rows = pixels.shape[0]
    if stripes is not None:
        for low, high in ((0.3, 0.43), (0.57, 0.7)):
            pixels[round(low * rows) : round(high * rows)] = stripes
    light = 1.12 - 0.5 * (np.arange(rows, dtype=np.float32) / rows) ** 1.5
    return np.asarray(np.clip(pixels * light[:, None, None], 0, 255).astype(np.uint8))


def _shirt(pixels: np.ndarray, color: Color, mark: str) -> np.ndarray:
    if mark == "stripes":
        rows = pixels.shape[0]
        there = pixels[..., 3] > 0
        for k in range(4):
            band = slice(round((0.24 + 0.075 * k) * rows), round((0.275 + 0.075 * k) * rows))
            pixels[band][there[band]] = (*_ink(color), 255)
    return pixels


def _masked(pixels: np.ndarray) -> np.ndarray:
    """A mask of cloth over mouth and nose, with its strings and folds."""
    rows, columns = pixels.shape[:2]
    there = pixels[..., 3].copy()
    cloth, shade = (228.0, 214.0, 178.0), (190.0, 170.0, 130.0)

    def at(across: float, down: float) -> tuple[int, int]:
        return round(across * columns), round(down * rows)

    outline = [at(0.14, 0.57), at(0.5, 0.52), at(0.86, 0.57), at(0.84, 0.78), at(0.68, 0.93)]
    outline += [at(0.5, 0.97), at(0.32, 0.93), at(0.16, 0.78)]
    thin = max(rows // 60, 1)
    for side in (0.0, 1.0):
        inner = 0.15 if side == 0.0 else 0.85
        for low, high in ((0.48, 0.59), (0.66, 0.77)):
            cv2.line(pixels, at(side, low), at(inner, high), cloth, thin, cv2.LINE_AA)
    cv2.fillPoly(pixels, [np.array(outline, np.int32)], cloth, cv2.LINE_AA)
    for down in (0.66, 0.75, 0.84):
        cv2.line(pixels, at(0.22, down), at(0.78, down), shade, thin, cv2.LINE_AA)
    pixels[..., 3] = there
    return pixels
