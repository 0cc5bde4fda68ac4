"""How a camera is carried through the scene: where it is, how it looks, and what an IMU feels.

Everything is a sum of sines, so that speed, acceleration and turning are exact and not differences
of places. World axes are the scene's: x right, y down, z forward. At the start the camera stands in
the middle and looks along z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# Earth's pull, world axes, m/s2.
PULL = np.array([0.0, 9.80665, 0.0])


@dataclass(frozen=True)
class Swing:
    """``size`` * sin(2 pi ``time`` / ``period_s``), metres or degrees."""

    size: float
    period_s: float

    def at(self, time_s: float, derivative: int = 0) -> float:
        """Its value, or that of its first or second derivative by time."""
        rate = 2 * math.pi / self.period_s
        phase = rate * time_s + derivative * math.pi / 2
        return self.size * rate**derivative * math.sin(phase)


@dataclass(frozen=True)
class CameraPath:
    """Swings of the place (x, y, z in metres) and of yaw, pitch and roll (degrees).

    The body is turned by yaw about y, then pitch about its x, then roll about its z.
    """

    place: tuple[Swing, Swing, Swing]
    turn: tuple[Swing, Swing, Swing]

    def position(self, time_s: float) -> np.ndarray:
        """Where the middle of the board is, world axes, metres."""
        return np.array([swing.at(time_s) for swing in self.place])

    def acceleration(self, time_s: float) -> np.ndarray:
        """World axes, m/s2, without gravity."""
        return np.array([swing.at(time_s, 2) for swing in self.place])

    def rotation(self, time_s: float) -> np.ndarray:
        """3x3, from the body's axes to the world's."""
        yaw, pitch, roll = (math.radians(swing.at(time_s)) for swing in self.turn)
        turned: np.ndarray = _about_y(yaw) @ _about_x(pitch) @ _about_z(roll)
        return turned

    def turning(self, time_s: float) -> np.ndarray:
        """How fast the body turns, its own axes, rad/s."""
        _, pitch, roll = (math.radians(swing.at(time_s)) for swing in self.turn)
        by_yaw, by_pitch, by_roll = (math.radians(swing.at(time_s, 1)) for swing in self.turn)
        back = _about_z(roll).T
        about_pitch = back @ np.array([by_pitch, 0.0, 0.0])
        about_yaw = back @ _about_x(pitch).T @ np.array([0.0, by_yaw, 0.0])
        turned: np.ndarray = about_yaw + about_pitch + np.array([0.0, 0.0, by_roll])
        return turned

    def felt(self, time_s: float) -> np.ndarray:
        """What an accelerometer in the body's middle feels, body axes, m/s2: at rest (0, -g, 0)."""
        felt: np.ndarray = self.rotation(time_s).T @ (self.acceleration(time_s) - PULL)
        return felt


def carried_by_hand(seed: int = 0) -> CameraPath:
    """A path as of a hand that holds a camera: some 20 cm and degrees; the seed varies it."""
    rng = np.random.default_rng(seed)

    def swing(size: float, period_s: float) -> Swing:
        return Swing(
            size * float(rng.uniform(0.8, 1.2)) * float(rng.choice([-1.0, 1.0])),
            period_s * float(rng.uniform(0.85, 1.15)),
        )

    return CameraPath(
        (swing(0.12, 5.3), swing(0.05, 3.1), swing(0.1, 7.7)),
        (swing(8.0, 6.1), swing(4.0, 4.3), swing(3.0, 5.1)),
    )


def quaternion_of(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """i, j, k, real of a rotation matrix; real is not negative."""
    trace = float(np.trace(rotation))
    # The largest of the four first: none of the others is divided by nearly nothing.
    squares = [1 + 2 * rotation[i, i] - trace for i in range(3)] + [1 + trace]
    largest = int(np.argmax(squares))
    root = math.sqrt(squares[largest])
    found = [0.0] * 4
    found[largest] = root / 2
    if largest == 3:
        for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
            found[i] = float(rotation[k, j] - rotation[j, k]) / (2 * root)
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        found[j] = float(rotation[j, i] + rotation[i, j]) / (2 * root)
        found[k] = float(rotation[k, i] + rotation[i, k]) / (2 * root)
        found[3] = float(rotation[k, j] - rotation[j, k]) / (2 * root)
    sign = -1.0 if found[3] < 0 else 1.0
    a, b, c, real = (sign * part for part in found)
    return a, b, c, real


def _about_x(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
