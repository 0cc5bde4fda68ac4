"""The demos beside the face-mask one: same-signature networks, and whether answers follow crops.

The face detector is the vendor's blob. The second networks cannot be had here: stand-ins of the
same inputs and outputs, compiled by ``oakwright.convert``, answer with the mean of each channel of
what they are given, so that every answer can be held against the box it is drawn with.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.colour_detector import colour_ssd
from bench.two_stage_networks import CHANNEL_SCALE, channel_means, write_blob
from bench.two_stage_run import FACE, Drawn, run_probed, zoo_at

Shape = tuple[int, ...]
# Name in the zoo: inputs, outputs (as Open Model Zoo documents them).
STAND_INS: dict[str, tuple[dict[str, Shape], dict[str, Shape]]] = {
    "age-gender-recognition-retail-0013": (
        {"data": (1, 3, 62, 62)},
        {"age_conv3": (1, 1, 1, 1), "prob": (1, 2, 1, 1)},
    ),
    "emotions-recognition-retail-0003": (
        {"data": (1, 3, 64, 64)},
        {"prob_emotion": (1, 5, 1, 1)},
    ),
    "head-pose-estimation-adas-0001": (
        {"data": (1, 3, 60, 60)},
        {"angle_p_fc": (1, 1), "angle_r_fc": (1, 1), "angle_y_fc": (1, 1)},
    ),
    "person-reidentification-retail-0288": (
        {"data": (1, 3, 256, 128)},
        {"reid_embedding": (1, 256)},
    ),
    "face-recognition-arcface-112x112": ({"data": (1, 3, 112, 112)}, {"output": (1, 512)}),
}
ARCFACE_OLD = "models/face-recognition-mobilefacenet-arcface_2021.2_4shave.blob"
PERSON = "person-detection-retail-0013"
# FPSHandler is all that the re-identification demo takes from depthai_sdk.
SDK = """
class FPSHandler:
    def nextIter(self): pass
    def fps(self): return 30.0
"""


@dataclass(frozen=True)
class Sibling:
    """A demo. ``grow``, ``square``: its crops, see the probe; ``layers``: what is compared.

    ``tolerance``: of means, in levels of 255.
    """

    folder: str
    script: str
    networks: tuple[str, ...]
    layers: tuple[str, ...]
    grow: float = 0.0
    square: bool = False
    tolerance: float = 1.5
    detector: str = FACE


FIRST = ("",)
SIBLINGS = {
    "tutorial": (
        Sibling(
            "gen2-emotion-recognition", "main.py", ("emotions-recognition-retail-0003",), FIRST
        ),
        Sibling(
            "gen2-pedestrian-reidentification",
            "main.py",
            ("person-reidentification-retail-0288",),
            FIRST,
            detector=PERSON,
        ),
        Sibling(
            "gen2-face-recognition",
            "main.py",
            ("head-pose-estimation-adas-0001", ARCFACE_OLD),
            FIRST,
            square=True,
            tolerance=8.0,
        ),
    ),
    "master": (
        Sibling(
            "gen2-age-gender",
            "api/main_api.py",
            ("age-gender-recognition-retail-0013",),
            ("age_conv3", "prob"),
        ),
        Sibling(
            "gen2-emotion-recognition",
            "api/main_api.py",
            ("emotions-recognition-retail-0003",),
            FIRST,
        ),
        Sibling(
            "gen2-head-posture-detection",
            "api/main_api.py",
            ("head-pose-estimation-adas-0001",),
            ("angle_y_fc", "angle_p_fc", "angle_r_fc"),
            grow=0.03,
        ),
        Sibling(
            "gen2-pedestrian-reidentification",
            "api/main_api.py",
            ("person-reidentification-retail-0288",),
            FIRST,
            detector=PERSON,
        ),
        Sibling(
            "gen2-face-recognition",
            "main.py",
            ("head-pose-estimation-adas-0001", "face-recognition-arcface-112x112"),
            FIRST,
            square=True,
            tolerance=8.0,
        ),
    ),
}


@dataclass(frozen=True)
class Check:
    """Answers against crops. ``errors``: of the first channel, in levels; ``other``: the same
    against the crop of the answer before, which a mix-up would give."""

    outcome: str
    message: str
    shown: int
    boxes: int
    answers: int
    within: int
    error: float
    other: float


def write_zoo(folder: Path, data: Path) -> None:
    """The vendor's face blob and every stand-in, where ``from_zoo`` looks."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(data / "blobs" / f"{FACE}.blob", folder / f"{FACE}.blob")
    for name, (inputs, outputs) in STAND_INS.items():
        write_blob(channel_means(inputs, outputs), folder / f"{name}.blob")
    write_blob(colour_ssd(544, 320, 200), folder / f"{PERSON}.blob")


def run_sibling(
    sibling: Sibling, folder: Path, zoo: Path, source: str, board: str, frames: int
) -> Drawn:
    """``folder`` is a copy of the demo's; what it expects beside it is put there."""
    script = folder / sibling.script
    (script.parent / "depthai_sdk.py").write_text(SDK)
    if ARCFACE_OLD in sibling.networks:
        write_blob(
            channel_means({"data": (1, 3, 112, 112)}, {"output": (1, 128)}),
            script.parent / ARCFACE_OLD,
            shaves=4,
        )
    with zoo_at(zoo):
        return run_probed(
            script, source, board, grow=sibling.grow, square=sibling.square, frames=frames
        )


def check(sibling: Sibling, drawn: Drawn) -> Check:
    """Hold every answer's first number against the mean of its box's crop."""
    expected, found = [], []
    boxes = answers = 0
    for line in drawn.lines:
        crops = [e[3] for e in line["events"] if e[0] == "box"]
        read = [e for e in line["events"] if e[0] == "answer" and e[2] in sibling.layers]
        boxes += len(crops)
        answers += len(read)
        if len(read) != len(crops) * len(sibling.layers):
            continue
        for crop, first in zip(crops, read[:: len(sibling.layers)], strict=True):
            if crop is not None:
                expected.append(crop[0])
                found.append(first[3][0] / CHANNEL_SCALE)
    error, other, within = _compare(expected, found, sibling.tolerance)
    message = " ".join(drawn.result.message.split())
    return Check(
        drawn.result.outcome, message, len(drawn.lines), boxes, answers, within, error, other
    )


def _compare(
    expected: Sequence[float], found: Sequence[float], tolerance: float
) -> tuple[float, float, int]:
    if not expected:
        return float("nan"), float("nan"), 0
    errors = np.abs(np.array(found) - np.array(expected))
    other = np.abs(np.array(found[1:]) - np.array(expected[:-1]))
    return (
        float(np.median(errors)),
        float(np.median(other)) if len(other) else float("nan"),
        int((errors <= tolerance).sum()),
    )
