"""Writes a recording: beside the folder it is to become, and renamed at the end."""

from __future__ import annotations

import csv
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.errors import OutputError, UsageError

from ..board_file import SOCKETS
from ..boards import Board
from ..imu_readings import LONG_HEAD, ImuReadings, StillReadings
from ..recorded import partial_of
from ..sources.source import FrameSource, Shot
from .messages import MessageTable
from .pictures import PictureWriter, pixel_hash, to_stored
from .recording import Take, Track, write_manifest

# Bytes a recording may take, if nothing else is said.
DEFAULT_LIMIT = 8 << 30
MESSAGES = "messages.csv"
# The size is looked at once in so many pictures.
_LOOK_EVERY = 8


@dataclass
class _TrackWriter:
    socket: int
    kind: str
    fps: float
    table: Path
    pictures: PictureWriter
    rows: Any
    file: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    last_number: int = -1
    last_hash: str = ""
    count: int = 0
    different: int = 0


class TakeWriter:
    """What one device gives from a pipeline's start; see ``Tape.begin``."""

    def __init__(self, tape: Tape, number: int, device: str, board: Board) -> None:
        self._tape, self.number, self.device, self.board = tape, number, device, board
        # By socket, and whether it is depth.
        self._tracks: dict[tuple[int, bool], _TrackWriter] = {}
        self._imu: Any = None
        self._imu_rows: Any = None
        self._imu_last: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether the recording has reached its limit."""
        return self._tape.is_full

    @property
    def frames(self) -> int:
        """How many frames it has, of all cameras."""
        return sum(track.count for track in self._tracks.values())

    def add_frame(self, shot: Shot, kind: str, pixels: np.ndarray) -> None:
        """A camera's frame; one whose number is not above the last one's is there already.

        ``kind``: see ``pictures.KINDS``.
        """
        track, number, time_s = self._track(shot, kind), shot.number, shot.time_s
        with track.lock:
            if number <= track.last_number or track.file.closed:
                return
            found = pixel_hash(pixels)
            if found != track.last_hash:
                track.pictures.add(to_stored(pixels))
                track.different += 1
                track.last_hash = found
            track.rows.writerow((number, repr(float(time_s)), track.different - 1, found))
            track.last_number, track.count = number, track.count + 1
            look = track.count % _LOOK_EVERY == 1
        if look:
            self._tape.look_at_size()

    def add_reading(self, kind: str, time_s: float, values: Sequence[float]) -> None:
        """A reading of the IMU; one not after the last of its kind is there already."""
        with self._lock:
            if self._imu is None:
                self._imu = (self._tape.aside / self._name("imu.csv")).open("w", newline="")
                self._imu_rows = csv.writer(self._imu)
                self._imu_rows.writerow(LONG_HEAD)
            if self._imu.closed or time_s <= self._imu_last.get(kind, -1.0):
                return
            self._imu_last[kind] = time_s
            cells = [repr(float(value)) for value in values]
            self._imu_rows.writerow((repr(float(time_s)), kind, *cells, *[""] * (4 - len(cells))))

    def finish(self) -> Take:
        """Complete the files. Raises OutputError where one could not be written."""
        tracks = []
        for track in self._tracks.values():
            with track.lock:
                track.file.close()
                segments = tuple(track.pictures.finish())
            tracks.append(Track(track.socket, track.kind, track.fps, track.table.name, segments))
        if self._imu is not None:
            with self._lock:
                self._imu.close()
        return Take(
            self.device,
            self.number,
            self.board,
            self._name("calibration.json"),
            tuple(tracks),
            self._name("imu.csv") if self._imu is not None else "",
        )

    def _name(self, ending: str) -> str:
        return f"{self.number}-{ending}"

    def _track(self, shot: Shot, kind: str) -> _TrackWriter:
        socket = shot.camera.socket
        with self._lock:
            found = self._tracks.get((socket, kind == "depth"))
            if found is None:
                name = self._name(SOCKETS[socket] + ("-depth" if kind == "depth" else ""))
                table = self._tape.aside / f"{name}.csv"
                file = table.open("w", newline="")
                rows = csv.writer(file)
                rows.writerow(("number", "time_s", "picture", "hash"))
                pictures = PictureWriter(self._tape.aside, name)
                found = _TrackWriter(socket, kind, shot.fps, table, pictures, rows, file)
                self._tracks[socket, kind == "depth"] = found
            return found


class Tape:
    """A recording in the making. ``limit`` bytes at most; ``on_full`` is told when it is reached.

    Raises UsageError where the folder is taken, OutputError where it cannot be written.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        limit: int = DEFAULT_LIMIT,
        is_timed: bool = False,
        on_full: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.aside = partial_of(self.folder)
        self._limit, self._on_full = limit, on_full
        self.is_full = False
        self._takes: list[TakeWriter] = []
        self._lock = threading.Lock()
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise UsageError(f"there is something in {folder}", remedy="give a new folder")
        try:
            self.aside.parent.mkdir(parents=True, exist_ok=True)
            self.aside.mkdir()
        except FileExistsError:
            raise UsageError(
                f"{self.aside} is there: a recording is being made, or one was broken off",
                remedy="wait for it, or remove that folder",
            ) from None
        except OSError as error:
            raise _unwritable(self.aside, error) from error
        self._messages = MessageTable(self.aside / MESSAGES, is_timed=is_timed)

    def begin(self, device: str, board: Board, calibration: dict[str, Any]) -> TakeWriter:
        """A device starts a pipeline; ``calibration`` as eepromToJson has it."""
        with self._lock:
            take = TakeWriter(self, len(self._takes), device, board)
            self._takes.append(take)
        path = self.aside / f"{take.number}-calibration.json"
        path.write_text(json.dumps(calibration, indent=1))
        return take

    def arrived(self, stream: str, message: Any) -> None:
        """A message has reached the host."""
        self._messages.add(stream, message)

    @property
    def frames(self) -> int:
        """How many frames there are so far."""
        return sum(take.frames for take in self._takes)

    def look_at_size(self) -> None:
        """End the recording softly where it has grown to its limit."""
        size = sum(path.stat().st_size for path in self.aside.iterdir())
        if size >= self._limit and not self.is_full:
            self.is_full = True
            self._on_full()

    def finish(self, settings: dict[str, Any], digest: str | None) -> bool:
        """Complete the recording; False, and nothing is left, where no camera gave a frame."""
        try:
            self._messages.close()
            # A pipeline without a camera is no take that could be given again.
            takes = [(take, take.finish()) for take in self._takes]
            used = [made for take, made in takes if take.frames]
            if not used:
                self.discard()
                return False
            for take, made in takes:
                if not take.frames:
                    (self.aside / made.calibration).unlink()
                    if made.imu:
                        (self.aside / made.imu).unlink()
            settings = settings | {"ended": "its limit of bytes" if self.is_full else ""}
            write_manifest(self.aside, used, settings, digest, MESSAGES)
            if self.folder.is_dir():
                self.folder.rmdir()
            self.aside.rename(self.folder)
        except OSError as error:
            self.discard()
            raise _unwritable(self.folder, error) from error
        except BaseException:
            self.discard()
            raise
        return True

    def discard(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self.aside, ignore_errors=True)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write the recording {path}: {error.strerror or error}",
        remedy="check that the folder is writable and the disk is not full",
        path=str(path),
    )


