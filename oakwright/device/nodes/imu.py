"""IMU: packets of what the camera's IMU reads, see ``imu_readings``.

The readings are the source's where it has some (a moving camera of a scene, a recording, a table
of the user's), those of a camera that stands upright and still otherwise. Sensors without noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import depthai as dai

from oakwright.errors import PipelineError

from ..imu_readings import ImuReadings, StillReadings
from ..message import stamp
from ..scheduler import Waiting, never
from ..schema import NodeRecord
from .node import Context, Node

_ACCELERATION, _TURN, _MAGNETIC, _ROTATION = (
    "acceleroMeter",
    "gyroscope",
    "magneticField",
    "rotationVector",
)
# dai.IMUSensor: which part of a packet it fills, and with which kind of reading.
_SENSORS: dict[int, tuple[str, str]] = {
    1: (_ACCELERATION, "accelerometer"),
    4: (_ACCELERATION, "linear_acceleration"),
    6: (_ACCELERATION, "gravity"),
    20: (_ACCELERATION, "accelerometer"),
    2: (_TURN, "gyroscope"),
    7: (_TURN, "gyroscope"),
    21: (_TURN, "gyroscope"),
    3: (_MAGNETIC, "magnetic_field"),
    15: (_MAGNETIC, "magnetic_field"),
    22: (_MAGNETIC, "magnetic_field"),
    **dict.fromkeys((5, 8, 9, 40, 41), (_ROTATION, "rotation")),
}


class IMU(Node):
    """See the module. A packet per tick of the fastest sensor, sent in batches."""

    honoured = ("imuSensors*", "batchReportThreshold", "maxBatchReports")
    harmless = ("enableFirmwareUpdate",)
    sends = ("out",)

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._sensors = [(s["sensorId"], s["reportRate"]) for s in record.properties["imuSensors"]]
        self._rate = max((rate for _, rate in self._sensors), default=1)
        self._made = 0
        self._readings: ImuReadings = getattr(context.source, "imu", None) or StillReadings()

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        sensors = record.properties["imuSensors"]
        if not sensors:
            yield "no sensor: call enableIMUSensor"
        for sensor in sensors:
            if sensor["sensorId"] not in _SENSORS:
                yield f"sensor {sensor['sensorId']} is unknown"
            elif not sensor["reportRate"] > 0:
                yield f"reportRate = {sensor['reportRate']} is not above 0"

    def set_up(self) -> None:
        """See Node."""
        if not self.context.board.has_imu:
            self.warn("this board has no IMU: nothing will come")
            return
        there = self._readings.kinds()
        lacks = [kind for kind in (_SENSORS[id][1] for id, _ in self._sensors) if kind not in there]
        if lacks:
            text = f"{self.title}: the IMU's readings have no {lacks[0]}, only {', '.join(there)}"
            raise PipelineError(
                text, remedy="read these, or give a table that has it", findings=(text,)
            )

    def step(self) -> None:
        """See Node."""
        clock, started = self.context.clock, self.context.started_s
        if not self.context.board.has_imu:
            self.context.scheduler.wait(never, Waiting("has no IMU to read"))
        batch = max(self.properties["batchReportThreshold"], 1)
        most = max(self.properties["maxBatchReports"], batch)
        until = started + (self._made + batch) / self._rate
        self.context.scheduler.wait(never, Waiting("waits for its next reports"), until=until)
        # What is overdue comes at once, as much as a batch may hold; the rest is lost.
        due = max(int((clock.now() - started) * self._rate + 1e-6), self._made + batch)
        first = max(self._made, due - most)
        numbers = range(first, due)
        self._made = due
        message = dai.IMUData()
        message.packets = [self._packet(number + 1) for number in numbers]
        self.send("out", stamp(message, started + due / self._rate, self.steps))

    def _packet(self, tick: int) -> Any:
        """The packet of a tick, from 1; slower sensors' latest reports come again."""
        packet = dai.IMUPacket()
        for sensor, rate in self._sensors:
            part, kind = _SENSORS[sensor]
            number = tick * rate // self._rate
            values = self._readings.read(kind, number / rate)
            report: Any = getattr(packet, part)
            if part == _ROTATION:
                report.i, report.j, report.k, report.real = values
            else:
                report.x, report.y, report.z = values
            report.accuracy = dai.IMUReport.Accuracy.HIGH
            report.sequence = number
            report.timestamp = report.tsDevice = _timestamp(self.context.started_s + number / rate)
        return packet


def _timestamp(seconds: float) -> Any:
    moment = dai.Timestamp()
    moment.sec, moment.nsec = int(seconds), int(seconds % 1 * 1e9)
    return moment
