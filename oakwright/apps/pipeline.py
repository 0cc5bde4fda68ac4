"""The pipeline of a two-stage application, for DepthAI v2.

::

    ColorCamera -> ImageManip -> detector (-> ObjectTracker) -> Script -> ImageManip -> recogniser
                                                                  |                        |
                                              plan, frame, seen <-+              answer <--+

Under load, pictures are lost where it costs nothing: before the detector and before the Script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oakwright.errors import UsageError

from .need import need
from .network import Detector, Recognizer
from .on_device import script

# Streams to the host.
PLAN, FRAME, SEEN, ANSWER = "plan", "frame", "seen", "answer"
# Pictures that may be waiting for their detections on the device.
_POOL = 10
# dai.TrackerType's members are the words.
TRACKERS = (
    "ZERO_TERM_IMAGELESS",
    "ZERO_TERM_COLOR_HISTOGRAM",
    "SHORT_TERM_IMAGELESS",
    "SHORT_TERM_KCF",
)


@dataclass(frozen=True)
class Tracking:
    """Things keep their number, and are looked at again only after ``every`` pictures.

    ``memory``: how much of what was answered before stays in the next answer, 0 (nothing) to
    below 1; tensors are averaged so, before they are decoded, and the first looks count alike.
    ``kind``: of dai.TrackerType.
    ``lifespan``: pictures after which something unseen is forgotten. ``birth``: pictures in a row
    that make a track; until then one without it ends it, so a detector that flickers wants 1.
    """

    every: int = 10
    memory: float = 0.75
    kind: str = "ZERO_TERM_COLOR_HISTOGRAM"
    lifespan: int = 30
    birth: int = 1

    def __post_init__(self) -> None:
        if min(self.every, self.lifespan, self.birth) < 1:
            raise UsageError("every, lifespan and birth of Tracking are 1 or more", key="tracker")
        if not 0 <= self.memory < 1:
            raise UsageError(f"memory {self.memory} must be from 0 to below 1", key="tracker")
        if self.kind not in TRACKERS:
            raise UsageError(
                f"tracker '{self.kind}' is unknown",
                remedy=f"one of {', '.join(TRACKERS)}",
                key="tracker",
            )


@dataclass(frozen=True)
class Camera:
    """What the camera gives: ``size`` of the picture in pixels, pictures a second.

    A size of another shape than the sensor's is cut from its middle. ``depth_mm``: the nearest and
    farthest distance that counts, where there is a stereo pair.
    """

    size: tuple[int, int] = (1080, 1080)
    fps: float = 30.0
    depth_mm: tuple[int, int] = (100, 10000)

    def __post_init__(self) -> None:
        width, height = self.size
        if min(width, height) < 32 or max(width, height) > 4096:
            raise UsageError(f"a picture of {width}x{height} is not within 32 and 4096 pixels")
        if not 0 < self.fps <= 120:
            raise UsageError(f"{self.fps} pictures a second are not within 0 and 120", key="fps")


def build(
    detector: Detector,
    recognizer: Recognizer,
    *,
    camera: Camera,
    tracking: Tracking | None,
    most: int,
    has_depth: bool,
) -> Any:
    """The ``dai.Pipeline``. ``has_depth``: with the board's stereo pair, for distances."""
    dai = need("depthai")
    pipeline = dai.Pipeline()
    preview = _preview(dai, pipeline, camera, recognizer.color)
    first = _detector(dai, pipeline, detector, preview, camera if has_depth else None)
    found = _tracker(dai, pipeline, first, tracking, detector) if tracking else first.out

    chooser = pipeline.create(dai.node.Script)
    every = tracking.every if tracking else 0
    chooser.setScript(
        script(
            recognizer.size,
            margin=recognizer.margin,
            most=most,
            every=every,
            keep=tuple(detector.keep),
        )
    )
    preview.link(chooser.inputs["frames"])
    _freshest(chooser.inputs["frames"], _POOL)
    found.link(chooser.inputs["found"])
    # More would only be older when their turn comes.
    _freshest(chooser.inputs["found"], 2)

    crops = pipeline.create(dai.node.ImageManip)
    crops.inputConfig.setWaitForMessage(True)
    crops.setMaxOutputFrameSize(3 * recognizer.size[0] * recognizer.size[1])
    chooser.outputs["config"].link(crops.inputConfig)
    chooser.outputs["crop"].link(crops.inputImage)
    second = pipeline.create(dai.node.NeuralNetwork)
    second.setBlobPath(str(recognizer.blob))
    crops.out.link(second.input)

    for name in (PLAN, SEEN, FRAME):
        _to_host(dai, pipeline, chooser.outputs[name], name)
    _to_host(dai, pipeline, second.out, ANSWER)
    return pipeline


