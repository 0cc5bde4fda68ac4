"""A room with many things in it, each of a colour that has a name, with something drawn on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .camera import Vector
from .marks import COLORS, SYMBOLS
from .things import BOX, FLAT, SPHERE, Motion, Thing

_SKIN = (140.0, 165.0, 215.0)
_FLOOR_Y = 1.25
# Slopes of what a camera in the middle sees for sure: x / z and y / z to each side.
_ACROSS, _DOWN = 0.6, 0.36
# A thing may hide so much of another, and be hidden so much, as shares of the smaller outline.
_MOST_HIDDEN = 0.06
_TRIES = 60
# A head covers this much of the figure's height and width; it is drawn before it by a little.
_HEAD_HIGH, _HEAD_WIDE, _BEFORE_M = 0.17, 0.42, 0.01
Outline = tuple[float, float, float, float]


def furnished(seed: int = 0) -> tuple[Thing, ...]:
    """Some nine things that hardly hide each other, for a camera in the middle of the room.

    Two or three people with a face each, masked or bare; balls and shirts plain or striped; boxes
    and signs with a symbol. The seed says all of it.
    """
    rng = np.random.default_rng(seed)
    kinds = ["person"] * int(rng.integers(1, 4))
    for kind, most in (("sign", 3), ("box", 3), ("ball", 3)):
        kinds += [kind] * int(rng.integers(1, most + 1))
    things: list[Thing] = []
    taken: list[Outline] = []
    for kind in kinds:
        for _ in range(_TRIES):
            group = tuple(_MAKE[kind](rng))
            outline = _outline(group[0])
            if all(_hidden(outline, other) <= _MOST_HIDDEN for other in taken):
                things += group
                taken.append(outline)
                break
    return tuple(things)


def with_face(person: Thing, mark: str = "no mask") -> Iterator[Thing]:
    """The person, and a face that moves with it, so that both have a place in the truth."""
    yield person
    motion, height = person.motion, person.size_m[1]
    x, y, z = motion.middle_m
    high = _HEAD_HIGH * height
    place = (x, y - height / 2 + high / 2, z - _BEFORE_M)
    head = Motion(place, motion.swing_m, motion.period_s, motion.phase)
    yield Thing("face", FLAT, (_HEAD_WIDE * person.size_m[0], high, 0.0), head, _SKIN, mark)


def _person(rng: np.random.Generator) -> Iterator[Thing]:
    height = float(rng.uniform(1.6, 1.85))
    z = float(rng.uniform(2.7, 4.6))
    motion = _motion(rng, (_across(rng, z, 0.31), _FLOOR_Y - height / 2, z), (0.3, 0.0, 0.15))
    person = Thing(
        "person", FLAT, (0.355 * height, height, 0.0), motion, *_look(rng, ("plain", "stripes"))
    )
    yield from with_face(person, str(rng.choice(["mask", "no mask"])))


def _ball(rng: np.random.Generator) -> Iterator[Thing]:
    size, z = float(rng.uniform(0.28, 0.46)), float(rng.uniform(1.8, 4.2))
    middle = _across(rng, z, size / 2), float(rng.uniform(-0.1, 0.25)) * z, z
    motion = _motion(rng, middle, (0.15, 0.12, 0.25), spin=20.0)
    yield Thing("ball", SPHERE, (size,) * 3, motion, *_look(rng, ("plain", "stripes")))


def _box(rng: np.random.Generator) -> Iterator[Thing]:
    size, z = float(rng.uniform(0.36, 0.6)), float(rng.uniform(2.6, 5.0))
    lowest = min(_FLOOR_Y, _DOWN * z) - size / 2
    middle = _across(rng, z, size * 0.7), float(rng.uniform(min(0.2, lowest), lowest)), z
    motion = _motion(rng, middle, (0.12, 0.0, 0.3), spin=14.0)
    yield Thing("box", BOX, (size,) * 3, motion, *_look(rng, SYMBOLS))


def _sign(rng: np.random.Generator) -> Iterator[Thing]:
    width, z = float(rng.uniform(0.55, 0.85)), float(rng.uniform(2.8, 5.6))
    height = width * float(rng.uniform(0.65, 0.95))
    middle = _across(rng, z, width / 2), float(rng.uniform(-0.75, -0.3)) * _DOWN * z, z
    motion = _motion(rng, middle, (0.2, 0.05, 0.2), sway=14.0)
    yield Thing("sign", FLAT, (width, height, 0.0), motion, *_look(rng, SYMBOLS))


_MAKE: dict[str, Callable[[np.random.Generator], Iterator[Thing]]] = {
    "person": _person,
    "ball": _ball,
    "box": _box,
    "sign": _sign,
}


def _look(
    rng: np.random.Generator, marks: tuple[str, ...]
) -> tuple[tuple[float, float, float], str]:
    """A named colour, a little off, and a mark."""
    color = COLORS[str(rng.choice(list(COLORS)))]
    shade = float(rng.uniform(0.88, 1.08))
    blue, green, red = (part * shade * float(rng.uniform(0.94, 1.06)) for part in color)
    return (blue, green, red), str(rng.choice(list(marks)))


def _across(rng: np.random.Generator, z: float, half: float) -> float:
    reach = max(_ACROSS * z - half, 0.1)
    return float(rng.uniform(-reach, reach))


def _motion(
    rng: np.random.Generator, middle: Vector, swing: Vector, *, spin: float = 0.0, sway: float = 0.0
) -> Motion:
    a, b, c = (part * float(rng.uniform(0.5, 1.0)) for part in swing)
    return Motion(
        middle,
        (a, b, c),
        float(rng.uniform(6.0, 12.0)),
        float(rng.random()),
        spin * float(rng.choice([-1.0, 1.0])),
        sway,
    )


def _outline(thing: Thing) -> Outline:
    """Left, top, right, bottom as slopes, of all places it swings to."""
    (x, y, z), (a, b, _) = thing.motion.middle_m, thing.motion.swing_m
    half = thing.size_m[0] / 2 * (1.3 if thing.shape == BOX else 1.0) + abs(a)
    high = thing.size_m[1] / 2 + abs(b)
    return (x - half) / z, (y - high) / z, (x + half) / z, (y + high) / z


def _hidden(a: Outline, b: Outline) -> float:
    """Their common area as a share of the smaller one's."""
    across = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0)
    down = max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    areas = ((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return across * down / min(areas)
