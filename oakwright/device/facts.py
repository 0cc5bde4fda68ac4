"""What a device tells of its board: cameras and infrared lights, as ``depthai`` has them."""

from __future__ import annotations

from typing import Any

import depthai as dai

from .boards import Board, Mounting

# Infrared light: the driver's name, bus and address, and its greatest currents (dai.Device's
# docstrings).
IR_DRIVER = ("LM3644", 2, 0x63)
MOST_MA = {"dots": 1200.0, "flood": 1500.0}


class Lights:
    """The infrared lights of a board: ``on`` has their currents in mA. Pictures do not change."""

    def __init__(self, board: Board) -> None:
        has = {"dots": board.has_dots, "flood": board.has_flood}
        self._there = [name for name, is_there in has.items() if is_there]
        self.on: dict[str, float] = {}

    def drivers(self) -> list[Any]:
        """The chip that drives them, where there is one."""
        return [IR_DRIVER] if self._there else []

    def set_current(self, name: str, mA: float) -> bool:
        """Whether there is such a light; above its greatest current it has that."""
        if name not in self._there:
            return False
        self.on[name] = min(max(float(mA), 0.0), MOST_MA[name])
        return True

    def set_intensity(self, name: str, share: float) -> bool:
        """As ``set_current``, by share of the greatest one."""
        return self.set_current(name, share * MOST_MA[name])


def camera_features(camera: Mounting) -> Any:
    """A ``dai.CameraFeatures`` of a camera."""
    features = dai.CameraFeatures()
    sensor = camera.sensor
    kinds = dai.CameraSensorType
    kind = kinds.COLOR if sensor.is_color else kinds.MONO
    kind = kinds.TOF if sensor.is_tof else kinds.THERMAL if sensor.is_thermal else kind
    features.socket = dai.CameraBoardSocket(camera.socket)
    features.sensorName, features.name = sensor.name, camera.name
    features.width, features.height = sensor.width, sensor.height
    features.orientation = dai.CameraImageOrientation.AUTO
    features.supportedTypes = [kind]
    features.hasAutofocus = features.hasAutofocusIC = sensor.has_autofocus
    configs = []
    for mode in sensor.modes:
        config = dai.CameraSensorConfig()
        config.width, config.height, config.type = mode.width, mode.height, kind
        config.minFps, config.maxFps = 1.0, mode.max_fps
        configs.append(config)
    features.configs = configs
    return features
