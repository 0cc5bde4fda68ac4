"""Networks for tests of applications: boxes that a test decides, mean colours of crops."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from bench.two_stage_networks import channel_means, write_blob
from oakwright.tensor import Precision, TensorSpec

ROWS, SIZE = 25, 64


def write_networks(folder: Path) -> tuple[Path, Path]:
    """Blobs of the signature a detector (300x300) and a recogniser (64x64) have."""
    model = channel_means({"data": [1, 3, 300, 300]}, {"found": [1, 1, ROWS, 7]})
    means = channel_means({"crop": [1, 3, SIZE, SIZE]}, {"mean": [1, 3]})
    return (
        write_blob(model, folder / "boxes.blob"),
        write_blob(means, folder / "means.blob"),
    )


class Boxes:
    """In the detector's place: ``tell(call)`` gives (label, confidence, x0, y0, x1, y1) rows."""

    inputs = (TensorSpec("data", Precision.U8, (1, 3, 300, 300), "NCHW"),)
    outputs = (TensorSpec("found", Precision.FP16, (1, 1, ROWS, 7), "NCHW"),)
    shaves = 6

    def __init__(self, tell):
        self.tell, self.calls = tell, 0

    def infer(self, inputs):
        rows = np.zeros((1, 1, ROWS, 7), np.float32)
        told = self.tell(self.calls, inputs["data"][0].transpose(1, 2, 0))
        self.calls += 1
        for i, row in enumerate(told):
            rows[0, 0, i, 1:] = row
        rows[0, 0, len(told) :, 0] = -1
        return {"found": rows}


class Patches:
    """A source whose every frame is other coloured patches, smooth so that a pixel is little."""

    def frame(self, shot):
        patches = np.random.default_rng(shot.number).integers(0, 255, (6, 8, 3), np.uint8)
        return cv2.resize(patches, (960, 540), interpolation=cv2.INTER_CUBIC)

    def close(self):
        pass


def use_boxes(oak, tell):
    """Let the test decide what the detector of an entered VirtualOak finds."""
    own = oak.session.open_network

    def opened(data, title):
        return Boxes(tell) if "Detection" in title else own(data, title)

    oak.session.open_network = opened
    return oak


def mean_color(picture, box, margin=0.0):
    """Mean of each channel in a box, cut to the picture, as the recogniser should see it."""
    height, width = picture.shape[:2]
    spans = []
    for low, high, side in ((box[0], box[2], width), (box[1], box[3], height)):
        wide = (high - low) * margin
        low = min(max(low - wide, 0.0), 0.99)
        high = max(min(high + wide, 1.0), low + 0.01)
        spans.append(slice(round(low * side), max(round(high * side), round(low * side) + 1)))
    return picture[spans[1], spans[0]].reshape(-1, 3).mean(axis=0)
