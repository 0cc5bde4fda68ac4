"""A network's numbers as what they mean: boxes, classes, points, maps; numpy only."""

from .classes import Classified, Classifier, log_softmax, one_of, softmax
from .detections import Detections
from .embeddings import Gallery, similarities, unit
from .landmarks import heat_map_peaks, points_in_picture, read_points
from .overlap import overlaps, suppress
from .segmentation import class_map
from .ssd import decode_priors, read_rows
from .yolo import Yolo, YoloSettings, read_settings, yolo_rows
from .yolo_rules import Rule, boxes_of_cells, mean_distances, sigmoid

__all__ = [
    "Classified",
    "Classifier",
    "Detections",
    "Gallery",
    "Rule",
    "Yolo",
    "YoloSettings",
    "boxes_of_cells",
    "class_map",
    "decode_priors",
    "heat_map_peaks",
    "log_softmax",
    "mean_distances",
    "one_of",
    "overlaps",
    "points_in_picture",
    "read_points",
    "read_rows",
    "read_settings",
    "sigmoid",
    "similarities",
    "softmax",
    "suppress",
    "unit",
    "yolo_rows",
]
