"""The cameras of a session: which there are, what each sees, which are open.

A session has one camera or several (``Settings.cameras``). An open camera cannot be opened again
until it is closed; what a script is told then are depthai's own words.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .boards import Board, calibration, copy_calibration, find_board
from .imu_readings import read_imu_table
from .settings import CameraSpec, Settings
from .sources import FrameSource, TimedSource, open_source
from .tape import Recording, ReplaySource, Tape, TapedSource
from .tape.recording import Take, damaged

MX_ID = "14442C10D13EABCE00"
NONE_FREE = "No available devices"
NOT_FOUND = "Cannot find any device with given deviceInfo"
IN_USE = "Failed to connect to device, error message: X_LINK_DEVICE_ALREADY_IN_USE"


def device_id(number: int) -> str:
    """The id of the session's n-th camera, 18 digits as real ones have."""
    return f"{int(MX_ID, 16) + number:018X}"


class Holder(Protocol):
    """Who opens a camera."""

    @property
    def is_open(self) -> bool:
        """Whether it has been neither closed nor lost."""
        ...


@dataclass(eq=False)
class Plugged:
    """A camera that is plugged in. ``takes``: what it is to give again, of a recording."""

    number: int
    id: str
    board: Board
    source: FrameSource
    # Whether its id was chosen; a camera without one answers to any id that nobody else has.
    has_own_id: bool = False
    # The device that has it open, or had.
    holder: Holder | None = None
    recording: Recording | None = None
    takes: list[Take] = field(default_factory=list)
    starts: int = 0
    # Real seconds that its pictures took to make, by the node that asked; see TimedSource.
    source_busy_s: dict[str, float] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether a device has it open."""
        return self.holder is not None and self.holder.is_open

    @property
    def name(self) -> str:
        """The USB port it is plugged into."""
        return f"{self.number + 1}.1"

    def factory_calibration(self) -> Any:
        """A ``dai.CalibrationHandler`` of its own: the recorded one, or the board's."""
        if self.recording is None or not self.takes:
            return calibration(self.board)
        import depthai as dai

        path = self.recording.folder / self.takes[0].calibration
        try:
            return dai.CalibrationHandler.fromJson(json.loads(path.read_text()))
        except (RuntimeError, ValueError) as error:
            raise damaged(path, f"is no calibration: {error}") from error


class SourceWithImu:
    """A source of frames with IMU readings from elsewhere."""

    def __init__(self, source: FrameSource, imu: Any) -> None:
        self._source, self.imu = source, imu

    def __getattr__(self, name: str) -> Any:
        if name == "_source":
            raise AttributeError(name)
        return getattr(self._source, name)


class Rig:
    """All cameras of a session. ``source`` takes the place of what the first one's words name."""

    def __init__(
        self,
        settings: Settings,
        source: FrameSource | None,
        recording: Recording | None,
        away: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings, self._recording = settings, recording
        # Whether a fault has every camera away.
        self._away = away
        self._lock = threading.Lock()
        self._replays: list[ReplaySource] = []
        self.cameras: list[Plugged] = []
        if recording is not None:
            self._plug_recorded(recording)
            return
        try:
            for spec in settings.cameras or (CameraSpec(settings.board, settings.source),):
                self._plug(spec, source)
                source = None
        except BaseException:
            self.close()
            raise

    def _plug(self, spec: CameraSpec, source: FrameSource | None) -> None:
        settings, number = self._settings, len(self.cameras)
        board = find_board(spec.board)
        source = source or open_source(spec.source, loops=settings.loops)
        if settings.imu:
            source = SourceWithImu(source, read_imu_table(settings.imu, loops=settings.loops))
        found = Plugged(number, spec.id or device_id(number), board, source, bool(spec.id))
        self.cameras.append(found)

    def _plug_recorded(self, recording: Recording) -> None:
        for take in recording.takes:
            found = next((c for c in self.cameras if c.id == take.device), None)
            if found is None:
                found = Plugged(
                    len(self.cameras),
                    take.device,
                    take.board,
                    self._replay(recording, take),
                    has_own_id=len({t.device for t in recording.takes}) > 1,
                    recording=recording,
                )
                self.cameras.append(found)
            found.takes.append(take)

    def _replay(self, recording: Recording, take: Take) -> ReplaySource:
        settings = self._settings
        made = ReplaySource(
            recording, take, loops=settings.loops, by_number=settings.pace == "free"
        )
        self._replays.append(made)
        return made

    # -- finding and opening

    def found(self) -> list[Plugged]:
        """What discovery sees, open ones included."""
        return [] if self._away() else list(self.cameras)

    def free(self) -> list[Plugged]:
        """What can be opened."""
        return [camera for camera in self.found() if not camera.is_open]

    def open(self, id: str, name: str, holder: Holder) -> Plugged:
        """Open a camera by its id or port, any where both are empty.

        Raises RuntimeError, with depthai's words, for one that is not there or open already.
        """
        with self._lock:
            camera = self._choose(id, name)
            camera.holder = holder
            return camera

    def _choose(self, id: str, name: str) -> Plugged:
        # Whoever opens has waited for cameras that a fault has away.
        free = [camera for camera in self.cameras if not camera.is_open]
        if not id and not name:
            if not free:
                count = len(self.cameras)
                raise RuntimeError(
                    f"{NONE_FREE} ({count} connected, but in use)" if count else NONE_FREE
                )
            return free[0]
        for camera in self.cameras:
            if (id and camera.id == id) or (not id and camera.name == name):
                if camera.is_open:
                    raise RuntimeError(IN_USE)
                return camera
        # A script written for a camera of another id gets one that nobody asked for by its own.
        others = [camera for camera in free if not camera.has_own_id]
        if others:
            return others[0]
        raise RuntimeError(IN_USE if not any(c.has_own_id for c in self.cameras) else NOT_FOUND)

    # -- a pipeline's start

    def source_for(self, camera: Plugged, tape: Tape | None, handler: Any) -> FrameSource:
        """What a camera sees from now on; ``handler``: the calibration that its nodes use."""
        source = camera.source
        if self._recording is not None and camera.starts:
            # The n-th start gives the n-th take; after the last one, that one again.
            take = camera.takes[min(camera.starts, len(camera.takes) - 1)]
            source = self._replay(self._recording, take)
        camera.starts += 1
        if self._settings.timed:
            return TimedSource(source, camera.source_busy_s)
        if tape is None:
            return source
        facts = copy_calibration(handler).eepromToJson()
        return TapedSource(source, tape.begin(camera.id, camera.board, facts))

    def close(self) -> None:
        """Let go of the sources."""
        for camera in self.cameras:
            camera.source.close()
        for replay in self._replays:
            replay.close()
