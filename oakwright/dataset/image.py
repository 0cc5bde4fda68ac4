"""Pictures of any kind as upright 8-bit BGR, and their sizes without decoding them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.errors import DatasetError, UsageError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# A detector's picture is a few megapixels; a header that claims more asks for gigabytes.
MAX_PIXELS = 100_000_000
_ORIENTATION = 0x0112
# EXIF orientation -> (quarter turns to the left, then mirrored left to right).
_TURNS = {
    1: (0, False), 2: (0, True), 3: (2, False), 4: (2, True),
    5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False),
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """A picture's size in pixels as stored, and its EXIF orientation (1 to 8, 1 is upright)."""

    stored_width: int
    stored_height: int
    orientation: int

    @property
    def width(self) -> int:
        """Of the upright picture."""
        return self.stored_height if self.orientation >= 5 else self.stored_width

    @property
    def height(self) -> int:
        """Of the upright picture."""
        return self.stored_width if self.orientation >= 5 else self.stored_height


def read_header(path: Path) -> Header:
    """Size and orientation of a picture. Raises DatasetError with ``path``."""
    pillow = _pillow()
    try:
        with warnings.catch_warnings():
            # Its warning of large pictures; ours below is an error.
            warnings.simplefilter("ignore")
            with pillow.open(path) as picture:
                width, height = picture.size
                # Not the PNG plugin's own getexif, which decodes all to look behind the pixels.
                orientation = pillow.Image.getexif(picture).get(_ORIENTATION, 1)
                if picture.format == "TIFF" and orientation != 1:
                    # Pillow turns these itself when it loads them; OpenCV does not read them.
                    _check_size(path, width, height)
                    picture.load()
                    (width, height), orientation = picture.size, 1
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file") from error
    except DatasetError:
        raise
    # Pillow's plugins raise what they like on damaged headers (struct.error, IndexError, ...).
    except Exception as error:
        reason = str(error).partition("'")[0].strip() if "cannot identify" in str(error) else ""
        raise _unreadable(path, reason or str(error) or type(error).__name__) from error
    _check_size(path, width, height)
    return Header(width, height, orientation if orientation in _TURNS else 1)


def read_image(path: Path) -> np.ndarray:
    """A picture as uint8 [height, width, 3], BGR, turned upright by its EXIF orientation.

    Grey becomes three equal channels, transparency is dropped (the hidden colours show, as with
    OpenCV and Pillow), 16 bits become the upper 8. Raises DatasetError with ``path``.
    """
    header = read_header(path)
    cv2 = _opencv()
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise _unreadable(path, str(error.err or error)) from error
    if picture is None and path.suffix.lower() in (".tif", ".tiff"):
        picture = _turned_tiff(path)
    if picture is None:
        raise _unreadable(path, "it is damaged, or of a kind that OpenCV does not read")
    upright = turn_picture(picture, header.orientation)
    if upright.shape[:2] != (header.height, header.width):
        raise _unreadable(path, "its header and its content differ in size")
    return upright


def turn_picture(picture: np.ndarray, orientation: int) -> np.ndarray:
    """A picture [h, w, ...] as stored, turned upright."""
    turns, mirrored = _TURNS[orientation]
    turned = np.rot90(picture, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def turn_boxes(boxes: np.ndarray, header: Header) -> np.ndarray:
    """Boxes [n, 4] drawn on the picture as stored, moved along as it is turned upright."""
    turns, mirrored = _TURNS[header.orientation]
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).reshape(-1, 4).T
    width, height = header.stored_width, header.stored_height
    for _ in range(turns):
        x0, y0, x1, y1 = y0, width - x1, y1, width - x0
        width, height = height, width
    if mirrored:
        x0, x1 = width - x1, width - x0
    return np.stack([x0, y0, x1, y1], 1)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS or min(width, height) < 1:
        raise _unreadable(path, f"{width}x{height} pixels; at most {MAX_PIXELS:,} are read")


def _turned_tiff(path: Path) -> np.ndarray | None:
    """A TIFF with an orientation, by Pillow, which turns it; none if it has more than 8 bits."""
    try:
        with _pillow().open(path) as picture:
            if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
                return None
            return np.asarray(picture.convert("RGB"))[..., ::-1]
    except Exception as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"{path} cannot be read as a picture: {reason}",
        remedy="open it in a viewer; remove it and its boxes, or put a good copy there",
        path=str(path),
        reason=reason,
    )


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise _missing("Pillow") from error
    return Image


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise _missing("OpenCV") from error
    return cv2


def _missing(name: str) -> UsageError:
    return UsageError(
        f"datasets need {name}, which is not installed", remedy="pip install 'oakwright[train]'"
    )
