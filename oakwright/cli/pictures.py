"""Pictures, arrays and videos as input for a blob, and back as annotated pictures."""

from __future__ import annotations

import itertools
import zipfile
from collections import Counter
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


def frames(path: Path) -> Iterator[tuple[str, Any]]:
    """(name, BGR picture HxWx3 uint8) of a picture, a folder of them, or a video.

    Names differ within a folder. A picture of a folder that cannot be read comes as its
    UnreadableModel: one bad file does not spoil the others.
    """
    cv2 = require_opencv()
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES)
        if not files:
            raise UsageError(f"no pictures in {path}", remedy=f"known are {', '.join(PICTURES)}")
        stems = Counter(file.stem for file in files)
        for file in files:
            picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
            name = file.stem if stems[file.stem] == 1 else file.name
            yield name, picture if picture is not None else _unreadable(file, "a picture")
        return
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.suffix.lower() in VIDEOS:
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise _unreadable(path, "a video")
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
        raise _unreadable(path, "a picture")
    yield path.stem, picture


def _unreadable(path: Path, what: str) -> UnreadableModel:
    return UnreadableModel(
        f"{path} cannot be read as {what}",
        remedy="open it in a viewer: it may be cut off, or something else by another name",
        path=str(path),
    )


def frames_per_second(path: Path) -> float:
    """Of a video, as its file says; 30 where it says nothing sensible."""
    cv2 = require_opencv()
    rate = float(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS))
    return rate if 0 < rate <= 1000 else 30.0


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
    if len(shape) == 3 and min(size["H"], size["W"]) < 16:
        # Three axes are rather a sequence; a picture would run, and mean nothing.
        raise UsageError(
            f"an input of shape {list(shape)} does not look like a picture's",
            remedy="give an .npy of that shape",
        )
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


def load_arrays(path: Path) -> Any:
    """The array of an .npy, or a dict of those of an .npz. Raises UnreadableModel."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                return loaded
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise UnreadableModel(
            f"{path} is no numpy file: {error}",
            remedy="write it with numpy.save or numpy.savez; pickled objects are not read",
            path=str(path),
        ) from error


def sample_inputs(path: Path, planned: Sequence[Any]) -> list[dict[str, np.ndarray]]:
    """Up to 8 inputs of a planned conversion from pictures, ``.npy`` or ``.npz`` at ``path``."""
    loaded = load_arrays(path) if path.suffix.lower() in (".npy", ".npz") else None
    if isinstance(loaded, dict):
        return [loaded]
    if len(planned) != 1:
        names = ", ".join(entry.name for entry in planned)
        raise UsageError(
            f"the model has inputs {names}; pictures fill only one", remedy="give an .npz by name"
        )
    name, shape, layout = planned[0].name, planned[0].ir_shape, planned[0].planar_layout
    if loaded is not None:
        if loaded.size != np.prod(shape):
            raise UsageError(
                f"{path} has the shape {loaded.shape}, input '{name}' takes {shape}", key="samples"
            )
        return [{name: loaded.reshape(shape)}]
    pictures = [picture for _, picture in itertools.islice(frames(path), 8)]
    for bad in (each for each in pictures if isinstance(each, UnreadableModel)):
        raise bad
    return [{name: fit(picture, shape, layout).astype(np.float32)} for picture in pictures]
