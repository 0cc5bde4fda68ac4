"""How a virtual camera is to behave: one frozen value, that also travels to child processes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from oakwright.errors import UsageError

from .faults import parse_faults

# Set by the runner for the script's own child processes.
VARIABLE = "OAKWRIGHT_VIRTUAL_OAK"
PACES = ("real", "free")
# What can be written: MPEG-4, MJPEG, lossless.
VIDEO_ENDINGS = (".mp4", ".avi", ".mkv")
# What a replay takes over from the recorded run.
_RECORDED = ("source", "board", "deterministic", "pace", "loops", "frames", "seconds", "faults")
# More cameras than a host has ports for.
_MOST_CAMERAS = 32


@dataclass(frozen=True)
class CameraSpec:
    """One of several cameras: its board (a name or a file), what it sees, its id if it matters."""

    board: str = "OAK-D"
    source: str = "pattern"
    id: str = ""

    @classmethod
    def parse(cls, text: str, usual: CameraSpec) -> CameraSpec:
        """Read ``board=OAK-1,source=street.mp4,id=1844...``; what it leaves out is as usual.

        A word alone is a board. Commas in a source (``stereo:a.mp4,b.mp4``) are the source's.
        """
        values = asdict(usual)
        for part in re.split(r",(?=(?:\w+)=)", text):
            key, has_value, value = part.partition("=")
            key, value = (key, value) if has_value else ("board", key)
            if key not in values or not value:
                raise UsageError(
                    f"'{text}' is no camera: '{part}'",
                    remedy="write board=OAK-1,source=street.mp4,id=184430105119CE0F00",
                )
            values[key] = value
        return cls(**values)

    @classmethod
    def several(
        cls, texts: Sequence[str], count: int | None, usual: CameraSpec
    ) -> tuple[CameraSpec, ...]:
        """The cameras that ``texts`` (see ``parse``) describe, or ``count`` usual ones."""
        if texts and count is not None:
            raise UsageError("cameras are both described and counted", remedy="do one of the two")
        found = tuple(cls.parse(text, usual) for text in texts) or (usual,) * (count or 0)
        if len(found) > _MOST_CAMERAS:
            raise UsageError(
                f"{len(found)} cameras are more than {_MOST_CAMERAS}", remedy="take fewer"
            )
        return found


@dataclass(frozen=True)
class Settings:
    """Options of a virtual camera.

    ``source``: see ``sources.open_source``. ``loops``: start a source again at its end.
    ``deterministic``: one task at a time in virtual time. ``pace``: ``free`` lets cameras run as
    fast as their frames are taken. ``frames``, ``seconds``: when the run ends; ``seconds`` are of
    the run's clock. ``patience_s``: how long the host may wait for what never comes.
    ``keys``: what is pressed in the script's windows, as (seconds after the start, keys).
    ``judged``: the report says how the streams' contents change (see ``witness``). ``timed``: it
    says what the sources' pictures cost.
    ``precision`` is what networks are computed in. ``aliases``: modules a script's imports get in
    place of others, as (asked for, given). ``faults``: what goes wrong, see ``faults.spec``.
    ``cameras``: several cameras, in place of the one that ``board`` and ``source`` describe.
    ``record``: a folder for a recording of what the sensors give, ``record_limit`` its bytes at
    most; ``replay``: a recording that is given again, see ``tape``. ``imu``: a table of readings,
    see ``imu_readings``. ``uvc``: a video file of what a webcam's host would see.
    """

    source: str = "pattern"
    board: str = "OAK-D"
    deterministic: bool = False
    pace: str = "real"
    loops: bool = True
    frames: int | None = None
    seconds: float | None = None
    patience_s: float | None = None
    precision: str = "f32"
    keys: tuple[tuple[float, str], ...] = ()
    judged: bool = False
    timed: bool = False
    aliases: tuple[tuple[str, str], ...] = ()
    faults: tuple[str, ...] = ()
    cameras: tuple[CameraSpec, ...] = ()
    record: str = ""
    record_limit: int = 8 << 30
    replay: str = ""
    imu: str = ""
    uvc: str = ""

    def __post_init__(self) -> None:
        if self.record and self.replay:
            raise UsageError("a replay cannot be recorded", remedy="copy the recording's folder")
        if self.replay and (self.cameras or self.imu):
            raise UsageError(
                "a replay has the cameras and the IMU of its recording", remedy="leave these out"
            )
        ids = [camera.id for camera in self.cameras if camera.id]
        if len(set(ids)) < len(ids):
            raise UsageError("two cameras have the same id", remedy="give each its own")
        if self.uvc and not self.uvc.lower().endswith(VIDEO_ENDINGS):
            raise UsageError(
                f"'{self.uvc}' does not end as a video does", remedy=" or ".join(VIDEO_ENDINGS)
            )
        if self.record_limit < 1:
            raise UsageError(f"record_limit is {self.record_limit}", remedy="it counts bytes")
        if self.pace not in PACES:
            raise UsageError(f"'{self.pace}' is no pace", remedy=f"one of {', '.join(PACES)}")
        parse_faults(self.faults)
        for name in ("frames", "seconds", "patience_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} is {value}", remedy="it must be above 0")

    def recorded_facts(self) -> dict[str, Any]:
        """What a recording says of the run it was made in; plain values."""
        return {name: getattr(self, name) for name in _RECORDED}

    def as_recorded(self, facts: Mapping[str, Any]) -> Settings:
        """For a replay: virtual time, pace and end as in the recorded run, if nothing else is said.

        ``facts``: see ``recorded_facts``; what of it makes no sense is a UsageError.
        """
        wanted: dict[str, Any] = {"deterministic": bool(facts.get("deterministic"))}
        if self.pace == PACES[0] and facts.get("pace") in PACES:
            wanted["pace"] = facts["pace"]
        if self.frames is None and self.seconds is None:
            for name in ("frames", "seconds"):
                value = facts.get(name)
                is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
                wanted[name] = value if is_number else None
        faults = facts.get("faults")
        if not self.faults and isinstance(faults, list):
            # The frames they took are not in the recording; the rest of them happens again.
            wanted["faults"] = tuple(str(fault) for fault in faults)
        if self.deterministic:
            wanted["deterministic"] = True
        return replace(self, **wanted)

    def to_text(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Settings:
        """What ``to_text`` wrote."""
        try:
            values = json.loads(text)
            for name in ("aliases", "keys"):
                values[name] = tuple((a, b) for a, b in values.get(name, ()))
            values["faults"] = tuple(values.get("faults", ()))
            values["cameras"] = tuple(CameraSpec(**c) for c in values.get("cameras", ()))
            return cls(**values)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{VARIABLE} does not hold settings: {error}",
                remedy="unset it; 'oakwright device run' sets it",
            ) from error
