"""SpatialLocationCalculator, and detection networks that say where things are in space.

A network's picture is matched with the first depth map of its moment or later; its boxes are led
into the map by what both show (``field_of_view``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import depthai as dai
import numpy as np

from ..blocks.decoding import Detection
from ..blocks.formats import decode
from ..blocks.spatial import MAX, MEAN, MEDIAN, MIN, MODE, Location, Rectangle, Region, locate
from ..message import frame_of, stamp_like, time_of
from ..schema import NodeRecord, read_pipeline
from .detection import DetectionNetwork
from .field_of_view import find_sight, sight_of
from .node import Context, Node
from .stereo import lens_of

# dai.SpatialLocationCalculatorAlgorithm
_ALGORITHMS = {0: MEAN, 1: MIN, 2: MAX, 3: MODE, 4: MEDIAN}
_DEPTH = "RAW16"
# Cameras of one tick are this close in time, also where threads are held up.
_SAME_MOMENT_S = 0.010


class DepthMap:
    """A depth message with the camera it belongs to."""

    def __init__(self, message: Any, calibration: Any) -> None:
        self.message = message
        self.values = decode(frame_of(message))
        self.socket = message.getInstanceNum()
        size = message.getWidth(), message.getHeight()
        self.lens = lens_of(calibration, self.socket, size)

    def locate(self, region: Region) -> Location:
        """See the block."""
        return locate(self.values, self.lens.matrix, region)


def read_region(config: Mapping[str, Any]) -> Region:
    """One entry of a calculator's config, as the JSON has it."""
    roi, limits = config["roi"], config["depthThresholds"]
    return Region(
        Rectangle(roi["x"], roi["y"], roi["width"], roi["height"]),
        limits["lowerThreshold"],
        limits["upperThreshold"],
        _ALGORITHMS[config["calculationAlgorithm"]],
        config["stepSize"] if config["stepSize"] > 0 else None,
    )


def region_message(region: Region) -> Any:
    """``SpatialLocationCalculatorConfigData`` of a region."""
    message = dai.SpatialLocationCalculatorConfigData()
    rectangle = region.rectangle
    message.roi = dai.Rect(rectangle.x, rectangle.y, rectangle.width, rectangle.height)
    number = next(n for n, name in _ALGORITHMS.items() if name == region.algorithm)
    message.calculationAlgorithm = dai.SpatialLocationCalculatorAlgorithm(number)
    limits = message.depthThresholds
    limits.lowerThreshold, limits.upperThreshold = region.lower, region.upper
    message.depthThresholds = limits
    return message


def _is_depth(node: Node, message: Any) -> bool:
    kind = message.getType().name
    if kind != _DEPTH:
        node.error(f"a depth map of type {kind} came, {_DEPTH} is needed: dropped", once=True)
    return bool(kind == _DEPTH)


class SpatialLocationCalculator(Node):
    """See the module. Every depth map gives one message, a place for each region of the config."""

    honoured = ("roiConfig.*",)
    sends = ("out", "passthroughDepth")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._regions = [read_region(entry) for entry in self.properties["roiConfig"]["config"]]
        self._scratch = _Scratch()

    def step(self) -> None:
        """See Node."""
        depth = self.inputs["inputDepth"].get()
        config = self.inputs["inputConfig"]
        if config.is_linked:
            message = config.get() if config.waits_for_message else config.latest()
            if message is not None:
                self._regions = self._scratch.read(message)
        if not _is_depth(self, depth):
            return
        depth_map = DepthMap(depth, self.context.calibration())
        data = dai.SpatialLocationCalculatorData()
        data.spatialLocations = [
            _location_message(depth_map.locate(region), region) for region in self._regions
        ]
        if self.output("out").is_linked:
            self.send("out", stamp_like(data, depth))
        if self.output("passthroughDepth").is_linked:
            self.send("passthroughDepth", depth)


