"""The Z that the face-mask demo prints, against a made-up scene whose distances are known.

Stills of a drawn face at known places, rendered for the three cameras of the OAK-D, are the source
``stereo:left,right,color``; the demo runs on them as written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.two_stage_run import run_probed, zoo_at
from bench.two_stage_score import Found
from oakwright.device import BOARDS
from oakwright.device.scene import CameraModel, Motion, Scene, Thing
from oakwright.device.sources.scene import camera_model

DISTANCES_M = tuple(float(v) for v in np.arange(1.0, 5.01, 0.5))
# A still is held for so many frames: the first may still be cropped from the one before.
HOLD = 2
SKIN = (140.0, 165.0, 215.0)


@dataclass(frozen=True)
class Place:
    """Where the drawn face of a still is: metres, x to the right, y down."""

    x: float
    y: float
    z: float


def places() -> list[Place]:
    """Every distance, left and right of the middle and a little up and down."""
    found = []
    for i, z in enumerate(DISTANCES_M):
        side = -1 if i % 2 else 1
        found += [Place(0.12 * side * z, -0.03 * z, z), Place(-0.05 * side * z, 0.05 * z, z)]
    return found


def write_stills(folder: Path, seed: int = 0) -> str:
    """Render every place for left, right and colour; gives the words of the source."""
    board = BOARDS["OAK-D"]
    whole = camera_model(board.named("color"))
    focal = whole.fx * 1920 / whole.width
    left, right = (camera_model(board.named(side)) for side in ("left", "right"))
    cameras = {
        "left": left,
        "right": right,
        "color": CameraModel(1920, 1080, focal, focal, 960, 540),
    }
    for name in cameras:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(places()):
        # As large to the camera at every distance, so that the detector's eyes do not count.
        size = (0.17 * place.z, 0.22 * place.z, 0.0)
        motion = Motion((place.x, place.y, place.z))
        scene = Scene(seed, things=(Thing("face", "flat", size, motion, SKIN),))
        for name, model in cameras.items():
            picture = scene.render(model, 0.0).image
            for hold in range(HOLD):
                cv2.imwrite(str(folder / name / f"{number * HOLD + hold:04d}.png"), picture)
    return "stereo:" + ",".join(str(folder / name) for name in ("left", "right", "color"))


def errors_by_distance(found: Mapping[int, list[Found]]) -> dict[float, list[float]]:
    """Relative errors of what was printed, by distance; of the last frame of every still."""
    result: dict[float, list[float]] = {}
    for number, place in enumerate(places()):
        boxes = found.get(number * HOLD + HOLD - 1, [])
        depths = [b.depth_m for b in boxes if b.depth_m is not None]
        if depths:
            nearest = min(depths, key=lambda depth: abs(depth - place.z))
            result.setdefault(place.z, []).append(abs(nearest / place.z - 1))
    return result


def measure_depth(app: Path, zoo: Path, folder: Path) -> tuple[dict[float, list[float]], int]:
    """Errors by distance, and how many stills there were."""
    source = write_stills(folder)
    with zoo_at(zoo):
        drawn = run_probed(app / "main.py", source, "OAK-D")
    if not drawn.result.is_clean:
        raise SystemExit(f"the demo ended with: {drawn.result.message}")
    return errors_by_distance(drawn.found), len(places())
