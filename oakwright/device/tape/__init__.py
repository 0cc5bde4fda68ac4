"""Recordings: what the sensors gave, kept without loss, and given again.

A recording is a folder: ``recording.json`` (what it is, and a hash of every other file), per camera
a video (Matroska, FFV1: lossless, plays in ffmpeg and VLC) with a table of its frames (number,
moment, hash of the pixels), a table of the IMU's readings, the calibration, and a hash of every
message the host got. ``recorder`` writes it, ``recording`` reads and checks it, ``replay`` is a
source of frames made of it, ``live`` records a camera over its link.
"""

from .messages import MessageCheck
from .recorder import DEFAULT_LIMIT, Tape, TapedSource
from .recording import Recording, read_recording
from .replay import ReplaySource

__all__ = [
    "DEFAULT_LIMIT",
    "MessageCheck",
    "Recording",
    "ReplaySource",
    "Tape",
    "TapedSource",
    "read_recording",
]