class SpatialDetectionNetwork(DetectionNetwork):
    """MobileNetSpatialDetectionNetwork and YoloSpatialDetectionNetwork, so called by the schema."""

    honoured = (
        *DetectionNetwork.honoured,
        "calculationAlgorithm",
        "depthThresholds.*",
        "detectedBBScaleFactor",
        "stepSize",
    )
    sends = (*DetectionNetwork.sends, "passthroughDepth", "boundingBoxMapping")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        factor = record.properties["detectedBBScaleFactor"]
        if not 0 < factor <= 1:
            yield f"detectedBBScaleFactor = {factor} is not in (0, 1]"

    def set_up(self) -> None:
        """See Node."""
        super().set_up()
        self._sight = find_sight(self.context, self.record, "in")

    def deliver(self, results: dict[str, np.ndarray], messages: dict[str, Any]) -> None:
        """See NeuralNetwork; waits for the depth map of the picture's moment."""
        picture = next(iter(messages.values()))
        if self.output("outNetwork").is_linked:
            self.send("outNetwork", self.tensors(results, messages))
        message = self._depth_for(picture)
        if not _is_depth(self, message):
            return
        depth = DepthMap(message, self.context.calibration())
        found, mapping = [], dai.SpatialLocationCalculatorConfig()
        for detection in self.parse(results):
            region = self._region(detection, depth, picture)
            found.append(_detection_message(detection, depth.locate(region), region))
            mapping.addROI(region_message(region))
        detections = dai.SpatialImgDetections()
        detections.detections = found
        if self.output("boundingBoxMapping").is_linked:
            self.send("boundingBoxMapping", stamp_like(mapping, picture))
        if self.output("passthroughDepth").is_linked:
            self.send("passthroughDepth", message)
        if self.output("out").is_linked:
            self.send("out", stamp_like(detections, picture))

    def _linked(self) -> list[str]:
        # The depth map is no input of the network.
        keys = [key for key in super()._linked() if key != "inputDepth"]
        if not keys:
            # Nothing will ever come; wait for it, so that a deadlock has a name.
            self.inputs["in"].get()
        return keys

    def _depth_for(self, picture: Any) -> Any:
        depth = self.inputs["inputDepth"]
        wanted = time_of(picture) - _SAME_MOMENT_S
        while depth.previous is None or time_of(depth.previous) < wanted:
            depth.get()
        return depth.previous

    def _region(self, detection: Detection, depth: DepthMap, picture: Any) -> Region:
        """The detection's box in parts of the depth map, shrunk as the script wants."""
        seen = sight_of(depth.lens, depth.socket)
        shown = self._sight
        if shown is None:
            # Nothing known: the network sees the middle of what the depth map shows.
            shown = seen.cut_to(picture.getWidth() / picture.getHeight())
        box = shown.part(detection.xmin, detection.ymin, detection.xmax, detection.ymax)
        width, height = seen.right - seen.left, seen.bottom - seen.top
        rectangle = Rectangle(
            (box.left - seen.left) / width,
            (box.top - seen.top) / height,
            (box.right - box.left) / width,
            (box.bottom - box.top) / height,
        )
        properties = self.properties
        limits, step = properties["depthThresholds"], properties["stepSize"]
        return Region(
            rectangle.scaled(properties["detectedBBScaleFactor"]).inside(),
            limits["lowerThreshold"],
            limits["upperThreshold"],
            _ALGORITHMS[properties["calculationAlgorithm"]],
            step if step > 0 else None,
        )


def _location_message(location: Location, region: Region) -> Any:
    message = dai.SpatialLocations()
    message.config = region_message(region)
    message.spatialCoordinates = dai.Point3f(location.x, location.y, location.z)
    message.depthAverage = location.mean
    message.depthMode, message.depthMedian = location.mode, location.median
    message.depthMin, message.depthMax = location.smallest, location.largest
    message.depthAveragePixelCount = location.count
    return message


def _detection_message(detection: Detection, location: Location, region: Region) -> Any:
    message = dai.SpatialImgDetection()
    message.label, message.confidence = detection.label, detection.confidence
    message.xmin, message.ymin = detection.xmin, detection.ymin
    message.xmax, message.ymax = detection.xmax, detection.ymax
    message.spatialCoordinates = dai.Point3f(location.x, location.y, location.z)
    message.boundingBoxMapping = region_message(region)
    return message


class _Scratch:
    """Reads a config message completely, step size included, by way of a serialised node."""

    def __init__(self) -> None:
        self._pipeline = dai.Pipeline()
        self._node = self._pipeline.create(dai.node.SpatialLocationCalculator)

    def read(self, message: Any) -> list[Region]:
        self._node.initialConfig.setROIs(message.getConfigData())
        properties = read_pipeline(self._pipeline).nodes[0].properties
        return [read_region(entry) for entry in properties["roiConfig"]["config"]]
