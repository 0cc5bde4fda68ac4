"""``recording.json``: what a recording holds; read with every file checked against its hash."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from oakwright.errors import OakwrightError, SourceError

from ..board_file import board_facts, board_of
from ..boards import Board
from ..recorded import MANIFEST, MOST_MANIFEST_BYTES
from .pictures import KINDS, Segment

FORMAT, VERSION = "oakwright recording", 1
# Bounds on what is read: a long day of a camera at 60 frames a second is below them.
_MOST_ROWS = 10_000_000
_LARGEST_SIDE = 1 << 16
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Frame:
    """A frame: the camera's number for it, seconds after the start, the picture, its hash."""

    number: int
    time_s: float
    picture: int
    hash: str


@dataclass(frozen=True)
class Track:
    """What one camera gave: ``kind`` is one of pictures.KINDS, ``table`` its file of frames.

    ``fps``: the rate it was asked for.
    """

    socket: int
    kind: str
    fps: float
    table: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Take:
    """What one device gave from the start of a pipeline; ``imu`` is its table, if it was read."""

    device: str
    number: int
    board: Board
    calibration: str
    tracks: tuple[Track, ...]
    imu: str = ""


@dataclass(frozen=True)
class Recording:
    """A checked recording. ``settings``: how the recorded run was made; ``digest``: its hash."""

    folder: Path
    takes: tuple[Take, ...]
    settings: dict[str, Any]
    digest: str | None
    messages: str

    def frames(self, track: Track) -> list[Frame]:
        """The table of a camera's frames. Raises SourceError for what makes no sense."""
        path = self.folder / track.table
        pictures = sum(segment.pictures for segment in track.segments)
        found: list[Frame] = []
        for line, row in rows_of(path, ("number", "time_s", "picture", "hash")):
            try:
                frame = Frame(int(row[0]), float(row[1]), int(row[2]), row[3])
            except ValueError:
                raise damaged(path, f"line {line} is no frame") from None
            last = found[-1] if found else Frame(-1, 0.0, 0, "")
            is_later = frame.number > last.number and frame.time_s >= last.time_s
            if not is_later or not math.isfinite(frame.time_s):
                raise damaged(path, f"line {line} is not after the one before")
            if not 0 <= frame.picture < pictures:
                raise damaged(path, f"line {line} names picture {frame.picture} of {pictures}")
            found.append(frame)
        if not found:
            raise damaged(path, "there is no frame in it")
        return found


def damaged(path: Path, text: str) -> SourceError:
    """The error for a recording that is not as it was written."""
    return SourceError(
        f"{path}: {text}",
        remedy="the recording is damaged or was changed: copy it again, or record it again",
        path=str(path),
    )


def rows_of(path: Path, head: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """The lines of a CSV table, numbered from 2; SourceError where it is none."""
    found = []
    try:
        with path.open(newline="") as file:
            for line, row in enumerate(csv.reader(file), start=1):
                if line == 1 and tuple(row) != head:
                    raise damaged(path, f"its first line is not {','.join(head)}")
                if len(row) != len(head) or line > _MOST_ROWS:
                    raise damaged(path, f"line {line} has {len(row)} values, not {len(head)}")
                if line > 1:
                    found.append((line, row))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise damaged(path, f"cannot be read: {error}") from error
    return found


# -- writing


def write_manifest(
    folder: Path,
    takes: list[Take],
    settings: dict[str, Any],
    digest: str | None,
    messages: str,
) -> None:
    """Write ``recording.json`` over the files that lie in the folder."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "settings": settings,
        "digest": digest,
        "messages": messages,
        "takes": [{**asdict(take), "board": board_facts(take.board)} for take in takes],
        "files": {
            path.name: {"bytes": path.stat().st_size, "blake2b": hash_of(path)}
            for path in sorted(folder.iterdir())
        },
    }
    said["checksum"] = _checksum(said)
    (folder / MANIFEST).write_text(json.dumps(said, indent=1))


def hash_of(path: Path) -> str:
    """32 hexadecimal digits of a file's bytes."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _checksum(said: dict[str, Any]) -> str:
    plain = {key: value for key, value in said.items() if key != "checksum"}
    text = json.dumps(plain, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# -- reading


def read_recording(folder: str | Path) -> Recording:
    """Read and check a recording; SourceError names the file that is not as it was written."""
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise SourceError(
            f"there is no recording in {folder}: no {MANIFEST}",
            remedy="give a folder that 'oakwright device record' wrote to its end",
            path=str(folder),
        )
    try:
        if path.stat().st_size > MOST_MANIFEST_BYTES:
            raise damaged(path, "it is too large")
        said = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, f"cannot be read: {error}") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise damaged(path, "it describes no recording")
    if said.get("version") != VERSION:
        text = f"it is of version {said.get('version')!r}, which this oakwright does not know"
        raise SourceError(f"{path}: {text}", remedy="update oakwright", path=str(path))
    if said.get("checksum") != _checksum(said):
        raise damaged(path, "it was changed after it was written")
    try:
        recording = _recording(folder, said)
        _check_files(folder, said["files"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f"it lacks something: {error!r}") from error
    except SourceError:
        raise
    except OakwrightError as error:
        raise damaged(path, error.message) from error
    return recording


def _recording(folder: Path, said: dict[str, Any]) -> Recording:
    files = {_plain_name(name) for name in said["files"]}
    takes = tuple(_take(folder, entry) for entry in said["takes"])
    named = [said["messages"]]
    for take in takes:
        named += [take.calibration, *([take.imu] if take.imu else [])]
        for track in take.tracks:
            named += [track.table, *(segment.file for segment in track.segments)]
    for name in named:
        if name not in files:
            raise ValueError(f"{name} is not among its files")
    if not takes:
        raise ValueError("no take")
    digest = None if said["digest"] is None else str(said["digest"])
    return Recording(folder, takes, dict(said["settings"]), digest, str(said["messages"]))


def _take(folder: Path, entry: dict[str, Any]) -> Take:
    board = board_of(entry["board"], str(folder / MANIFEST))
    tracks = tuple(_track(track) for track in entry["tracks"])
    return Take(
        str(entry["device"]),
        int(entry["number"]),
        board,
        str(entry["calibration"]),
        tracks,
        str(entry["imu"]),
    )


def _track(entry: dict[str, Any]) -> Track:
    segments = []
    for said in entry["segments"]:
        segment = Segment(
            str(said["file"]),
            *(int(said[k]) for k in ("pictures", "width", "height", "channels")),
        )
        sides = segment.width, segment.height
        if not 0 < min(sides) <= max(sides) <= _LARGEST_SIDE or segment.pictures < 1:
            raise ValueError(f"{segment.file} is {sides[0]}x{sides[1]}")
        segments.append(segment)
    if entry["kind"] not in KINDS:
        raise ValueError(f"{entry['kind']} is no kind of picture")
    return Track(
        int(entry["socket"]),
        entry["kind"],
        float(entry["fps"]),
        str(entry["table"]),
        tuple(segments),
    )


def _plain_name(name: str) -> str:
    if Path(name).name != name or name.startswith("."):
        raise ValueError(f"{name!r} is no plain file name")
    return name


def _check_files(folder: Path, files: dict[str, Any]) -> None:
    for name, said in files.items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            raise damaged(path, "it is missing")
        size = path.stat().st_size
        if size != said["bytes"]:
            raise damaged(path, f"it has {size} bytes, not {said['bytes']}")
        if hash_of(path) != said["blake2b"]:
            raise damaged(path, "it was changed after it was written")
