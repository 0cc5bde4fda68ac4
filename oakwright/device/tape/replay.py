"""A recording as a source: each camera gives what it gave, frame for frame, at its moments."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import Any

import cv2
import numpy as np

from oakwright.errors import SourceError

from ..board_file import SOCKETS
from ..imu_readings import TableReadings, read_imu_table
from ..sources.source import Shot
from .pictures import PictureReader, from_stored, pixel_hash
from .recording import Frame, Recording, Take, Track, damaged

# How far a camera's moments may lie from the recorded ones to be the same.
_SLACK_S = 1e-6
# A camera whose rate is that near the recorded one follows the recorded moments.
_SAME_RATE = 0.01


class _TrackReader:
    def __init__(self, recording: Recording, track: Track) -> None:
        self.track = track
        self.frames = recording.frames(track)
        self.times = [frame.time_s for frame in self.frames]
        self.numbers = [frame.number for frame in self.frames]
        self.by_number = {frame.number: frame for frame in self.frames}
        self._path = recording.folder / track.table
        self._pictures = PictureReader(recording.folder, track.segments)
        self._lock = threading.Lock()
        self._checked = -1

    @property
    def interval_s(self) -> float:
        """The usual time from one number to the next."""
        first, last = self.frames[0], self.frames[-1]
        steps = last.number - first.number
        usual = 1 / self.track.fps if self.track.fps > 0 else 0.0
        return (last.time_s - first.time_s) / steps if steps else usual

    @property
    def end_s(self) -> float:
        return self.times[-1] + self.interval_s

    def pixels(self, frame: Frame) -> np.ndarray:
        with self._lock:
            found = from_stored(self._pictures.read(frame.picture), self.track.kind)
            if self._checked != frame.picture:
                if pixel_hash(found) != frame.hash:
                    text = f"frame {frame.number} is not what was recorded"
                    raise damaged(self._path, text)
                self._checked = frame.picture
        if self.track.kind == "i420":
            return np.asarray(cv2.cvtColor(found, cv2.COLOR_YUV2BGR_I420))
        return found

    def close(self) -> None:
        with self._lock:
            self._pictures.close()


class ReplaySource:
    """See the module. ``by_number``: frame n is the n-th, whatever the moment (pace ``free``)."""

    def __init__(
        self, recording: Recording, take: Take, *, loops: bool = True, by_number: bool = False
    ) -> None:
        self._folder, self._loops, self._by_number = recording.folder, loops, by_number
        tracks = {
            (track.socket, track.kind == "depth"): _TrackReader(recording, track)
            for track in take.tracks
        }
        self._tracks = {socket: t for (socket, is_depth), t in tracks.items() if not is_depth}
        self._depths = {socket: t for (socket, is_depth), t in tracks.items() if is_depth}
        # All cameras start again together.
        self._length_s = max(track.end_s for track in tracks.values())
        self._numbers = max(track.frames[-1].number for track in tracks.values()) + 1
        self.imu: TableReadings | None = None
        if take.imu:
            path = recording.folder / take.imu
            self.imu = read_imu_table(path, loops=loops, length_s=self._length_s)

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource. Raises SourceError for a camera that was not recorded."""
        track = self._tracks.get(shot.camera.socket)
        if track is None:
            there = ", ".join(SOCKETS[socket] for socket in sorted(self._tracks))
            raise SourceError(
                f"{self._folder} has nothing of {SOCKETS[shot.camera.socket]}; it has {there}",
                remedy="record with a script that uses this camera",
                path=str(self._folder),
            )
        return self._pixels(track, shot)

    def __getattr__(self, name: str) -> Any:
        if name == "depth" and self.__dict__.get("_depths"):
            return self._depth
        raise AttributeError(name)

    def _depth(self, shot: Shot) -> np.ndarray | None:
        return self._pixels(self._depths[shot.camera.socket], shot)

    def _pixels(self, track: _TrackReader, shot: Shot) -> np.ndarray | None:
        frame = self._find(track, shot)
        return None if frame is None else track.pixels(frame)

    def _find(self, track: _TrackReader, shot: Shot) -> Frame | None:
        if self._by_number:
            if shot.number >= len(track.frames) and not self._loops:
                return None
            return track.frames[shot.number % len(track.frames)]
        laps, number = divmod(shot.number, self._numbers)
        exact = track.by_number.get(number)
        time_s = shot.time_s - laps * self._length_s
        if (
            exact is not None
            and abs(exact.time_s - time_s) <= _SLACK_S
            and (self._loops or not laps)
        ):
            return exact
        time_s = shot.time_s
        if time_s >= self._length_s - _SLACK_S:
            if not self._loops:
                return None
            time_s = (time_s + _SLACK_S) % self._length_s
        place = bisect_right(track.times, time_s + _SLACK_S) - 1
        return track.frames[max(place, 0)]

    def next_tick(
        self, socket: int, fps: float, after: int, now_s: float
    ) -> tuple[int, float] | None:
        """Number and moment of a camera's next frame; None where it is to tick by itself.

        ``after``: its last number. A frame whose moment is gone is left out for the newest such
        one, as on a camera that was held up.
        """
        track = self._tracks.get(socket)
        if track is None or abs(track.track.fps - fps) > _SAME_RATE * fps:
            return None
        laps = max(after + 1, 0) // self._numbers
        while self._loops or not laps:
            shift, number = laps * self._length_s, after - laps * self._numbers
            first = bisect_right(track.numbers, number)
            if first < len(track.frames):
                gone = bisect_right(track.times, now_s - shift + _SLACK_S) - 1
                found = track.frames[max(first, gone)]
                return found.number + laps * self._numbers, found.time_s + shift
            laps += 1
        return None

    def close(self) -> None:
        """See FrameSource."""
        for track in (*self._tracks.values(), *self._depths.values()):
            track.close()
