"""Every kind of node by its schema name; what is not here is named when a pipeline starts."""

from __future__ import annotations

from .camera import Camera
from .color_camera import ColorCamera
from .detection import DetectionNetwork, DetectionParser
from .image_manip import ImageManip
from .mono_camera import MonoCamera
from .neural_network import NeuralNetwork
from .node import Node
from .script import Script
from .spatial import SpatialDetectionNetwork, SpatialLocationCalculator
from .stereo import StereoDepth
from .sync import MessageDemux, Sync
from .xlink import XLinkIn, XLinkOut

NODES: dict[str, type[Node]] = {
    "Camera": Camera,
    "ColorCamera": ColorCamera,
    "DetectionNetwork": DetectionNetwork,
    "DetectionParser": DetectionParser,
    "ImageManip": ImageManip,
    "MessageDemux": MessageDemux,
    "MonoCamera": MonoCamera,
    "NeuralNetwork": NeuralNetwork,
    "Script": Script,
    "SpatialDetectionNetwork": SpatialDetectionNetwork,
    "SpatialLocationCalculator": SpatialLocationCalculator,
    "StereoDepth": StereoDepth,
    "Sync": Sync,
    "XLinkIn": XLinkIn,
    "XLinkOut": XLinkOut,
}

# Nodes that make no sense without hardware: they start, say so, and stay silent.
PERIPHERAL = ("SPIIn", "SPIOut", "UVC")
