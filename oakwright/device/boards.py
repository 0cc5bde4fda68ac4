"""Boards as tables: sensors, sockets, resolutions, positions, and the calibration they give.

Facts from the makers' data sheets: IMX378 1.55 um pixels, 69 deg horizontal view; OV9282 3 um,
72 deg horizontal view; OAK-D baseline 7.5 cm, colour camera in the middle. A board's own
deviations are not simulated: lenses are free of distortion, axes are parallel. Boards of one's own
are read by ``board_file``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from oakwright.errors import UsageError

# enum value (dai.ColorCameraProperties.SensorResolution) -> width, height of the sensor's mode
COLOR_RESOLUTIONS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {
        0: (1920, 1080),
        1: (3840, 2160),
        2: (4056, 3040),
        3: (4208, 3120),
        4: (1280, 720),
        5: (1280, 800),
        6: (1920, 1200),
        7: (2592, 1944),
        8: (4000, 3000),
        9: (5312, 6000),
        10: (8000, 6000),
        11: (1440, 1080),
        12: (1352, 1012),
        13: (2024, 1520),
    }
)
# enum value (dai.MonoCameraProperties.SensorResolution) -> width, height
MONO_RESOLUTIONS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {0: (1280, 720), 1: (1280, 800), 2: (640, 400), 3: (640, 480), 4: (1920, 1200)}
)


@dataclass(frozen=True)
class SensorMode:
    """A resolution the sensor has, pixels, and its fastest rate."""

    width: int
    height: int
    max_fps: float


@dataclass(frozen=True)
class Sensor:
    """A camera sensor: full size in pixels, horizontal view in degrees at full width."""

    name: str
    width: int
    height: int
    horizontal_view_deg: float
    is_color: bool
    has_autofocus: bool
    modes: tuple[SensorMode, ...]
    # It measures distance by the time light takes; its picture is what comes back of its light.
    is_tof: bool = False
    # It sees warmth; raw pictures are degrees Celsius.
    is_thermal: bool = False
    # Where the lens stood at calibration (0 to 255); None: 130 with autofocus, 0 without.
    lens_position: int | None = None

    @property
    def focal_px(self) -> float:
        """Focal length in pixels of the full sensor."""
        return self.width / 2 / math.tan(math.radians(self.horizontal_view_deg) / 2)


@dataclass(frozen=True)
class Mounting:
    """A sensor at a socket: ``x_cm`` is its place along the board, to the right as it looks."""

    socket: int
    name: str
    sensor: Sensor
    x_cm: float = 0.0
    # Built in the other way up: its pictures are upside down unless the script turns them.
    is_upside_down: bool = False


@dataclass(frozen=True)
class Board:
    """A camera: what it is called and what it carries."""

    name: str
    product: str
    cameras: tuple[Mounting, ...]
    has_imu: bool = False
    imu: str = "NONE"
    shaves: int = 16
    # Infrared light: a projector of dots for stereo, a flood light for the dark.
    has_dots: bool = False
    has_flood: bool = False

    def camera(self, socket: int) -> Mounting | None:
        """What is mounted at a socket number, if anything."""
        return next((c for c in self.cameras if c.socket == socket), None)

    def named(self, name: str) -> Mounting | None:
        """The camera of that name: ``color``, ``left``, ``right``."""
        same = {"rgb": "color", "center": "color", "mono": "color"}
        wanted = same.get(name.lower(), name.lower())
        return next((c for c in self.cameras if c.name == wanted), None)


IMX378 = Sensor(
    "IMX378",
    4056,
    3040,
    69.0,
    True,
    True,
    (SensorMode(1920, 1080, 60), SensorMode(3840, 2160, 42), SensorMode(4056, 3040, 30)),
)
OV9282 = Sensor(
    "OV9282",
    1280,
    800,
    72.0,
    False,
    False,
    (SensorMode(640, 400, 120), SensorMode(1280, 720, 60), SensorMode(1280, 800, 60)),
)

OV9782 = Sensor(
    "OV9782",
    1280,
    800,
    72.0,
    True,
    False,
    (SensorMode(1280, 720, 60), SensorMode(1280, 800, 60)),
)
# The makers give the narrower views of newer boards' modules.
IMX378_66 = replace(IMX378, horizontal_view_deg=66.0)
OV9282_80 = replace(OV9282, horizontal_view_deg=80.0)
OV9282_127 = replace(OV9282, horizontal_view_deg=127.0)
IMX378_95 = replace(IMX378, horizontal_view_deg=95.0, has_autofocus=False)
IMX214 = Sensor(
    "IMX214",
    4208,
    3120,
    69.0,
    True,
    True,
    (SensorMode(1920, 1080, 35), SensorMode(3840, 2160, 30), SensorMode(4208, 3120, 10)),
)
OV7251 = Sensor(
    "OV7251",
    640,
    480,
    73.0,
    False,
    False,
    (SensorMode(640, 400, 117), SensorMode(640, 480, 99)),
)
AR0234 = Sensor(
    "AR0234",
    1920,
    1200,
    82.0,
    True,
    False,
    (SensorMode(1920, 1080, 60), SensorMode(1920, 1200, 60)),
)
TOF_33D = Sensor("33D", 640, 480, 70.0, False, False, (SensorMode(640, 480, 160),), is_tof=True)
IMX462 = Sensor("IMX462", 1920, 1080, 96.0, True, False, (SensorMode(1920, 1080, 60),))
TINY1C = Sensor(
    "tiny1c", 256, 192, 56.0, False, False, (SensorMode(256, 192, 25),), is_thermal=True
)

# A new board is a row.
BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        "OAK-1": Board("NG9093", "OAK-1", (Mounting(0, "color", IMX378),)),
        "OAK-D": Board(
            "DM9098",
            "OAK-D",
            (
                Mounting(0, "color", IMX378),
                Mounting(1, "left", OV9282, -3.75),
                Mounting(2, "right", OV9282, 3.75),
            ),
            has_imu=True,
            imu="BNO086",
        ),
        "OAK-D-LITE": Board(
            "DM9095",
            "OAK-D-LITE",
            (
                Mounting(0, "color", IMX214),
                Mounting(1, "left", OV7251, -3.75),
                Mounting(2, "right", OV7251, 3.75),
            ),
            has_imu=True,
            imu="BMI270",
        ),
        "OAK-D-S2": Board(
            "DM9098",
            "OAK-D-S2",
            (
                Mounting(0, "color", IMX378_66),
                Mounting(1, "left", OV9282_80, -3.75),
                Mounting(2, "right", OV9282_80, 3.75),
            ),
            has_imu=True,
            imu="BNO086",
        ),
        "OAK-D-PRO": Board(
            "DM9098",
            "OAK-D-PRO",
            (
                Mounting(0, "color", IMX378_66),
                Mounting(1, "left", OV9282_80, -3.75),
                Mounting(2, "right", OV9282_80, 3.75),
            ),
            has_imu=True,
            imu="BNO086",
            has_dots=True,
            has_flood=True,
        ),
        "OAK-D-PRO-W": Board(
            "DM9098",
            "OAK-D-PRO-W",
            (
                Mounting(0, "color", IMX378_95),
                Mounting(1, "left", OV9282_127, -3.75),
                Mounting(2, "right", OV9282_127, 3.75),
            ),
            has_imu=True,
            imu="BNO086",
            has_dots=True,
            has_flood=True,
        ),
        # Three colour cameras: pairs of 5, 10 and 15 cm; stereo is of the outer ones.
        "OAK-D-LR": Board(
            "NG9097",
            "OAK-D-LR",
            (
                Mounting(0, "color", AR0234, -2.5),
                Mounting(1, "left", AR0234, -7.5),
                Mounting(2, "right", AR0234, 7.5),
            ),
            has_imu=True,
            imu="BMI270",
        ),
        "OAK-D-SR-POE": Board(
            "NG9497",
            "OAK-D-SR-POE",
            (
                Mounting(0, "tof", TOF_33D, is_upside_down=True),
                Mounting(1, "left", OV9782, -1.0),
                Mounting(2, "right", OV9782, 1.0),
            ),
            has_imu=True,
            imu="BMI270",
        ),
        "OAK-T": Board(
            "CW2475",
            "OAK-T",
            (Mounting(0, "color", IMX462), Mounting(4, "thermal", TINY1C, 2.0)),
            has_imu=True,
            imu="BMI270",
        ),
    }
)


def find_board(name: str) -> Board:
    """The board of that name, in any case, or of a board file (a path that ends in .yaml, .yml)."""
    for key, board in BOARDS.items():
        if key.lower() == name.lower():
            return board
    if name.lower().endswith((".yaml", ".yml")):
        from .board_file import read_board

        return read_board(name)
    raise UsageError(
        f"'{name}' is no board", remedy=f"one of {', '.join(BOARDS)}, or a board file: my.yaml"
    )


def intrinsics(sensor: Sensor, width: int, height: int) -> list[list[float]]:
    """The 3x3 matrix of a sensor for a picture of ``width`` x ``height``, cropped to its aspect.

    Smaller modes of another aspect are the full picture's centre, scaled.
    """
    scale = max(width / sensor.width, height / sensor.height)
    focal = sensor.focal_px * scale
    return [[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]]


def copy_calibration(handler: Any) -> Any:
    """A ``dai.CalibrationHandler`` of the same values: what its taker changes, stays his."""
    import depthai as dai

    return dai.CalibrationHandler(handler.getEepromData())


def calibration(board: Board) -> Any:
    """The board's ``dai.CalibrationHandler``: pinhole cameras, parallel axes; lengths in cm."""
    import depthai as dai

    handler = dai.CalibrationHandler()
    handler.setBoardInfo(board.name, "R1M0E1")
    handler.setProductName(board.product)
    unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    by_name = {camera.name: camera for camera in board.cameras}
    for camera in board.cameras:
        socket, sensor = dai.CameraBoardSocket(camera.socket), camera.sensor
        matrix = intrinsics(sensor, sensor.width, sensor.height)
        handler.setCameraIntrinsics(socket, matrix, sensor.width, sensor.height)
        handler.setDistortionCoefficients(socket, [0.0] * 14)
        handler.setFov(socket, sensor.horizontal_view_deg)
        handler.setCameraType(socket, dai.CameraModel.Perspective)
        usual = 130 if sensor.has_autofocus else 0
        place = usual if sensor.lens_position is None else sensor.lens_position
        handler.setLensPosition(socket, place)
    # A chain left -> right -> colour and other sorts, as the vendor's own boards have it.
    usual_order = ("left", "right", "color", "tof", "thermal")
    chain = [by_name[name] for name in usual_order if name in by_name]
    chain += [camera for camera in board.cameras if camera.name not in usual_order]
    for source, target in itertools.pairwise(chain):
        shift = [source.x_cm - target.x_cm, 0.0, 0.0]
        handler.setCameraExtrinsics(
            dai.CameraBoardSocket(source.socket),
            dai.CameraBoardSocket(target.socket),
            unit,
            shift,
            shift,
        )
    if "left" in by_name and "right" in by_name:
        handler.setStereoLeft(dai.CameraBoardSocket(by_name["left"].socket), unit)
        handler.setStereoRight(dai.CameraBoardSocket(by_name["right"].socket), unit)
    return handler