class TapedSource:
    """A source whose frames, depth and IMU readings are kept as they are given."""

    def __init__(self, source: FrameSource, take: TakeWriter) -> None:
        self._source, self._take = source, take
        self.imu = _TapedReadings(getattr(source, "imu", None) or StillReadings(), take)

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        if self._take.is_full:
            return None
        pixels = self._source.frame(shot)
        if pixels is not None:
            kind = "bgr" if pixels.ndim == 3 else "grey"
            self._take.add_frame(shot, kind, pixels)
        return pixels

    def close(self) -> None:
        """Nothing: the source is the session's."""

    def __getattr__(self, name: str) -> Any:
        if name in ("_source", "_take"):
            raise AttributeError(name)
        value = getattr(self._source, name)
        return self._depth if name == "depth" else value

    def _depth(self, shot: Shot) -> np.ndarray | None:
        depth: np.ndarray | None = self._source.depth(shot)  # type: ignore[attr-defined]
        if depth is not None:
            self._take.add_frame(shot, "depth", depth)
        return depth


class _TapedReadings:
    def __init__(self, readings: ImuReadings, take: TakeWriter) -> None:
        self._readings, self._take = readings, take

    def kinds(self) -> Sequence[str]:
        return self._readings.kinds()

    def read(self, kind: str, time_s: float) -> tuple[float, ...]:
        values = self._readings.read(kind, time_s)
        self._take.add_reading(kind, time_s, values)
        return values
