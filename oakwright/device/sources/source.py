"""What every source of frames is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..boards import Mounting


@dataclass(frozen=True)
class Shot:
    """What a camera asks for: its mounting, the frame's number and moment (seconds from start).

    ``fps``: the rate it runs at; 0 where nobody says.
    """

    camera: Mounting
    number: int
    time_s: float
    fps: float = 0.0


class FrameSource(Protocol):
    """Gives frames; several cameras may ask from several threads."""

    def frame(self, shot: Shot) -> np.ndarray | None:
        """BGR (HxWx3) or grey (HxW) uint8 pixels, not to be written to; None after the end."""
        ...

    def close(self) -> None:
        """Let go of files and devices."""
        ...
