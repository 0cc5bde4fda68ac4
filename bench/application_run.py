"""Run one published application in a copy of its folder, and judge how it ended."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.application_networks import write_blob
from oakwright.device import BOARDS, Settings, open_source, run_script
from oakwright.device.sources import Shot
from oakwright.device.verdict import judge

ALIASES = (("blobconverter", "oakwright.blobconverter"),)
RESULTS = ("clean", "failed", "lacks", "apart", "left")
# The source's stills stand so long, see oakwright.device.sources.CutsSource.
HOLD_S = 0.5


@dataclass(frozen=True)
class Application:
    """A line of ``applications.yaml``: what the script needs to be run without a person.

    ``sdk``: version of depthai-sdk, as its requirements say. ``files``: made or copied before it
    runs where they are not there, by their path in its top folder. ``note``: what the table says
    besides.
    """

    script: str
    sdk: str = ""
    arguments: tuple[str, ...] = ()
    keys: tuple[tuple[float, str], ...] = ()
    seconds: float = 1.6
    limit_s: float = 400.0
    source: str = "cuts"
    board: str = "OAK-D"
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    lacks: str = ""
    apart: str = ""
    note: str = ""

    @classmethod
    def of(cls, script: str, said: Mapping[str, Any]) -> Application:
        """From YAML; an unknown word is an error."""
        words = dict(said)
        words["arguments"] = tuple(str(word) for word in words.get("arguments", ()))
        words["keys"] = tuple((float(t), str(k)) for t, k in words.get("keys", {}).items())
        return cls(script, **words)


@dataclass(frozen=True)
class Places:
    """``applications``: the checkout. ``packages``: see the page. ``zoo``: stand-in networks.

    ``kept``: what converted networks are kept in, from run to run.
    """

    applications: Path
    packages: Path
    zoo: Path
    kept: Path


@dataclass(frozen=True)
class Ran:
    """How it ended; ``result`` is one of RESULTS."""

    script: str
    result: str
    frames: int = 0
    seconds: float = 0.0
    reason: str = ""
    output: str = ""


def run_application(application: Application, places: Places) -> Ran:
    """Copy, lay out the stand-ins, run, judge. To be called in a process of its own: it changes
    the environment."""
    script = application.script
    if application.apart or application.lacks:
        result = "apart" if application.apart else "lacks"
        return Ran(script, result, reason=application.apart or application.lacks)
    top = Path(script).parts[0]
    with tempfile.TemporaryDirectory(prefix="oakwright-application-") as own:
        home = Path(own) / "home"
        home.mkdir()
        copy = Path(own) / top
        shutil.copytree(places.applications / top, copy, symlinks=True)
        for name, said in application.files.items():
            place = (home if name.startswith("~/") else copy) / name.removeprefix("~/")
            if not place.exists():
                lay(said, place, places.applications)
        _set_environment(application, places, home)
        path = Path(own) / script
        ended = run_script(
            path,
            application.arguments,
            Settings(
                source=_source(application.source, path.parent),
                board=application.board,
                deterministic=True,
                seconds=application.seconds,
                patience_s=60.0,
                aliases=ALIASES,
                keys=application.keys,
                judged=True,
            ),
            limit_s=application.limit_s,
            capture=True,
            folder=path.parent,
        )
        result, reason = judge(ended, HOLD_S if application.source == "cuts" else None)
        result = "failed" if result == "refused" else result
        # Where this machine keeps things says nothing to others.
        for place in (own, str(places.packages), str(places.zoo)):
            reason = reason.replace(f"{place}/", "")
        reason = reason.replace(sys.executable, "python")
        frames = sum(s["arrived"] for s in ended.report.get("streams", {}).values())
        output = str(ended.report.get("output", ""))
    if "ModuleNotFoundError" in reason:
        result = "lacks"
    return Ran(script, result, frames, ended.wall_s, reason, output)


def _source(words: str, folder: Path) -> str:
    return words.replace("{here}", str(folder))


def _set_environment(application: Application, places: Places, home: Path) -> None:
    paths = [str(Path(__file__).parents[1]), str(places.packages / "common")]
    if application.sdk:
        paths.insert(1, str(places.packages / f"depthai-sdk-{application.sdk}"))
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONWARNINGS": "ignore",
        "HOME": str(home),
        "OAKWRIGHT_ZOO": str(places.zoo),
        "OAKWRIGHT_HOME": str(places.kept),
        # Windows of Qt and SDL where there is no screen.
        "QT_QPA_PLATFORM": "offscreen",
        "SDL_VIDEODRIVER": "dummy",
        **application.environment,
    }


# -- files


def lay(said: Mapping[str, Any], path: Path, applications: Path) -> None:
    """Make one file: a network, a video of the made-up scene, one of elsewhere in the checkout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if "video" in said:
        _write_video(path, said)
    elif "calibration" in said:
        from oakwright.device.boards import calibration

        calibration(BOARDS[said["calibration"]]).eepromToJsonFile(str(path))
    elif "extrinsics" in said:
        # What multi-cam-calibration saves: where the camera stands over the board, in m.
        pose = np.eye(4)
        pose[2, 3] = float(said["extrinsics"])
        pose = pose @ np.diag([1.0, -1.0, -1.0, 1.0])
        np.savez(path, cam_to_world=pose, world_to_cam=np.linalg.inv(pose))
    elif "repository" in said:
        shutil.copyfile(applications / said["repository"], path)
    elif "text" in said:
        path.write_text(said["text"])
    else:
        write_blob(said, path)


def _write_video(path: Path, said: Mapping[str, Any]) -> None:
    """``video``: [width, height]; what ``camera`` sees of the scene, ``frames`` of them."""
    width, height = said["video"]
    camera = next(c for c in BOARDS["OAK-D"].cameras if c.name == said.get("camera", "color"))
    scene = open_source("cuts")
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (width, height))
    for number in range(said.get("frames", 60)):
        picture = cv2.resize(scene.frame(Shot(camera, number, number / 30)), (width, height))
        video.write(picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    video.release()
