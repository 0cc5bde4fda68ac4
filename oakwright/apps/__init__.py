"""Complete applications for a camera, real or virtual: two stages, drawing, scripts to begin with.

depthai and OpenCV are imported where they are used; nothing here knows which camera it runs on.
"""

from . import rooms, scaffold
from .draw import PALETTE, Canvas, color_of, draw_boxes, draw_things
from .network import Detector, Network, Recognizer, Successive
from .pipeline import Camera, Tracking
from .two_stage import Seen, Thing, TwoStage

__all__ = [
    "PALETTE",
    "Camera",
    "Canvas",
    "Detector",
    "Network",
    "Recognizer",
    "Seen",
    "Successive",
    "Thing",
    "Tracking",
    "TwoStage",
    "color_of",
    "draw_boxes",
    "draw_things",
    "rooms",
    "scaffold",
]
