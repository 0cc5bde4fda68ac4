"""Boards of one's own: a YAML file to a ``Board`` and back.

::

    name: MY-OAK
    imu: BMI270                  # left out: none
    dots: true                   # infrared light, as the Pro boards have it
    baseline_cm: 9               # left and right lie as far to both sides
    cameras:
      - {socket: CAM_A, name: color, sensor: IMX378}        # a sensor of the boards there are
      - {socket: CAM_B, name: left, sensor: wide}
      - {socket: CAM_C, name: right, sensor: wide}
    sensors:
      wide:
        name: OV9782
        width: 1280
        height: 800
        view_deg: 110            # horizontal, at full width
        color: true
        modes: [{width: 1280, height: 800, fps: 120}]

What is wrong raises UsageError with the file and the key.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from oakwright.errors import UsageError

from .boards import BOARDS, Board, Mounting, Sensor, SensorMode

# A board file is a page of text; a larger one is something else.
MOST_BYTES = 1 << 20
SOCKETS = tuple(f"CAM_{letter}" for letter in "ABCDEFGH")
_LARGEST_SIDE = 16384
_BOARD_KEYS = ("name", "board", "imu", "dots", "flood", "shaves", "baseline_cm", "cameras")
_CAMERA_KEYS = ("socket", "name", "sensor", "x_cm", "upside_down")
_SENSOR_KEYS = (
    *("name", "width", "height", "view_deg", "color", "autofocus"),
    *("lens_position", "tof", "thermal", "modes"),
)


def read_board(path: str | os.PathLike[str]) -> Board:
    """The board a YAML file describes; UsageError names file and key of what is wrong."""
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is larger than a board file", remedy="give another file")
        found = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise UsageError(
            f"the board file {path} cannot be read: {error.strerror}", remedy="check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"{path} is no YAML: {text}", remedy="mend that line") from error
    return board_of(found, str(path))


def board_of(said: Any, place: str) -> Board:
    """The board of a YAML or JSON value; ``place`` is the file's name for errors."""
    top = _Part(said, place, "", (*_BOARD_KEYS, "sensors"))
    own = _Part(said.get("sensors") or {}, place, "sensors", None)
    sensors = dict(_known_sensors())
    for name in own.said:
        sensors[name] = _sensor(own.part(name, _SENSOR_KEYS))
    half = top.number("baseline_cm", 0.0, 1000.0, default=0.0) / 2
    cameras = tuple(
        _camera(_Part(entry, place, f"cameras[{number}]", _CAMERA_KEYS), sensors, half)
        for number, entry in enumerate(top.list_("cameras", 1, len(SOCKETS)))
    )
    for key in ("socket", "name"):
        values = [getattr(camera, key) for camera in cameras]
        for number, value in enumerate(values):
            if value in values[:number]:
                shown = SOCKETS[value] if key == "socket" else value
                raise _wrong(place, f"cameras[{number}].{key}", f"{shown} is there already")
    imu = top.text("imu", default="NONE")
    return Board(
        top.text("board", default=top.text("name")),
        top.text("name"),
        cameras,
        has_imu=imu != "NONE",
        imu=imu,
        shaves=round(top.number("shaves", 1, 16, default=16)),
        has_dots=top.flag("dots"),
        has_flood=top.flag("flood"),
    )


def board_facts(board: Board) -> dict[str, Any]:
    """A board as plain values, which ``board_of`` reads."""
    cameras, sensors = [], {}
    for camera in board.cameras:
        facts = asdict(camera.sensor)
        facts["modes"] = [
            {"width": m.width, "height": m.height, "fps": m.max_fps} for m in camera.sensor.modes
        ]
        for key, field in _SENSOR_FIELDS.items():
            facts[key] = facts.pop(field)
        sensors[camera.name] = {key: value for key, value in facts.items() if value is not None}
        cameras.append(
            {
                "socket": SOCKETS[camera.socket],
                "name": camera.name,
                "sensor": camera.name,
                "x_cm": camera.x_cm,
                "upside_down": camera.is_upside_down,
            }
        )
    return {
        "name": board.product,
        "board": board.name,
        "imu": board.imu if board.has_imu else "NONE",
        "dots": board.has_dots,
        "flood": board.has_flood,
        "shaves": board.shaves,
        "cameras": cameras,
        "sensors": sensors,
    }


def board_text(board: Board) -> str:
    """A board as a file, to start one's own from."""
    facts = board_facts(board)
    return str(yaml.safe_dump(facts, sort_keys=False, default_flow_style=None, width=100))


def list_boards() -> str:
    """The boards there are: a line each, with a line for each of its cameras."""
    lines = []
    for name, board in BOARDS.items():
        left, right = board.named("left"), board.named("right")
        said = [f"IMU {board.imu}" if board.has_imu else "no IMU"]
        if left is not None and right is not None:
            said.insert(0, f"stereo {right.x_cm - left.x_cm:g} cm")
        said += ["dot projector"] if board.has_dots else []
        said += ["flood light"] if board.has_flood else []
        lines.append(f"{name}: {', '.join(said)}")
        for camera in board.cameras:
            sensor = camera.sensor
            modes = ", ".join(f"{m.width}x{m.height} at {m.max_fps:g}" for m in sensor.modes)
            lines.append(
                f"  {SOCKETS[camera.socket]} {camera.name}: {sensor.name}, "
                f"{sensor.horizontal_view_deg:g} degrees, {modes}"
            )
    return "\n".join(lines)


