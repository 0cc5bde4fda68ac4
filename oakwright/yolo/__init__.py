"""YOLO detectors for the camera: find the heads, cut there, write the decoder's settings."""

from oakwright.decode import Rule

from .convert import YoloModel, convert_yolo
from .layout import FAMILIES, Detector, Scale
from .settings import decoder_settings, read_labels

__all__ = [
    "FAMILIES",
    "Detector",
    "Rule",
    "Scale",
    "YoloModel",
    "convert_yolo",
    "decoder_settings",
    "read_labels",
]
