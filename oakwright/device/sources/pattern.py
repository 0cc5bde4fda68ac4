"""A made-up moving picture, for when there is nothing else to show: the same in every run."""

from __future__ import annotations

import cv2
import numpy as np

from .source import Shot

WIDTH, HEIGHT = 1280, 800
# Shapes: colour (BGR), size, start and speed in pixels per frame.
_SHAPES = (
    ((40, 40, 220), 140, (100, 120), (7, 3)),
    ((60, 200, 60), 190, (700, 300), (-5, 4)),
    ((220, 120, 30), 110, (400, 600), (4, -6)),
)


class PatternSource:
    """Textured ground, three squares that move and bounce; side cameras see it shifted."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        coarse = rng.integers(60, 190, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
        self._ground = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        self._marks = rng.integers(0, 2, (8, 8), dtype=np.uint8) * 255

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        shift = -round(shot.camera.x_cm * 4)
        picture = np.roll(self._ground, shift // 2, axis=1)
        for color, size, (x, y), (dx, dy) in _SHAPES:
            left = _bounce(x + dx * shot.number, WIDTH - size) + shift
            top = _bounce(y + dy * shot.number, HEIGHT - size)
            left = min(max(left, 0), WIDTH - size)
            block = np.full((size, size, 3), color, np.uint8)
            marks = cv2.resize(self._marks, (size, size), interpolation=cv2.INTER_NEAREST)
            block[marks > 0] //= 2
            picture[top : top + size, left : left + size] = block
        if shot.camera.sensor.is_color:
            return np.asarray(picture)
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))

    def close(self) -> None:
        """See FrameSource."""


def _bounce(position: int, room: int) -> int:
    """A place on a line of length ``room`` for something that turns round at both ends."""
    position %= 2 * room
    return position if position < room else 2 * room - position