# Keys of the file whose name is not the field's.
_SENSOR_FIELDS = {
    "view_deg": "horizontal_view_deg",
    "color": "is_color",
    "autofocus": "has_autofocus",
    "tof": "is_tof",
    "thermal": "is_thermal",
}


def _known_sensors() -> dict[str, Sensor]:
    found: dict[str, Sensor] = {}
    for board in BOARDS.values():
        for camera in board.cameras:
            found.setdefault(camera.sensor.name, camera.sensor)
    return found


def _camera(part: _Part, sensors: Mapping[str, Sensor], half: float) -> Mounting:
    socket, name, sensor = part.text("socket"), part.text("name"), part.text("sensor")
    if socket not in SOCKETS:
        raise part.wrong("socket", f"'{socket}' is none of {SOCKETS[0]} to {SOCKETS[-1]}")
    if sensor not in sensors:
        known = ", ".join(sensors)
        raise part.wrong("sensor", f"'{sensor}' is described nowhere; there are {known}")
    usual = {"left": -half, "right": half}.get(name, 0.0)
    return Mounting(
        SOCKETS.index(socket),
        name,
        sensors[sensor],
        part.number("x_cm", -1000.0, 1000.0, default=usual),
        is_upside_down=part.flag("upside_down"),
    )


def _sensor(part: _Part) -> Sensor:
    sides = [round(part.number(key, 2, _LARGEST_SIDE, whole=True)) for key in ("width", "height")]
    modes = []
    for number, entry in enumerate(part.list_("modes", 1, 64, default=())):
        mode = _Part(entry, part.file, f"{part.key}.modes[{number}]", ("width", "height", "fps"))
        width = round(mode.number("width", 2, sides[0], whole=True))
        height = round(mode.number("height", 2, sides[1], whole=True))
        modes.append(SensorMode(width, height, mode.number("fps", 0.01, 10000.0)))
    focus = part.flag("autofocus")
    lens = part.number("lens_position", 0, 255, default=-1, whole=True)
    return Sensor(
        part.text("name"),
        sides[0],
        sides[1],
        part.number("view_deg", 1.0, 170.0),
        part.flag("color"),
        focus,
        tuple(modes) or (SensorMode(sides[0], sides[1], 30.0),),
        is_tof=part.flag("tof"),
        is_thermal=part.flag("thermal"),
        lens_position=round(lens) if lens >= 0 else None,
    )


# -- values, with words for what is wrong with them


def _wrong(file: str, key: str, text: str) -> UsageError:
    return UsageError(
        f"{file}: {key}: {text}", remedy="'oakwright device boards --file OAK-D' shows a board file"
    )


class _Part:
    """A mapping in the file; ``key`` is where it stands, ``keys`` what it may have."""

    def __init__(self, said: Any, file: str, key: str, keys: tuple[str, ...] | None) -> None:
        self.said, self.file, self.key = said, file, key
        if not isinstance(said, Mapping):
            raise _wrong(file, key or "the file", f"{_shown(said)} is no mapping of keys to values")
        for name in said:
            if not isinstance(name, str):
                raise self.wrong(str(name), "a key must be a word")
            if keys is not None and name not in keys:
                raise self.wrong(name, f"no such key; there are {', '.join(keys)}")

    def wrong(self, key: str, text: str) -> UsageError:
        return _wrong(self.file, f"{self.key}.{key}".lstrip("."), text)

    def part(self, key: str, keys: tuple[str, ...]) -> _Part:
        return _Part(self.said[key], self.file, f"{self.key}.{key}".lstrip("."), keys)

    def text(self, key: str, *, default: str | None = None) -> str:
        value = self.said.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing")
        if not isinstance(value, str) or not value or len(value) > 100:
            raise self.wrong(key, f"{_shown(value)} is no name (a word of up to 100 letters)")
        return value

    def flag(self, key: str) -> bool:
        value = self.said.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, f"{_shown(value)} is neither true nor false")
        return value

    def number(
        self,
        key: str,
        least: float,
        most: float,
        *,
        default: float | None = None,
        whole: bool = False,
    ) -> float:
        value = self.said.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing")
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not default and not (
            is_number and least <= value <= most and (not whole or value == int(value))
        ):
            kind = "whole number" if whole else "number"
            raise self.wrong(key, f"{_shown(value)} is no {kind} of {least:g} to {most:g}")
        return float(value)

    def list_(self, key: str, least: int, most: int, *, default: Any = None) -> list[Any]:
        value = self.said.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing")
        if value is default:
            return []
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.wrong(key, f"{_shown(value)} is no list of {least} to {most} entries")
        return value


def _shown(value: Any) -> str:
    # Not repr: a few lines of YAML can stand for more than memory holds.
    text = reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
