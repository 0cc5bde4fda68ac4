"""Two networks, one on the crops of the other: nothing is lost and every answer is its crop's."""

from collections import Counter
from pathlib import Path

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.tensor import Precision, TensorSpec
from tests.device import two_stage_app

BLOBS = Path(__file__).parents[1] / "corpus" / "blobs"
SIZE = 64


class Boxes:
    """In a detector's place: one to three boxes that move with the picture's brightness."""

    inputs = (TensorSpec("data", Precision.U8, (1, 3, 300, 300), "NCHW"),)
    outputs = (TensorSpec("found", Precision.FP16, (1, 1, 100, 7), "NCHW"),)
    shaves = 6

    def __init__(self):
        self.calls = 0

    def infer(self, inputs):
        self.calls += 1
        rows = np.zeros((1, 1, 100, 7), np.float32)
        count = 1 + self.calls % 3
        for i in range(count):
            x = 0.05 + 0.3 * i + 0.02 * (self.calls % 5)
            rows[0, 0, i] = 0, 1, 0.9, x, 0.1 + 0.1 * i, x + 0.25, 0.5 + 0.1 * i
        rows[0, 0, count, 0] = -1
        return {"found": rows}


class Means:
    """In a classifier's place: the mean of each channel of its crop."""

    inputs = (TensorSpec("crop", Precision.U8, (1, 3, SIZE, SIZE), "NCHW"),)
    outputs = (TensorSpec("mean", Precision.FP16, (1, 3), "NC"),)
    shaves = 6

    def infer(self, inputs):
        return {"mean": inputs["crop"].astype(np.float32).mean((2, 3)).astype(np.float16)}


class Patches:
    """A source whose every frame is other coloured patches."""

    def frame(self, shot):
        patches = np.random.default_rng(shot.number).integers(0, 255, (6, 8, 3), np.uint8)
        return cv2.resize(patches, (960, 540), interpolation=cv2.INTER_NEAREST)

    def close(self):
        pass


def run_stand_ins(count, **options):
    pipeline = two_stage_app.build(
        BLOBS / "detector--1.blob", BLOBS / "classifier--4.blob", size=SIZE, **options
    )
    with VirtualOak(source=Patches(), deterministic=True, seconds=20) as oak:
        oak.session.open_network = lambda data, title: Boxes() if "Detection" in title else Means()
        with dai.Device(pipeline) as device:
            shown = two_stage_app.watch(device)
            return [next(shown) for _ in range(count)]


def mean_rgb(picture, box):
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (round(v * (width, height)[i % 2]) for i, v in enumerate(box))
    return picture[y0:y1, x0:x1].mean((0, 1))[::-1]


@pytest.mark.parametrize("is_spatial", [False, True])
def test_every_frame_is_shown_and_every_answer_is_of_its_crop(is_spatial):
    frames = run_stand_ins(24, is_spatial=is_spatial)
    assert [f.number for f in frames] == list(range(24))
    assert Counter(len(f.answers) for f in frames) == {1: 8, 2: 8, 3: 8}
    for frame in frames:
        for box, answer in zip(frame.boxes, frame.answers, strict=True):
            assert answer == pytest.approx(mean_rgb(frame.picture, box), abs=1.5)
    # The crop of the frame before would not do.
    before, frame = frames[8:10]
    assert frame.answers[0] != pytest.approx(mean_rgb(before.picture, frame.boxes[0]), abs=10)


def test_without_a_moment_for_inference_scripts_would_see_detections_before_frames(monkeypatch):
    from oakwright.device.nodes import neural_network

    monkeypatch.setattr(neural_network, "INFERENCE_S", 0.0)
    # None where the script waits for answers that were taken for another frame's.
    frames = run_stand_ins(24) or []
    assert [f.number for f in frames] != list(range(24))
