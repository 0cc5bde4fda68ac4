"""The made-up scene as a source: every camera of the board sees it from where it is mounted."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from ..boards import Mounting
from ..scene import CameraModel, Scene
from .source import Shot

# Sensors with more pixels are rendered this wide; what asks for more is enlarged.
_WIDEST = 1920


class SceneSource:
    """See the module. ``scene`` is there for its truth: ``source.scene.render(model, time_s)``."""

    def __init__(self, seed: int = 0, *, scene: Scene | None = None) -> None:
        self.scene = Scene(seed) if scene is None else scene

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        picture = self.scene.picture(camera_model(shot.camera), shot.time_s)
        if shot.camera.sensor.is_color:
            return picture
        grey: np.ndarray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return grey

    def depth(self, shot: Shot) -> np.ndarray | None:
        """Depth along z in mm (uint16) of the same pixels as ``frame``'s."""
        return self.scene.render(camera_model(shot.camera), shot.time_s).depth_mm

    def close(self) -> None:
        """See FrameSource."""


@cache
def camera_model(mounting: Mounting) -> CameraModel:
    """The whole sensor as a pinhole camera: its own size, or scaled down to 1920 columns."""
    sensor = mounting.sensor
    width = min(sensor.width, _WIDEST)
    height = round(sensor.height * width / sensor.width / 2) * 2
    return CameraModel.with_view(
        width, height, sensor.horizontal_view_deg, (mounting.x_cm / 100, 0.0, 0.0)
    )
