"""Where frames come from: videos, pictures, a webcam, a stereo pair, a made-up scene.

A source gives, for a camera socket and a frame's number, an array: BGR (HxWx3) or grey (HxW),
uint8. ``open_source`` reads the words a user writes.
"""

from .checked import CheckedSource, check_pixels
from .cuts import CutsSource, still_at
from .files import FolderSource, PictureSource, StereoSource, VideoSource
from .open import open_source
from .pattern import PatternSource
from .scene import SceneSource
from .source import FrameSource, Shot
from .timed import TimedSource
from .walk import WalkSource

__all__ = [
    "CheckedSource",
    "CutsSource",
    "FolderSource",
    "FrameSource",
    "PatternSource",
    "PictureSource",
    "SceneSource",
    "Shot",
    "StereoSource",
    "TimedSource",
    "VideoSource",
    "WalkSource",
    "check_pixels",
    "open_source",
    "still_at",
]
