"""Boxes drawn on pictures, each class in its colour."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np


def color_of(label: int) -> tuple[int, int, int]:
    """BGR of a class; neighbours differ most (the golden angle round the circle of hues)."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.75, 0.95)
    return round(blue * 255), round(green * 255), round(red * 255)


def draw_boxes(
    picture: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    texts: Sequence[str],
    *,
    dashed: bool = False,
) -> np.ndarray:
    """A copy of a BGR picture [h, w, 3] with boxes [n, 4] (left, top, right, bottom, pixels).

    ``texts`` stand above the boxes; ``dashed`` draws corners only, for boxes of another kind.
    """
    import cv2

    drawn = np.ascontiguousarray(picture).copy()
    height, width = drawn.shape[:2]
    size = max(width, height)
    thick, scale = max(1, round(size / 400)), max(0.4, size / 1600)
    stroke = max(1, round(2 * scale))
    for box, label, text in zip(boxes, labels, texts, strict=True):
        x0, y0 = (int(max(0, min(v, 1 << 20))) for v in box[:2])
        x1, y1 = (int(max(0, min(v, 1 << 20))) for v in box[2:])
        color = color_of(int(label))
        if dashed:
            _corners(drawn, (x0, y0, x1, y1), color, thick)
        else:
            cv2.rectangle(drawn, (x0, y0), (x1, y1), color, thick)
        if not text:
            continue
        place = (min(x0 + thick, width - 1), max(y0 - 2 * thick, round(28 * scale)))
        # OpenCV's fonts have ASCII only; others become question marks.
        plain = text.encode("ascii", "replace").decode()
        for ink, pixels in (((0, 0, 0), 3 * stroke), ((255, 255, 255), stroke)):
            cv2.putText(
                drawn, plain, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, pixels, cv2.LINE_AA
            )
    return drawn


def _corners(
    drawn: np.ndarray, box: tuple[int, int, int, int], color: tuple[int, int, int], thick: int
) -> None:
    import cv2

    x0, y0, x1, y1 = box
    dx, dy = max(2, (x1 - x0) // 5), max(2, (y1 - y0) // 5)
    for x, step in ((x0, dx), (x1, -dx)):
        for y, rise in ((y0, dy), (y1, -dy)):
            cv2.line(drawn, (x, y), (x + step, y), color, thick)
            cv2.line(drawn, (x, y), (x, y + rise), color, thick)


def grid(pictures: Sequence[np.ndarray], columns: int, cell: int) -> np.ndarray:
    """Pictures side by side on grey, each scaled into a square of ``cell`` pixels."""
    import cv2

    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * cell, columns * cell, 3), 48, np.uint8)
    for index, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        scale = (cell - 4) / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, size, interpolation=how)
        top = index // columns * cell + (cell - small.shape[0]) // 2
        left = index % columns * cell + (cell - small.shape[1]) // 2
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
    return sheet
