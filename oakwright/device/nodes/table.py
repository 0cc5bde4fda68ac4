"""Every kind of node by its schema name; what is not here is named when a pipeline starts."""

from __future__ import annotations

from .april_tag import AprilTag
from .camera import Camera
from .cast import Cast
from .color_camera import ColorCamera
from .detection import DetectionNetwork, DetectionParser
from .edge_detector import EdgeDetector
from .feature_tracker import FeatureTrackerNode
from .image_align import ImageAlign
from .image_manip import ImageManip
from .imu import IMU
from .mono_camera import MonoCamera
from .neural_network import NeuralNetwork
from .node import Node
from .object_tracker import ObjectTracker
from .point_cloud import PointCloud
from .script import Script
from .spatial import SpatialDetectionNetwork, SpatialLocationCalculator
from .stereo import StereoDepth
from .sync import MessageDemux, Sync
from .system_logger import SystemLogger
from .tof import ToF
from .uvc import UVC
from .video_encoder import VideoEncoder
from .warp import Warp
from .xlink import XLinkIn, XLinkOut

NODES: dict[str, type[Node]] = {
    "AprilTag": AprilTag,
    "Camera": Camera,
    "Cast": Cast,
    "ColorCamera": ColorCamera,
    "DetectionNetwork": DetectionNetwork,
    "DetectionParser": DetectionParser,
    "EdgeDetector": EdgeDetector,
    "FeatureTracker": FeatureTrackerNode,
    "IMU": IMU,
    "ImageAlign": ImageAlign,
    "ImageManip": ImageManip,
    "MessageDemux": MessageDemux,
    "MonoCamera": MonoCamera,
    "NeuralNetwork": NeuralNetwork,
    "ObjectTracker": ObjectTracker,
    "PointCloud": PointCloud,
    "Script": Script,
    "SpatialDetectionNetwork": SpatialDetectionNetwork,
    "SpatialLocationCalculator": SpatialLocationCalculator,
    "StereoDepth": StereoDepth,
    "Sync": Sync,
    "SystemLogger": SystemLogger,
    "ToF": ToF,
    "UVC": UVC,
    "VideoEncoder": VideoEncoder,
    "Warp": Warp,
    "XLinkIn": XLinkIn,
    "XLinkOut": XLinkOut,
}

# Nodes that make no sense without hardware: they start, say so, and stay silent.
# The reason is what they say.
PERIPHERAL = {
    "SPIIn": "messages come from a microcontroller on the SPI bus, of which there is none",
    "SPIOut": "messages go to a microcontroller on the SPI bus, of which there is none",
}
# Classes of ``dai.node`` that no pipeline holds, and why.
NO_NODES = {
    "DetectionNetwork": "the base of MobileNetDetectionNetwork and YoloDetectionNetwork",
    "SpatialDetectionNetwork": "the base of the two spatial detection networks",
}
