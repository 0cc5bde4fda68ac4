"""The made-up scene seen by a camera that is carried about; its IMU feels that motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ..imu_readings import FIELD, KINDS
from ..scene import CameraModel, CameraPath, Scene, carried_by_hand, quaternion_of
from ..scene.path import PULL
from .scene import camera_model
from .source import Shot


class WalkSource:
    """See the module. ``path`` is the truth of the motion, ``imu`` what the IMU reads of it."""

    def __init__(self, seed: int = 0, *, path: CameraPath | None = None) -> None:
        self.scene = Scene(seed)
        self.path = carried_by_hand(seed) if path is None else path
        self.imu = WalkReadings(self.path)

    def model(self, shot: Shot) -> CameraModel:
        """The camera as it is at that moment: carried with the board, where it is mounted on it."""
        still, turned = camera_model(shot.camera), self.path.rotation(shot.time_s)
        place = self.path.position(shot.time_s) + turned @ np.array(still.position_m)
        across, down, ahead = (_vector(row) for row in turned.T)
        return replace(still, position_m=_vector(place), rotation=(across, down, ahead))

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        picture = self.scene.picture(self.model(shot), shot.time_s)
        if shot.camera.sensor.is_color:
            return picture
        grey: np.ndarray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return grey

    def depth(self, shot: Shot) -> np.ndarray | None:
        """Depth along z in mm (uint16) of the same pixels as ``frame``'s."""
        return self.scene.render(self.model(shot), shot.time_s).depth_mm

    def close(self) -> None:
        """See FrameSource."""


class WalkReadings:
    """What the IMU in the board's middle reads on a path; see ``imu_readings`` for the kinds."""

    def __init__(self, path: CameraPath) -> None:
        self._path = path

    def kinds(self) -> Sequence[str]:
        """All of them."""
        return tuple(KINDS)

    def read(self, kind: str, time_s: float) -> tuple[float, ...]:
        """The exact values: no noise, no bias."""
        path = self._path
        if kind == "rotation":
            return quaternion_of(path.rotation(time_s))
        if kind == "gyroscope":
            return _vector(path.turning(time_s))
        if kind == "accelerometer":
            return _vector(path.felt(time_s))
        world = {
            "linear_acceleration": path.acceleration(time_s),
            "gravity": -PULL,
            "magnetic_field": np.array(FIELD),
        }[kind]
        return _vector(path.rotation(time_s).T @ world)


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
