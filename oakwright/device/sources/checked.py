"""Somebody else's source of frames: what it gives is looked at before a camera uses it."""

from __future__ import annotations

from typing import Any

import numpy as np

from oakwright.errors import OakwrightError, SourceError

from .source import FrameSource, Shot

_REMEDY = "give uint8 pixels, HxWx3 (BGR) or HxW (grey)"


def check_pixels(pixels: Any, name: str) -> np.ndarray:
    """The pixels of source ``name`` if they are HxWx3 or HxW uint8; SourceError otherwise."""
    if not isinstance(pixels, np.ndarray):
        text = f"{name} gives {type(pixels).__name__}, no array of pixels"
        raise SourceError(text, remedy=_REMEDY)
    is_picture = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if not is_picture or not pixels.size or pixels.dtype != np.uint8:
        shape = "x".join(str(n) for n in pixels.shape) or "scalar"
        raise SourceError(f"{name} gives a {shape} array of {pixels.dtype}", remedy=_REMEDY)
    return pixels


class CheckedSource:
    """A user's own source: its errors and its wrong frames become a SourceError that names it.

    What else it has, as ``depth``, is there as well.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source, self._name = source, f"the source {type(source).__name__}"
        if not callable(getattr(source, "frame", None)) or isinstance(source, type):
            shown = f"the class {source.__name__}" if isinstance(source, type) else repr(source)
            if len(shown) > 60:
                shown = f"an object of {type(source).__name__}"
            raise SourceError(
                f"{shown} is no source of frames",
                remedy="give a path, 'pattern', an array or an object with frame(shot), close()",
            )

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        try:
            pixels = self._source.frame(shot)
        except OakwrightError:
            raise
        except Exception as error:
            raise SourceError(
                f"{self._name} failed at frame {shot.number} of camera {shot.camera.name}: "
                f"{type(error).__name__}: {error}",
                remedy="mend its method frame(shot); None ends the run",
            ) from error
        return None if pixels is None else check_pixels(pixels, self._name)

    def close(self) -> None:
        """See FrameSource."""
        if hasattr(self._source, "close"):
            self._source.close()

    def __getattr__(self, name: str) -> Any:
        if name == "_source":  # not made yet: copying and unpickling ask before there is one
            raise AttributeError(name)
        return getattr(self._source, name)
