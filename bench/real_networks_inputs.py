"""What real networks are fed: real pictures, a rendered page, a sound, bytes.

Pictures come from a package as the networks do (none is kept here), or from ``--media``. All are
BGR bytes, HxWx3. Networks were trained on RGB mostly; the same bytes reach both sides, and the
numbers compared do not care.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

PAGE_LINES = (
    "Hello DepthAI 2021",
    "The quick brown fox",
    "jumps over the lazy dog",
    "Total: 1,234.56 EUR",
    "Invoice No. 80-4711",
    "www.example.org",
)
# Where a face and an eye are in the portrait (512x512), by hand: x, y, width, height.
FACE, EYE = (160, 50, 130, 170), (225, 95, 48, 48)


def page(width: int = 640, height: int = 480) -> np.ndarray:
    """A white page of :data:`PAGE_LINES`, drawn by OpenCV: HxWx3 bytes."""
    picture = np.full((height, width, 3), 255, np.uint8)
    for row, text in enumerate(PAGE_LINES):
        at = (round(width * 0.06), round(height * (0.15 + 0.14 * row)))
        cv2.putText(
            picture, text, at, cv2.FONT_HERSHEY_DUPLEX, width / 640, (20, 20, 20), 1, cv2.LINE_AA
        )
    return picture


def line(width: int = 320, height: int = 48) -> np.ndarray:
    """One line of text that fills its picture: HxWx3 bytes."""
    picture = np.full((48, 320, 3), 255, np.uint8)
    cv2.putText(
        picture, PAGE_LINES[0], (8, 34), cv2.FONT_HERSHEY_DUPLEX, 0.9, (20, 20, 20), 1, cv2.LINE_AA
    )
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def sound(count: int, rate: int = 16000) -> np.ndarray:
    """A hummed vowel, two formants over a gliding 120 Hz voice with breath: samples in -1..1."""
    t = np.arange(count) / rate
    phase = 2 * np.pi * np.cumsum(120 + 15 * np.sin(2 * np.pi * 3 * t)) / rate
    formants = {700.0: 130.0, 1220.0: 200.0}
    voice = sum(
        np.sin(k * phase) * sum(np.exp(-(((120 * k - f) / w) ** 2)) for f, w in formants.items())
        for k in range(1, 30)
    )
    breath = np.random.default_rng(5).standard_normal(count) * 0.02
    value = voice / np.abs(voice).max() * 0.5 * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * t)) + breath
    return value.astype(np.float32)


def crop(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The part of a picture in a box: x, y, width, height."""
    x, y, width, height = box
    return picture[y : y + height, x : x + width]


def picture(what: str, pictures: Path, media: Path | None) -> np.ndarray:
    """The picture that ``what`` names: HxWx3 bytes; a frame of ``media`` where persons are asked.

    Raises FileNotFoundError where the package of pictures has none of that name.
    """
    if what == "page":
        return page()
    if what == "line":
        return line()
    if media is not None and what == "person":
        return _frame(media)
    name = {"cat": "chelsea.png"}.get(what, "astronaut.png")
    whole = cv2.imread(str(pictures / "skimage" / "data" / name))
    if whole is None:
        raise FileNotFoundError(f"no {name} in {pictures}")
    boxes = {"face": FACE, "eye": EYE}
    return crop(whole, boxes[what]) if what in boxes else whole


def _frame(media: Path) -> np.ndarray:
    video = cv2.VideoCapture(str(media))
    good, frame = video.read()
    if not good:
        raise FileNotFoundError(f"{media} has no frame")
    return frame


def planar(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The picture as a blob takes it, stretched: 1xCxHxW bytes, grey where C is 1."""
    _, channels, height, width = shape
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    if channels == 1:
        return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)[None, None]
    return np.ascontiguousarray(small.transpose(2, 0, 1)[None])
