"""Procedural textures: noise at every scale, so that near and far surfaces can be matched."""

from __future__ import annotations

import cv2
import numpy as np

Color = tuple[float, float, float]
# Cells of the noise, texels: coarse ones for the eye, fine ones for matching.
_CELLS = (2, 4, 8, 16, 32, 64)
_WEIGHTS = (1.0, 1.2, 1.2, 1.0, 0.8, 0.6)


def noise(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Float32 rows x columns, mean 0, deviation 1."""
    total = np.zeros((rows, columns), np.float32)
    for cell, weight in zip(_CELLS, _WEIGHTS, strict=True):
        shape = max(rows // cell, 2), max(columns // cell, 2)
        grid = rng.standard_normal(shape, dtype=np.float32)
        grid = cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR)
        total += weight * grid / max(float(grid.std()), 1e-6)
    total -= total.mean()
    total /= total.std()
    return total


def tinted(grain: np.ndarray, color: Color, contrast: float) -> np.ndarray:
    """BGR uint8 of a colour that noise makes lighter and darker; contrast 0.3 is strong."""
    shade = np.clip(1 + contrast * grain, 0.15, 2.0)
    return np.clip(np.multiply.outer(shade, np.array(color, np.float32)), 0, 255).astype(np.uint8)


def plain(rng: np.random.Generator, rows: int, columns: int, color: Color) -> np.ndarray:
    """An opaque BGRA texture of coloured noise."""
    return with_alpha(tinted(noise(rng, rows, columns), color, 0.3))


def with_alpha(pixels: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """BGR made BGRA; opaque where ``mask`` is 255, everywhere without one."""
    alpha = np.full(pixels.shape[:2], 255, np.uint8) if mask is None else mask
    return np.dstack([pixels, alpha])


def sign(rng: np.random.Generator, rows: int, columns: int, color: Color) -> np.ndarray:
    """Coloured noise with a light frame and an arrow."""
    pixels = tinted(noise(rng, rows, columns), color, 0.25)
    light, width = (225, 235, 235), max(rows // 16, 2)
    cv2.rectangle(pixels, (0, 0), (columns - 1, rows - 1), light, width)
    start, end = (columns // 6, rows // 2), (columns * 5 // 6, rows // 2)
    cv2.arrowedLine(pixels, start, end, light, width * 2, cv2.LINE_AA, 0, 0.3)
    return with_alpha(pixels)


def face(rng: np.random.Generator, rows: int, columns: int, color: Color) -> np.ndarray:
    """A drawn head: skin that is lighter in the middle, hair, eyes, nose and mouth, freckles."""
    w, h = columns, rows
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    light = 1.12 - 0.45 * (((x / w - 0.42) / 0.5) ** 2 + ((y / h - 0.45) / 0.6) ** 2)
    pixels = tinted(noise(rng, h, w), color, 0.06).astype(np.float32) * light[..., None]
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    dark = tuple(0.25 * part for part in color)

    def at(fx: float, fy: float) -> tuple[int, int]:
        return round(fx * w), round(fy * h)

    def oval(
        middle: tuple[int, int],
        axes: tuple[int, int],
        shade: tuple[float, ...],
        arc: tuple[float, float, float] = (0, 0, 360),
        width: int = -1,
    ) -> None:
        cv2.ellipse(pixels, middle, axes, *arc, shade, width, cv2.LINE_AA)

    hair = (30.0, 38.0, 45.0)
    oval(at(0.5, 0.16), at(0.56, 0.2), hair)
    for side in (0.02, 0.98):
        oval(at(side, 0.35), at(0.07, 0.25), hair)
    for eye in (0.31, 0.69):
        oval(at(eye, 0.44), at(0.13, 0.06), tuple(0.7 * part for part in color))
        oval(at(eye, 0.45), at(0.1, 0.04), (230.0, 232.0, 235.0))
        oval(at(eye, 0.45), at(0.045, 0.036), (25.0, 30.0, 40.0))
        oval(at(eye, 0.39), at(0.13, 0.04), hair, (0, 190, 350), max(h // 40, 1))
    oval(at(0.52, 0.6), at(0.05, 0.1), tuple(0.8 * part for part in color))
    for side in (0.45, 0.57):
        oval(at(side, 0.67), at(0.028, 0.016), dark)
    oval(at(0.51, 0.79), at(0.15, 0.03), (70.0, 70.0, 150.0))
    oval(at(0.51, 0.785), at(0.15, 0.006), dark)
    mask = np.zeros((h, w), np.uint8)
    cv2.ellipse(mask, at(0.5, 0.5), at(0.49, 0.49), 0, 0, 360, 255, -1)
    grain = noise(rng, h, w)[..., None] * 9
    return with_alpha(np.clip(pixels + grain, 0, 255).astype(np.uint8), mask)


def figure(
    rng: np.random.Generator, rows: int, columns: int, color: Color, contrast: float = 0.3
) -> np.ndarray:
    """A standing person: head, a shirt whose pattern has that contrast, trousers."""
    w, h = columns, rows
    pixels = tinted(noise(rng, h, w), color, contrast)
    trousers = tinted(noise(rng, h, w), (90, 60, 50), 0.3)
    pixels[round(0.52 * h) :] = trousers[round(0.52 * h) :]
    mask = np.zeros((h, w), np.uint8)
    body = [(0.22, 0.19), (0.78, 0.19), (1.0, 0.5), (0.86, 0.53), (0.76, 0.36), (0.76, 0.54)]
    body += [(0.8, 1.0), (0.56, 1.0), (0.5, 0.6), (0.44, 1.0), (0.2, 1.0), (0.24, 0.54)]
    body += [(0.24, 0.36), (0.14, 0.53), (0.0, 0.5)]
    outline = np.array([(round(fx * (w - 1)), round(fy * (h - 1))) for fx, fy in body], np.int32)
    cv2.fillPoly(mask, [outline], 255)
    result = with_alpha(pixels, mask)
    size = round(0.17 * h), round(0.42 * w)
    head = face(rng, *size, (140, 165, 215))
    left = (w - size[1]) // 2
    there = result[: size[0], left : left + size[1]]
    there[head[..., 3] > 0] = head[head[..., 3] > 0]
    neck = slice(round(0.15 * h), round(0.2 * h)), slice(round(0.42 * w), round(0.58 * w))
    result[neck][result[neck][..., 3] == 0] = (120, 145, 195, 255)
    return result


def pyramid(texture: np.ndarray) -> list[np.ndarray]:
    """The texture, and halves of it down to a few texels."""
    levels = [texture]
    while min(levels[-1].shape[:2]) >= 16:
        levels.append(cv2.pyrDown(levels[-1]))
    return levels
