"""A made-up room with moving things, seen by any number of pinhole cameras from true geometry.

What every camera sees, how far each pixel is and where each thing is, follows from the seed and the
moment alone, so that stereo matching and detection have a truth to be judged against.
"""

from .camera import CameraModel
from .furnish import furnished, with_face
from .marks import COLORS, MARKS
from .path import CameraPath, carried_by_hand, quaternion_of
from .scene import Rendering, Scene, SceneObject
from .things import LABELS, Motion, Thing, default_things

__all__ = [
    "COLORS",
    "LABELS",
    "MARKS",
    "CameraModel",
    "CameraPath",
    "Motion",
    "Rendering",
    "Scene",
    "SceneObject",
    "Thing",
    "carried_by_hand",
    "default_things",
    "furnished",
    "quaternion_of",
    "with_face",
]
