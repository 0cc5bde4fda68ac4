"""The things of a scene: their shape, their texture, how they move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import marks, texture
from .camera import Vector
from .texture import Color

# Class numbers are the places in this table; 0 is what no thing has.
LABELS = ("background", "face", "person", "ball", "box", "sign")
FLAT, SPHERE, BOX = "flat", "sphere", "box"
# Texels per metre: about one per pixel of a Full HD camera at a metre.
_TEXELS_PER_M = 800

_DRAW: dict[str, Callable[[np.random.Generator, int, int, Color], np.ndarray]] = {
    "face": texture.face,
    "person": texture.figure,
    "ball": texture.plain,
    "box": texture.plain,
    "sign": texture.sign,
}


@dataclass(frozen=True)
class Motion:
    """A place in metres that swings to and fro, and a turn about the upright axis.

    ``spin_deg`` is degrees a second; ``sway_deg`` swings with the place.
    """

    middle_m: Vector
    swing_m: Vector = (0.0, 0.0, 0.0)
    period_s: float = 8.0
    phase: float = 0.0
    spin_deg: float = 0.0
    sway_deg: float = 0.0

    def place(self, time_s: float) -> np.ndarray:
        """Where the middle is, world axes, metres."""
        return np.array(self.middle_m) + np.array(self.swing_m) * self._wave(time_s)

    def turn(self, time_s: float) -> float:
        """Radians about the upright axis."""
        return math.radians(self.spin_deg * time_s + self.sway_deg * self._wave(time_s))

    def _wave(self, time_s: float) -> float:
        return math.sin(2 * math.pi * (time_s / self.period_s + self.phase))


@dataclass(frozen=True)
class Thing:
    """A labelled thing. ``size_m``: width, height, depth; a sphere's width is its diameter.

    ``mark``: what is drawn on it, one of ``marks.MARKS``; nothing said is the kind's own pattern.
    """

    label: str
    shape: str
    size_m: Vector
    motion: Motion
    color: Color = (128.0, 128.0, 128.0)
    mark: str = ""

    @property
    def class_number(self) -> int:
        """Its place in ``LABELS``."""
        return LABELS.index(self.label)

    def draw(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Its texture as a pyramid of BGRA pictures."""
        around = math.pi if self.shape == SPHERE else 1.0
        columns = round(self.size_m[0] * _TEXELS_PER_M * around)
        rows = columns // 2 if self.shape == SPHERE else round(self.size_m[1] * _TEXELS_PER_M)
        if self.mark:
            pixels = marks.draw(rng, (rows, columns), self.label, self.color, self.mark)
            return texture.pyramid(pixels)
        return texture.pyramid(_DRAW[self.label](rng, rows, columns, self.color))

    def quads(self, time_s: float) -> Iterator[np.ndarray]:
        """Corners (4 x 3, world metres; from top left clockwise as seen from outside)."""
        width, height, depth = (length / 2 for length in self.size_m)
        turn, place = self.motion.turn(time_s), self.motion.place(time_s)
        sides: list[tuple[float, float, float]] = [(0.0, width, depth)]
        if self.shape == BOX:
            quarter = math.pi / 2
            sides = [(i * quarter, *((width, depth), (depth, width))[i % 2]) for i in range(4)]
        for angle, half, front in sides:
            corners = [(-half, -height), (half, -height), (half, height), (-half, height)]
            z = -front if self.shape == BOX else 0.0
            yield _turned(np.array([(x, y, z) for x, y in corners]), turn + angle) + place
        if self.shape == BOX:
            for y, side in ((-height, 1), (height, -1)):
                ends = [(-width, side), (width, side), (width, -side), (-width, -side)]
                lid = np.array([(x, y, z * depth) for x, z in ends])
                yield _turned(lid, turn) + place


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    cosine, sine = math.cos(angle), math.sin(angle)
    turned: np.ndarray = points @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    return turned


def default_things(rng: np.random.Generator) -> tuple[Thing, ...]:
    """One thing of every class between 1 and 5 metres; the seed sets their phases and tints."""

    def motion(middle: Vector, swing: Vector, period: float, **more: float) -> Motion:
        return Motion(middle, swing, period, float(rng.random()), **more)

    def tint(color: Color) -> Color:
        a, b, c = (part * float(rng.uniform(0.85, 1.15)) for part in color)
        return a, b, c

    return (
        Thing(
            "face",
            FLAT,
            (0.26, 0.34, 0.0),
            motion((-0.24, -0.1, 1.45), (0.12, 0.05, 0.3), 9.0, sway_deg=8.0),
            tint((140, 165, 215)),
        ),
        Thing(
            "person",
            FLAT,
            (0.62, 1.75, 0.0),
            motion((-0.25, 0.33, 3.6), (0.6, 0.0, 0.4), 14.0),
            tint((60, 150, 90)),
        ),
        Thing(
            "ball",
            SPHERE,
            (0.44, 0.44, 0.44),
            motion((0.35, 0.2, 2.2), (0.3, 0.25, 0.4), 6.0, spin_deg=25.0),
            tint((60, 110, 225)),
        ),
        Thing(
            "box",
            BOX,
            (0.55, 0.5, 0.55),
            motion((0.95, 0.6, 3.2), (0.15, 0.0, 0.5), 12.0, spin_deg=18.0),
            tint((210, 130, 60)),
        ),
        Thing(
            "sign",
            FLAT,
            (0.9, 0.6, 0.0),
            motion((0.9, -0.75, 4.5), (0.3, 0.1, 0.3), 11.0, sway_deg=15.0),
            tint((60, 60, 190)),
        ),
    )
