"""A two-stage application as people write them: detect, crop on the device, classify, sync.

    ColorCamera -> ImageManip -> detection network -> Script -> ImageManip -> NeuralNetwork

The script spins on its inputs and the host syncs by sequence number; both rely on a picture being
there before the detection of it. Written for the tests, after no one's code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import depthai as dai
import numpy as np

# Runs on the device: for every detection a crop of the frame it was found in.
CROP = """
frames = []
while True:
    frame = node.io['frames'].tryGet()
    if frame is not None:
        frames.append(frame)
    found = node.io['found'].tryGet()
    if found is None:
        continue
    number = node.io['seen'].get().getSequenceNum()
    while len(frames) > 1 and frames[0].getSequenceNum() < number:
        frames.pop(0)
    for one in found.detections:
        box = [min(max(v, 0.001), 0.999) for v in (one.xmin, one.ymin, one.xmax, one.ymax)]
        config = ImageManipConfig()
        config.setCropRect(*box)
        config.setResize(SIZE, SIZE)
        config.setKeepAspectRatio(False)
        node.io['config'].send(config)
        node.io['crop'].send(frames[0])
"""


@dataclass
class Shown:
    """One frame with its detections and the second network's answers to them."""

    number: int
    picture: np.ndarray
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    depths_mm: list[float] = field(default_factory=list)
    answers: list[list[float]] = field(default_factory=list)


def build(
    detector: Path, classifier: Path, *, size: int = 224, is_spatial: bool = False, bgr: bool = True
) -> dai.Pipeline:
    """The pipeline. ``bgr``: what the detector gets; the classifier gets RGB."""
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(1080, 1080)
    camera.setInterleaved(False)
    camera.setColorOrder(dai.ColorCameraProperties.ColorOrder.RGB)
    small = pipeline.create(dai.node.ImageManip)
    small.initialConfig.setResize(300, 300)
    kinds = dai.RawImgFrame.Type
    small.initialConfig.setFrameType(kinds.BGR888p if bgr else kinds.RGB888p)
    camera.preview.link(small.inputImage)
    if is_spatial:
        first = pipeline.create(dai.node.MobileNetSpatialDetectionNetwork)
        first.setBoundingBoxScaleFactor(0.8)
        first.setDepthLowerThreshold(100)
        first.setDepthUpperThreshold(5000)
        _stereo(pipeline).depth.link(first.inputDepth)
    else:
        first = pipeline.create(dai.node.MobileNetDetectionNetwork)
    first.setConfidenceThreshold(0.5)
    first.setBlobPath(str(detector))
    small.out.link(first.input)
    script = pipeline.create(dai.node.Script)
    script.setScript(CROP.replace("SIZE", str(size)))
    camera.preview.link(script.inputs["frames"])
    first.out.link(script.inputs["found"])
    first.passthrough.link(script.inputs["seen"])
    crops = pipeline.create(dai.node.ImageManip)
    crops.initialConfig.setResize(size, size)
    crops.inputConfig.setWaitForMessage(True)
    script.outputs["config"].link(crops.inputConfig)
    script.outputs["crop"].link(crops.inputImage)
    second = pipeline.create(dai.node.NeuralNetwork)
    second.setBlobPath(str(classifier))
    crops.out.link(second.input)
    for name, output in (("frame", camera.preview), ("found", first.out), ("answer", second.out)):
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(name)
        output.link(link.input)
    return pipeline


def _stereo(pipeline: dai.Pipeline) -> Any:
    stereo = pipeline.create(dai.node.StereoDepth)
    stereo.setDefaultProfilePreset(dai.node.StereoDepth.PresetMode.DEFAULT)
    for socket, entry in (
        (dai.CameraBoardSocket.CAM_B, stereo.left),
        (dai.CameraBoardSocket.CAM_C, stereo.right),
    ):
        mono = pipeline.create(dai.node.MonoCamera)
        mono.setResolution(dai.MonoCameraProperties.SensorResolution.THE_400_P)
        mono.setBoardSocket(socket)
        mono.out.link(entry)
    return stereo


def watch(device: Any) -> Any:
    """Frames whose answers are complete, in order, for ever."""
    queues = {name: device.getOutputQueue(name) for name in ("frame", "found", "answer")}
    waiting: dict[int, dict[str, Any]] = {}
    while True:
        for name, queue in queues.items():
            message = queue.tryGet()
            if message is None:
                continue
            kept = waiting.setdefault(message.getSequenceNum(), {"answer": []})
            if name == "answer":
                kept["answer"].append(message)
            else:
                kept[name] = message
        for number in sorted(waiting):
            kept = waiting[number]
            if "frame" not in kept or "found" not in kept:
                continue
            found = kept["found"].detections
            if len(found) == len(kept["answer"]):
                yield _shown(number, waiting.pop(number))
                break


def _shown(number: int, kept: dict[str, Any]) -> Shown:
    shown = Shown(number, kept["frame"].getCvFrame())
    for one, answer in zip(kept["found"].detections, kept["answer"], strict=True):
        shown.boxes.append((one.xmin, one.ymin, one.xmax, one.ymax))
        place = getattr(one, "spatialCoordinates", None)
        shown.depths_mm.append(place.z if place is not None else 0.0)
        shown.answers.append(answer.getFirstLayerFp16())
    return shown