def _preview(dai: Any, pipeline: Any, camera: Camera, color: str) -> Any:
    """Pictures in the order the recogniser wants, since crops keep it."""
    node = pipeline.create(dai.node.ColorCamera)
    node.setPreviewSize(*camera.size)
    node.setInterleaved(False)
    node.setColorOrder(getattr(dai.ColorCameraProperties.ColorOrder, color))
    node.setFps(camera.fps)
    node.setPreviewNumFramesPool(_POOL)
    if max(camera.size) > 1080:
        node.setResolution(dai.ColorCameraProperties.SensorResolution.THE_4_K)
    return node.preview


def _detector(
    dai: Any, pipeline: Any, detector: Detector, preview: Any, depth: Camera | None
) -> Any:
    small = pipeline.create(dai.node.ImageManip)
    small.initialConfig.setResize(*detector.size)
    small.initialConfig.setKeepAspectRatio(False)
    small.initialConfig.setFrameType(getattr(dai.ImgFrame.Type, f"{detector.color}888p"))
    small.setMaxOutputFrameSize(3 * detector.size[0] * detector.size[1])
    preview.link(small.inputImage)
    _freshest(small.inputImage, 1)
    family = "Yolo" if detector.yolo is not None else "MobileNet"
    kind = "SpatialDetectionNetwork" if depth else "DetectionNetwork"
    node = pipeline.create(getattr(dai.node, family + kind))
    node.setBlobPath(str(detector.blob))
    node.setConfidenceThreshold(detector.threshold)
    if detector.settings is not None:
        values = detector.settings
        node.setNumClasses(values.classes)
        node.setCoordinateSize(4)
        node.setAnchors(list(values.anchors))
        node.setAnchorMasks({side: list(mask) for side, mask in values.masks.items()})
        node.setIouThreshold(values.iou)
    if depth:
        node.setBoundingBoxScaleFactor(0.8)
        node.setDepthLowerThreshold(depth.depth_mm[0])
        node.setDepthUpperThreshold(depth.depth_mm[1])
        _stereo(dai, pipeline, depth.fps).depth.link(node.inputDepth)
    small.out.link(node.input)
    return node


def _stereo(dai: Any, pipeline: Any, fps: float) -> Any:
    stereo = pipeline.create(dai.node.StereoDepth)
    stereo.setDefaultProfilePreset(dai.node.StereoDepth.PresetMode.DEFAULT)
    stereo.setDepthAlign(dai.CameraBoardSocket.CAM_A)
    stereo.setSubpixel(True)
    sides = ((dai.CameraBoardSocket.CAM_B, "left"), (dai.CameraBoardSocket.CAM_C, "right"))
    for socket, entry in sides:
        mono = pipeline.create(dai.node.MonoCamera)
        mono.setResolution(dai.MonoCameraProperties.SensorResolution.THE_400_P)
        mono.setBoardSocket(socket)
        mono.setFps(fps)
        mono.out.link(getattr(stereo, entry))
    return stereo


def _tracker(dai: Any, pipeline: Any, first: Any, tracking: Tracking, detector: Detector) -> Any:
    node = pipeline.create(dai.node.ObjectTracker)
    node.setTrackerType(getattr(dai.TrackerType, tracking.kind))
    node.setTrackerIdAssignmentPolicy(dai.TrackerIdAssignmentPolicy.UNIQUE_ID)
    node.setTrackletMaxLifespan(tracking.lifespan)
    node.setTrackletBirthThreshold(tracking.birth)
    if detector.keep:
        node.setDetectionLabelsToTrack([int(k) for k in detector.keep])
    first.passthrough.link(node.inputTrackerFrame)
    first.passthrough.link(node.inputDetectionFrame)
    first.out.link(node.inputDetections)
    return node.out


def _freshest(entry: Any, size: int) -> None:
    """Keep the newest ``size`` messages and lose the older ones."""
    entry.setBlocking(False)
    entry.setQueueSize(size)


def _to_host(dai: Any, pipeline: Any, output: Any, name: str) -> None:
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)
