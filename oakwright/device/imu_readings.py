"""What an IMU reads at a moment: standing still, or out of a table (CSV).

Kinds of readings and their units: ``accelerometer``, ``linear_acceleration`` (without gravity) and
``gravity`` in m/s2, ``gyroscope`` in rad/s, ``magnetic_field`` in microtesla, ``rotation`` as a
quaternion i, j, k, real that turns the IMU's axes to the world's. Axes are the camera's: x right,
y down, z forward.

A table is of one of two forms; what was read last before a moment holds at it::

    time_s,accelerometer_x,accelerometer_y,accelerometer_z,gyroscope_x,...   one line a moment
    time_s,kind,x,y,z,real                                                  one line a reading
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from oakwright.errors import SourceError

GRAVITY = 9.80665
# Axes of each kind, as its columns end.
_VECTOR, _QUATERNION = ("x", "y", "z"), ("i", "j", "k", "real")
KINDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("accelerometer", "linear_acceleration", "gravity", "gyroscope", "magnetic_field"), _VECTOR
    ),
    "rotation": _QUATERNION,
}
LONG_HEAD = ("time_s", "kind", "x", "y", "z", "real")
# Microtesla, about Central Europe's: forward and down.
FIELD = (0.0, 44.0, 20.0)
_STILL: Mapping[str, tuple[float, ...]] = {
    "accelerometer": (0.0, -GRAVITY, 0.0),
    "linear_acceleration": (0.0, 0.0, 0.0),
    "gravity": (0.0, -GRAVITY, 0.0),
    "gyroscope": (0.0, 0.0, 0.0),
    "magnetic_field": FIELD,
    "rotation": (0.0, 0.0, 0.0, 1.0),
}
# Moments are sums of fractions: this much before a reading is at it.
_SLACK_S = 1e-6
_MOST_LINES = 50_000_000


class ImuReadings(Protocol):
    """See the module; may be asked by several threads."""

    def kinds(self) -> Sequence[str]:
        """What can be read."""
        ...

    def read(self, kind: str, time_s: float) -> tuple[float, ...]:
        """The values ``time_s`` seconds after the pipeline's start."""
        ...


class StillReadings:
    """A camera that stands upright and does not move."""

    def kinds(self) -> Sequence[str]:
        """All of them."""
        return tuple(KINDS)

    def read(self, kind: str, time_s: float) -> tuple[float, ...]:
        """Gravity shows as an acceleration upwards, along -y."""
        return _STILL[kind]


class TableReadings:
    """Readings by kind as (seconds, values) in order; ``loops`` starts again after the last.

    ``length_s``: when it starts again; None for the last reading and as long as one lasts.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[tuple[float, tuple[float, ...]]]],
        *,
        loops: bool = True,
        length_s: float | None = None,
    ) -> None:
        self._times = {kind: [time_s for time_s, _ in found] for kind, found in rows.items()}
        self._values = {kind: [values for _, values in found] for kind, found in rows.items()}
        self._loops = loops
        every = sorted({time_s for times in self._times.values() for time_s in times})
        self._length_s = _end_of(every) if length_s is None else length_s

    def kinds(self) -> Sequence[str]:
        """What the table has."""
        return tuple(self._times)

    def read(self, kind: str, time_s: float) -> tuple[float, ...]:
        """What was read last; the first reading before there is one."""
        if self._loops and self._length_s > 0 and time_s >= self._length_s - _SLACK_S:
            time_s = (time_s + _SLACK_S) % self._length_s
        number = bisect_right(self._times[kind], time_s + _SLACK_S) - 1
        return self._values[kind][max(number, 0)]


def _end_of(times: Sequence[float]) -> float:
    if len(times) < 2:
        return times[-1] if times else 0.0
    return times[-1] + (times[-1] - times[0]) / (len(times) - 1)


def read_imu_table(
    path: str | Path, *, loops: bool = True, length_s: float | None = None
) -> TableReadings:
    """Read a CSV table; SourceError names file, line and column of what is wrong."""
    try:
        with Path(path).open(newline="") as file:
            rows = csv.reader(file)
            head = [name.strip() for name in next(rows, [])]
            found = _long(path, rows) if tuple(head) == LONG_HEAD else _wide(path, head, rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _wrong(path, f"cannot be read: {error}") from error
    if not found:
        raise _wrong(path, "there is no reading in it")
    for kind, readings in found.items():
        times = [time_s for time_s, _ in readings]
        if times != sorted(times):
            raise _wrong(path, f"the readings of {kind} are not in the order of time")
    return TableReadings(found, loops=loops, length_s=length_s)


_Rows = dict[str, list[tuple[float, tuple[float, ...]]]]


def _long(path: str | Path, rows: Iterable[list[str]]) -> _Rows:
    found: _Rows = {}
    for line, row in _counted(path, rows, len(LONG_HEAD)):
        if row[1] not in KINDS:
            raise _wrong(path, f"line {line}: '{row[1][:40]}' is none of {', '.join(KINDS)}")
        axes = len(KINDS[row[1]])
        values = [_number(path, line, name, row[i]) for i, name in _columns(LONG_HEAD, axes)]
        found.setdefault(row[1], []).append((values[0], tuple(values[1:])))
    return found


def _columns(head: Sequence[str], axes: int) -> list[tuple[int, str]]:
    return [(0, head[0]), *((i, head[i]) for i in range(2, 2 + axes))]


def _wide(path: str | Path, head: list[str], rows: Iterable[list[str]]) -> _Rows:
    known = {f"{kind}_{axis}" for kind, axes in KINDS.items() for axis in axes}
    if not head or head[0] != "time_s":
        raise _wrong(path, "its first line must name the columns, time_s first")
    for name in head[1:]:
        if name not in known:
            raise _wrong(path, f"column '{name[:40]}' is unknown; there are {', '.join(KINDS)}")
    places = {}
    for kind, axes in KINDS.items():
        wanted = [f"{kind}_{axis}" for axis in axes]
        if any(name in head for name in wanted):
            lacks = [name for name in wanted if name not in head]
            if lacks:
                raise _wrong(path, f"column '{lacks[0]}' is missing")
            places[kind] = [head.index(name) for name in wanted]
    found: _Rows = {}
    for line, row in _counted(path, rows, len(head)):
        time_s = _number(path, line, "time_s", row[0])
        for kind, columns in places.items():
            cells = [row[i] for i in columns]
            if any(cell.strip() for cell in cells):
                values = [_number(path, line, head[i], row[i]) for i in columns]
                found.setdefault(kind, []).append((time_s, tuple(values)))
    return found


def _counted(
    path: str | Path, rows: Iterable[list[str]], columns: int
) -> Iterable[tuple[int, list[str]]]:
    for line, row in enumerate(rows, start=2):
        if line > _MOST_LINES:
            raise _wrong(path, f"it has more than {_MOST_LINES} lines")
        if len(row) != columns:
            raise _wrong(path, f"line {line} has {len(row)} values, not {columns}")
        yield line, row


def _number(path: str | Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _wrong(path, f"line {line}, column {column}: '{text[:40]}' is no number")
    return value


def _wrong(path: str | Path, text: str) -> SourceError:
    return SourceError(
        f"the IMU's table {path}: {text}",
        remedy="write time_s,accelerometer_x,accelerometer_y,accelerometer_z,gyroscope_x,...",
        path=str(path),
    )
