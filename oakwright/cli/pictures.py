"""Pictures, arrays and videos as input for a blob, and back as annotated pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.errors import UnreadableModel, UsageError

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")


def require_opencv() -> Any:
    """The cv2 package, or a clear error with the extra that brings it."""
    try:
        import cv2
    except ImportError as error:
        raise UsageError(
            "pictures and videos need OpenCV, which is not installed",
            remedy="pip install 'oakwright[opencv]'",
        ) from error
    return cv2


def frames(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, BGR picture HxWx3 uint8) of a picture, a folder of them, or a video."""
    cv2 = require_opencv()
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES)
        if not files:
            raise UsageError(f"no pictures in {path}", remedy=f"known are {', '.join(PICTURES)}")
        for file in files:
            yield from frames(file)
        return
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.suffix.lower() in VIDEOS:
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise UnreadableModel(f"{path} cannot be opened as a video", path=str(path))
        index = 0
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            yield f"{path.stem}_{index:05d}", frame
            index += 1
        return
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise UnreadableModel(f"{path} cannot be read as a picture", path=str(path))
    yield path.stem, picture


def count_frames(path: Path) -> int | None:
    """How many frames :func:`frames` will give, where that can be told."""
    if path.is_dir():
        return sum(p.suffix.lower() in PICTURES for p in path.iterdir())
    if path.suffix.lower() in VIDEOS:
        cv2 = require_opencv()
        count = int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None
    return 1


def fit(picture: np.ndarray, shape: tuple[int, ...], layout: str) -> np.ndarray:
    """A BGR picture as an input of ``shape`` (1xCxHxW, or NHWC): resized, values kept 0..255."""
    cv2 = require_opencv()
    axes = layout if len(layout) == len(shape) else {4: "NCHW", 3: "CHW", 2: "HW"}.get(len(shape))
    if not axes or "H" not in axes:
        raise UsageError(f"a picture does not fit an input of shape {list(shape)}")
    size = dict(zip(axes, shape, strict=True))
    if size.get("N", 1) != 1:
        raise UsageError(f"one picture does not fill a batch of {size['N']}")
    resized = cv2.resize(picture, (size["W"], size["H"]), interpolation=cv2.INTER_AREA)
    channels = size.get("C", 1)
    if channels == 1:
        resized = cv2.cvtColor(resized, cv2.COLOR_BGR2GRAY)[..., None]
    elif channels != 3:
        raise UsageError(f"a picture has 3 channels, the input has {channels}")
    view = resized
    order = [axis for axis in axes if axis != "N"]
    if "C" not in order:
        view = view[..., 0]
    else:
        view = view.transpose(["HWC".index(axis) for axis in order])
    return np.ascontiguousarray(view).reshape(shape)


def sample_inputs(path: Path, planned: Sequence[Any]) -> list[dict[str, np.ndarray]]:
    """Up to 8 inputs of a planned conversion from pictures, ``.npy`` or ``.npz`` at ``path``."""
    if path.suffix.lower() == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return [{key: archive[key] for key in archive.files}]
    if len(planned) != 1:
        names = ", ".join(entry.name for entry in planned)
        raise UsageError(
            f"the model has inputs {names}; pictures fill only one", remedy="give an .npz by name"
        )
    name, shape, layout = planned[0].name, planned[0].ir_shape, planned[0].planar_layout
    if path.suffix.lower() == ".npy":
        array = np.load(path, allow_pickle=False)
        if array.size != np.prod(shape):
            raise UsageError(
                f"{path} has the shape {array.shape}, input '{name}' takes {shape}", key="samples"
            )
        return [{name: array.reshape(shape)}]
    pictures = itertools.islice(frames(path), 8)
    return [{name: fit(picture, shape, layout).astype(np.float32)} for _, picture in pictures]
