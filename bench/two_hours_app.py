"""A two-stage application that is to run for ever: it finds its camera again whatever happens.

    ColorCamera -> ImageManip -> detection network -> Script -> ImageManip -> NeuralNetwork

Detector: ``colour_ssd``, which finds the coloured things of the made-up scene. Second network: the
mean colour of a crop, so that an answer can be held against the picture its box is in. What belongs
together is brought together by sequence number; what stays incomplete is given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import depthai as dai
import numpy as np

from bench.colour_detector import colour_ssd
from bench.two_stage_networks import channel_means, write_blob
from oakwright.device.scene import CameraModel, Scene

SIDE, SEEN, CROP = 192, 128, 32
STREAMS = ("frame", "found", "answer")
# Numbers that are so far behind the newest will not be complete any more.
BEHIND = 8

SCRIPT = """
frames = []
while True:
    found = node.io['found'].get()
    number = found.getSequenceNum()
    while not frames or frames[-1].getSequenceNum() < number:
        frames.append(node.io['frames'].get())
    while frames[0].getSequenceNum() < number:
        frames.pop(0)
    for one in found.detections:
        config = ImageManipConfig()
        box = [min(max(v, 0.001), 0.999) for v in (one.xmin, one.ymin, one.xmax, one.ymax)]
        config.setCropRect(*box)
        config.setResize(CROP, CROP)
        config.setKeepAspectRatio(False)
        node.io['config'].send(config)
        node.io['crop'].send(frames[0])
"""


@dataclass(frozen=True)
class Networks:
    """Both blobs."""

    detector: Path
    means: Path


@dataclass
class Shown:
    """A frame with its boxes (shares of it) and the second network's answers (BGR means)."""

    number: int
    time_s: float
    picture: np.ndarray
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    answers: list[np.ndarray] = field(default_factory=list)


class SmallScene:
    """The made-up scene, rendered small: a frame every 2 or 3 ms."""

    def __init__(self, seed: int = 3) -> None:
        self._scene = Scene(seed)
        self._camera = CameraModel.with_view(384, 216, 69.0, (0.0, 0.0, 0.0))

    def frame(self, shot: Any) -> np.ndarray:
        """See oakwright.device.FrameSource."""
        return self._scene.picture(self._camera, shot.time_s)

    def close(self) -> None:
        """See oakwright.device.FrameSource."""


def make_networks(folder: Path) -> Networks:
    """Convert both."""
    means = channel_means({"crop": [1, 3, CROP, CROP]}, {"means": [1, 3]})
    return Networks(
        write_blob(colour_ssd(SEEN, SEEN), folder / "colours.blob"),
        write_blob(means, folder / "means.blob"),
    )


def build(networks: Networks, fps: float) -> dai.Pipeline:
    """The pipeline."""
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(SIDE, SIDE)
    camera.setInterleaved(False)
    camera.setFps(fps)
    small = pipeline.create(dai.node.ImageManip)
    small.initialConfig.setResize(SEEN, SEEN)
    small.initialConfig.setFrameType(dai.ImgFrame.Type.BGR888p)
    camera.preview.link(small.inputImage)
    first = pipeline.create(dai.node.MobileNetDetectionNetwork)
    first.setConfidenceThreshold(0.5)
    first.setBlobPath(networks.detector)
    small.out.link(first.input)
    script = pipeline.create(dai.node.Script)
    script.setScript(SCRIPT.replace("CROP", str(CROP)))
    camera.preview.link(script.inputs["frames"])
    first.out.link(script.inputs["found"])
    crops = pipeline.create(dai.node.ImageManip)
    crops.initialConfig.setResize(CROP, CROP)
    crops.inputConfig.setWaitForMessage(True)
    script.outputs["config"].link(crops.inputConfig)
    script.outputs["crop"].link(crops.inputImage)
    second = pipeline.create(dai.node.NeuralNetwork)
    second.setBlobPath(networks.means)
    crops.out.link(second.input)
    for name, output in zip(STREAMS, (camera.preview, first.out, second.out), strict=True):
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(name)
        output.link(link.input)
    return pipeline


class Watcher:
    """Reads a device's queues; ``given_up`` counts frames that stayed incomplete."""

    def __init__(self) -> None:
        self.given_up = 0
        # Most frames that were waiting for something at once.
        self.most_waiting = 0

    def watch(self, device: Any) -> Iterator[Shown]:
        """Frames whose answers are complete, in order, until the device goes away."""
        queues = {name: device.getOutputQueue(name, 8, True) for name in STREAMS}
        waiting: dict[int, dict[str, Any]] = {}
        while True:
            for name in device.getQueueEvents(list(STREAMS)):
                message = queues[name].get()
                kept = waiting.setdefault(message.getSequenceNum(), {"answer": []})
                if name == "answer":
                    kept["answer"].append(message)
                else:
                    kept[name] = message
            self.most_waiting = max(self.most_waiting, len(waiting))
            newest = max(waiting, default=0)
            for number in sorted(waiting):
                kept = waiting[number]
                found = kept["found"].detections if "found" in kept else None
                if "frame" in kept and found is not None and len(found) == len(kept["answer"]):
                    yield _shown(number, waiting.pop(number))
                elif number < newest - BEHIND:
                    self.given_up += 1
                    del waiting[number]


def _shown(number: int, kept: dict[str, Any]) -> Shown:
    frame = kept["frame"]
    made = Shown(number, frame.getTimestamp().total_seconds(), frame.getCvFrame())
    for one, answer in zip(kept["found"].detections, kept["answer"], strict=True):
        made.boxes.append((one.xmin, one.ymin, one.xmax, one.ymax))
        made.answers.append(np.array(answer.getFirstLayerFp16()) * 256)
    return made
