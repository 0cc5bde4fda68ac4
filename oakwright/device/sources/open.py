"""From the words a user writes to a source of frames."""

from __future__ import annotations

from pathlib import Path

from oakwright.errors import SourceError, UsageError

from ..scene import Scene
from .cuts import HOLD_S, CutsSource
from .files import PICTURE_ENDINGS, FolderSource, PictureSource, StereoSource, VideoSource
from .pattern import PatternSource
from .scene import SceneSource
from .source import FrameSource
from .walk import WalkSource
from .webcam import WebcamSource


def open_source(words: str, *, loops: bool = True) -> FrameSource:
    """Open what ``words`` name.

    ``pattern`` (made up), ``scene`` or ``scene:SEED`` (made up, true for every camera),
    ``furnished`` or ``furnished:SEED`` (the same room, quieter, with more things in it),
    ``walk`` or ``walk:SEED`` (the scene, the camera is carried about and its IMU feels it),
    ``cuts`` or ``cuts:SECONDS`` (stills of scenes, each held so long), ``webcam:0``,
    ``stereo:LEFT,RIGHT`` or ``stereo:LEFT,RIGHT,COLOR`` (each a file), or the path of a video, a
    picture or a folder of pictures.
    """
    kind, _, rest = words.partition(":")
    if words == "pattern":
        return PatternSource()
    if kind == "scene" and not Path(words).exists():
        if rest and not rest.isdigit():
            raise UsageError(f"'{words}' is no scene", remedy="write scene:1; the number is a seed")
        return SceneSource(int(rest or 0))
    if kind == "furnished" and not Path(words).exists():
        if rest and not rest.isdigit():
            raise UsageError(
                f"'{words}' is no furnished room", remedy="write furnished:1; the number is a seed"
            )
        return SceneSource(scene=Scene.furnished(int(rest or 0)))
    if kind == "walk" and not Path(words).exists():
        if rest and not rest.isdigit():
            raise UsageError(f"'{words}' is no walk", remedy="write walk:1; the number is a seed")
        return WalkSource(int(rest or 0))
    if kind == "cuts" and not Path(words).exists():
        return CutsSource(_seconds(words, rest) if rest else HOLD_S)
    if kind == "webcam":
        if rest and not rest.isdigit():
            raise UsageError(f"'{words}' is no webcam", remedy="write webcam:0")
        return WebcamSource(int(rest or 0))
    if kind == "stereo":
        paths = rest.split(",")
        if len(paths) not in (2, 3):
            raise UsageError(
                f"'{words}' is no stereo pair", remedy="write stereo:left.mp4,right.mp4"
            )
        return StereoSource(*(_open_path(path, loops) for path in paths))
    return _open_path(words, loops)


def _seconds(words: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise UsageError(f"'{words}' is no source", remedy="write cuts:0.5, the seconds of a still")
    return value


def _open_path(words: str, loops: bool) -> FrameSource:
    path = Path(words)
    if words and path.is_dir():
        return FolderSource(path, loops=loops)
    if path.suffix.lower() in PICTURE_ENDINGS:
        return PictureSource(path)
    if not words or not path.exists():
        raise SourceError(
            f"there is no source '{words}'",
            remedy="give a video, a picture, a folder, webcam:0, stereo:LEFT,RIGHT, scene, pattern",
            path=words,
        )
    return VideoSource(path, loops=loops)
