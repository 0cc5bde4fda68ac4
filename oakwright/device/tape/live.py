"""Records a camera over its link, real or virtual: every colour and grey sensor, and the IMU.

Without a script there is nothing but the sensors: colour as the ISP gives it (YUV420), grey as it
comes. Frames that the link or this machine cannot keep up with are missing, their numbers too.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import depthai as dai
import numpy as np

from oakwright.errors import DeviceError, OutputError

from ..boards import (
    BOARDS,
    COLOR_RESOLUTIONS,
    MONO_RESOLUTIONS,
    Board,
    Mounting,
    Sensor,
    SensorMode,
)
from ..sources.source import Shot
from .recorder import DEFAULT_LIMIT, TakeWriter, Tape

# The largest colour picture that is taken: what a USB 3 link carries with two grey cameras.
_WIDEST = 1920
_IMU_HZ = 100
_IMU = "imu"
_SENSORS = (
    (dai.IMUSensor.ACCELEROMETER_RAW, "accelerometer", "acceleroMeter"),
    (dai.IMUSensor.GYROSCOPE_RAW, "gyroscope", "gyroscope"),
)
_WAIT = datetime.timedelta(seconds=10)


@dataclass(frozen=True)
class LiveResult:
    """What was recorded: frames of all cameras; cameras that were left out, and why."""

    folder: Path
    frames: int
    left_out: tuple[str, ...]


def record_camera(
    folder: str | Path,
    *,
    seconds: float,
    fps: float = 30.0,
    limit: int = DEFAULT_LIMIT,
    say: Callable[[str], None] = lambda text: None,
) -> LiveResult:
    """Record what ``dai.Device()`` opens into a new folder.

    Raises DeviceError where it has no camera that can be recorded, or gives nothing for ten
    seconds; UsageError and OutputError as ``Tape`` does.
    """
    with dai.Device() as device:
        board = board_of_device(device)
        pipeline = dai.Pipeline()
        streams, left_out = _add_cameras(pipeline, device, board, fps)
        if not streams:
            raise DeviceError(
                f"{board.product} has no colour or grey camera to record",
                remedy="record it with a script of yours",
            )
        if device.getConnectedIMU() not in ("", "NONE"):
            _add_imu(pipeline)
        tape = Tape(folder, limit=limit)
        try:
            take = tape.begin(device.getMxId(), board, device.readCalibration().eepromToJson())
            clock: Any = dai.Clock
            started_s = clock.now().total_seconds()
            device.startPipeline(pipeline)
            say(f"recording {', '.join(streams)} of {board.product} for {seconds:g} s")
            _collect(device, take, tape, streams, started_s, seconds, fps)
            frames = tape.frames
            if not tape.finish({"deterministic": False, "source": "live"}, None):
                raise OutputError("no camera gave a frame", remedy="record for longer")
        except BaseException:
            tape.discard()
            raise
    return LiveResult(Path(folder), frames, tuple(left_out))


def board_of_device(device: Any) -> Board:
    """What a device says it carries; views and places are those of its calibration."""
    product = device.getDeviceName()
    features = device.getConnectedCameraFeatures()
    known = next((b for b in BOARDS.values() if b.product == product), None)
    there = {(int(f.socket.value), f.sensorName) for f in features}
    if known is not None and {(c.socket, c.sensor.name) for c in known.cameras} == there:
        return known
    handler = device.readCalibration()
    cameras = [_mounting(feature, handler) for feature in features]
    imu = device.getConnectedIMU() or "NONE"
    return Board(product, product, tuple(cameras), has_imu=imu != "NONE", imu=imu)


def _mounting(feature: Any, handler: Any) -> Mounting:
    kinds = dai.CameraSensorType
    modes = tuple(SensorMode(c.width, c.height, c.maxFps) for c in feature.configs)
    try:
        view = float(handler.getFov(feature.socket))
    except RuntimeError:
        # Not calibrated: the usual lens.
        view = 70.0
    try:
        # What takes this camera's points to the first one's is where it stands beside it.
        first = dai.CameraBoardSocket.CAM_A
        x_cm = float(handler.getCameraTranslationVector(feature.socket, first, False)[0])
    except RuntimeError:
        # The first one itself, or one that nothing is known of.
        x_cm = 0.0
    sensor = Sensor(
        feature.sensorName,
        feature.width,
        feature.height,
        view,
        kinds.COLOR in feature.supportedTypes,
        feature.hasAutofocus,
        modes or (SensorMode(feature.width, feature.height, 30.0),),
        is_tof=kinds.TOF in feature.supportedTypes,
        is_thermal=kinds.THERMAL in feature.supportedTypes,
    )
    socket = int(feature.socket.value)
    return Mounting(socket, feature.name or f"camera{socket}", sensor, x_cm)


def _add_cameras(
    pipeline: Any, device: Any, board: Board, fps: float
) -> tuple[dict[str, Mounting], list[str]]:
    streams: dict[str, Mounting] = {}
    left_out = []
    for mounting in board.cameras:
        sensor = mounting.sensor
        sizes = COLOR_RESOLUTIONS if sensor.is_color else MONO_RESOLUTIONS
        fitting = [
            (mode.width * mode.height, number)
            for mode in sensor.modes
            for number, size in sizes.items()
            if size == (mode.width, mode.height) and mode.width <= _WIDEST
        ]
        if sensor.is_tof or sensor.is_thermal or not fitting:
            left_out.append(f"{mounting.name} ({sensor.name})")
            continue
        if sensor.is_color:
            node = pipeline.create(dai.node.ColorCamera)
            node.setResolution(dai.ColorCameraProperties.SensorResolution(max(fitting)[1]))
            output = node.isp
        else:
            node = pipeline.create(dai.node.MonoCamera)
            node.setResolution(dai.MonoCameraProperties.SensorResolution(max(fitting)[1]))
            output = node.out
        node.setBoardSocket(dai.CameraBoardSocket(mounting.socket))
        node.setFps(fps)
        _add_stream(pipeline, output, mounting.name)
        streams[mounting.name] = mounting
    return streams, left_out


def _add_imu(pipeline: Any) -> None:
    imu = pipeline.create(dai.node.IMU)
    imu.enableIMUSensor([sensor for sensor, _, _ in _SENSORS], _IMU_HZ)
    imu.setBatchReportThreshold(5)
    imu.setMaxBatchReports(20)
    _add_stream(pipeline, imu.out, _IMU)


def _add_stream(pipeline: Any, output: Any, name: str) -> None:
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)


def _collect(
    device: Any,
    take: TakeWriter,
    tape: Tape,
    streams: dict[str, Mounting],
    started_s: float,
    seconds: float,
    fps: float,
) -> None:
    """Write all that comes until a frame is of later than ``seconds``, or the tape is full."""
    queues = {name: device.getOutputQueue(name) for name in device.getOutputQueueNames()}
    while not tape.is_full:
        names = device.getQueueEvents(list(queues), timeout=_WAIT)
        if not names:
            raise DeviceError(
                f"the camera gave nothing for {_WAIT.seconds} s",
                remedy="plug it in again; look for its errors with DEPTHAI_LEVEL=debug",
            )
        for name in dict.fromkeys(names):
            for message in queues[name].tryGetAll():
                time_s = max(message.getTimestamp().total_seconds() - started_s, 0.0)
                if name == _IMU:
                    _add_readings(take, message, started_s)
                elif time_s > seconds:
                    return
                else:
                    shot = Shot(streams[name], message.getSequenceNum(), time_s, fps)
                    take.add_frame(shot, *_pixels(message))


def _pixels(message: Any) -> tuple[str, np.ndarray]:
    width, height = message.getWidth(), message.getHeight()
    if message.getType() == dai.ImgFrame.Type.YUV420p:
        return "i420", message.getData()[: width * height * 3 // 2].reshape(-1, width)
    return "grey", message.getData()[: width * height].reshape(height, width)


def _add_readings(take: TakeWriter, message: Any, started_s: float) -> None:
    for packet in message.packets:
        for _, kind, part in _SENSORS:
            report = getattr(packet, part)
            time_s = report.getTimestamp().total_seconds() - started_s
            take.add_reading(kind, max(time_s, 0.0), (report.x, report.y, report.z))
