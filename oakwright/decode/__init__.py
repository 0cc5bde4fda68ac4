"""A network's numbers as what they mean: boxes, classes, points, maps; numpy only."""

from .classes import Classified, Classifier, log_softmax, one_of, softmax
from .detections import Detections
from .overlap import overlaps, suppress
from .ssd import decode_priors, read_rows

__all__ = [
    "Classified",
    "Classifier",
    "Detections",
    "decode_priors",
    "log_softmax",
    "one_of",
    "overlaps",
    "read_rows",
    "softmax",
    "suppress",
]
