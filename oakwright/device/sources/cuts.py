"""Scenes that stand still and change at once, for judging whether what comes out follows them.

Between two cuts nothing moves, so what changes by itself shows; at a cut everything does, so what
does not change shows as well.
"""

from __future__ import annotations

import math
import threading

import cv2
import numpy as np

from ..scene import Scene, SceneObject
from .scene import camera_model
from .source import Shot

HOLD_S = 0.5
# Cameras stamp their pictures in microseconds: this near a cut is after it.
_SLACK_S = 0.001
# Seconds of the scene's own time from one still to the next but one of the same room.
_STEP_S = 2.3
# Pictures that are kept: each of them is shown for as long as a scene is held.
_KEPT = 8


def still_at(time_s: float, hold_s: float) -> int:
    """Which still is shown ``time_s`` seconds after the start, from 0."""
    return max(math.floor((time_s + _SLACK_S) / hold_s), 0)


class CutsSource:
    """See the module. Stills come from two scenes in turn; every camera sees the same one."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self.hold_s = hold_s
        self._scenes = (Scene(0), Scene(1))
        self._kept: dict[tuple[object, int], np.ndarray] = {}
        self._lock = threading.Lock()

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        number = still_at(shot.time_s, self.hold_s)
        key = (shot.camera, number)
        with self._lock:
            if key not in self._kept:
                while len(self._kept) >= _KEPT:
                    self._kept.pop(next(iter(self._kept)))
                scene, time_s = self._still(number)
                picture = scene.picture(camera_model(shot.camera), time_s)
                if not shot.camera.sensor.is_color:
                    picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
                self._kept[key] = picture
            return self._kept[key]

    def truth(self, shot: Shot) -> tuple[SceneObject, ...]:
        """The things in the still that a camera sees, in pixels of ``camera_model``."""
        scene, time_s = self._still(still_at(shot.time_s, self.hold_s))
        return scene.render(camera_model(shot.camera), time_s).objects

    def depth(self, shot: Shot) -> np.ndarray | None:
        """Depth along z in mm (uint16) of the same pixels as ``frame``'s."""
        scene, time_s = self._still(still_at(shot.time_s, self.hold_s))
        return scene.render(camera_model(shot.camera), time_s).depth_mm

    def close(self) -> None:
        """See FrameSource."""

    def _still(self, number: int) -> tuple[Scene, float]:
        return self._scenes[number % 2], number * _STEP_S
