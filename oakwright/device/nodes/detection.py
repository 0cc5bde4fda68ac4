"""MobileNet and Yolo detection: a network and a parser in one node, or the parser alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import depthai as dai
import numpy as np

from ..blocks.decoding import Detection, YoloLayout, decode_ssd, decode_yolo
from ..message import stamp_like, tensors_of
from ..schema import NodeRecord
from .neural_network import NeuralNetwork
from .node import Node

YOLO, MOBILENET = 0, 1
_FAMILIES = {YOLO: "YOLO", MOBILENET: "MobileNet-SSD"}
PARSER = ("parser.*",)


class Parser:
    """Reads a network's outputs as ``parser`` (DetectionParserOptions) says."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    @staticmethod
    def problems(options: Mapping[str, Any]) -> Iterable[str]:
        """What is wrong with the options."""
        if options["nnFamily"] not in _FAMILIES:
            yield f"parser.nnFamily = {options['nnFamily']} is not one of {_FAMILIES}"
        elif options["nnFamily"] == YOLO and options["classes"] <= 0:
            yield "parser.classes is 0: call setNumClasses"
        elif options["nnFamily"] == YOLO and options["coordinates"] not in (0, 4):
            yield f"parser.coordinates = {options['coordinates']} is not 4"

    def parse(self, tensors: Mapping[str, np.ndarray], picture: tuple[int, int]) -> list[Detection]:
        """Detections in units of the picture; ``picture`` is the network's width and height."""
        options = self._options
        threshold = options["confidenceThreshold"]
        if options["nnFamily"] == MOBILENET:
            return decode_ssd(next(iter(tensors.values())), threshold)
        layout = YoloLayout(
            options["classes"],
            tuple(options["anchors"]),
            {name: tuple(mask) for name, mask in options["anchorMasks"].items()},
        )
        return decode_yolo(tensors, layout, picture, threshold, options["iouThreshold"])


def detections_message(detections: Iterable[Detection], source: Any) -> Any:
    """``ImgDetections`` of the time and number of the message they were found in."""
    message = dai.ImgDetections()
    found = []
    for detection in detections:
        one = dai.ImgDetection()
        one.label, one.confidence = detection.label, detection.confidence
        one.xmin, one.ymin = detection.xmin, detection.ymin
        one.xmax, one.ymax = detection.xmax, detection.ymax
        found.append(one)
    message.detections = found
    return stamp_like(message, source)


class DetectionNetwork(NeuralNetwork):
    """MobileNetDetectionNetwork and YoloDetectionNetwork, which the schema calls this."""

    honoured = (*NeuralNetwork.honoured, *PARSER)
    sends = (*NeuralNetwork.sends, "outNetwork")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from Parser.problems(record.properties["parser"])

    def deliver(self, results: dict[str, np.ndarray], messages: dict[str, Any]) -> None:
        """See NeuralNetwork."""
        if self.output("outNetwork").is_linked:
            self.send("outNetwork", self.tensors(results, messages))
        if self.output("out").is_linked:
            source = next(iter(messages.values()))
            self.send("out", detections_message(self.parse(results), source))

    def parse(self, results: Mapping[str, np.ndarray]) -> list[Detection]:
        """The detections in one step's results."""
        shape = self.network.inputs[0].shape
        return Parser(self.properties["parser"]).parse(results, (shape[-1], shape[-2]))


class DetectionParser(Node):
    """The parser alone, after a NeuralNetwork."""

    honoured = (*PARSER, "networkInputs*")
    harmless = ("numFramesPool",)
    sends = ("out",)

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from Parser.problems(record.properties["parser"])
        if not record.properties["networkInputs"]:
            yield "the network's inputs are unknown: call setBlob"

    def step(self) -> None:
        """See Node."""
        message = self.inputs["in"].get()
        found = Parser(self.properties["parser"]).parse(tensors_of(message), self._picture())
        if self.output("out").is_linked:
            self.send("out", detections_message(found, message))

    def _picture(self) -> tuple[int, int]:
        # TensorInfo.dims of a blob's input: W, H, C, N.
        dims = next(iter(self.properties["networkInputs"].values()))["dims"]
        return dims[0], dims[1]
