"""Drawing that fits the picture: lines and letters grow with it, labels stay inside it.

On OpenCV's own drawing, which every DepthAI host has. Pictures are H x W x 3, BGR bytes, and are
drawn on in place; boxes and points are shares of the picture, so that they fit any copy of it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright.decode import Classified

from .need import need

if TYPE_CHECKING:
    from .two_stage import Seen

Color = tuple[int, int, int]
# Okabe and Ito's colours, told apart by colour-blind people too; BGR.
PALETTE: tuple[Color, ...] = (
    (0, 159, 230),
    (115, 158, 0),
    (233, 180, 86),
    (167, 121, 204),
    (0, 94, 213),
    (178, 114, 0),
    (66, 228, 240),
)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
# The smallest letters that can be read, pixels of a capital.
_SMALLEST = 6


def color_of(number: int) -> Color:
    """A colour for a class or an id."""
    return PALETTE[number % len(PALETTE)]


class Canvas:
    """A picture that is drawn on; remembers its labels, so that they do not cover each other."""

    def __init__(self, picture: np.ndarray) -> None:
        self._cv2: Any = need("cv2")
        self.picture = picture
        self.height, self.width = picture.shape[:2]
        short = min(self.height, self.width)
        self.line = max(1, round(short / 300))
        self.letter = max(_SMALLEST, round(0.016 * short + 3))
        self._labels: list[tuple[int, int, int, int]] = []

    def box(self, box: Sequence[float], color: Color, label: str = "") -> None:
        """A rectangle (x0, y0, x1, y1) with its label above, below or inside it."""
        x0, y0, x1, y1 = self._pixels(box)
        self._cv2.rectangle(self.picture, (x0, y0), (x1, y1), color, self.line, self._cv2.LINE_AA)
        if label:
            self.label(label, box, color)

    def label(self, text: str, box: Sequence[float], color: Color) -> None:
        """A plate with text at a box, where it covers the fewest other plates."""
        text, scale, thick, size = self._fitted(text)
        if not text:
            return
        x0, y0, _, y1 = self._pixels(box)
        pad = max(2, self.letter // 3)
        wide, high = size[0] + 2 * pad, size[1] + 2 * pad
        left = min(max(x0 - self.line // 2, 0), self.width - wide)
        tops = [y0 - high, y1, y0, y1 - high]
        places = [(left, min(max(top, 0), self.height - high), wide, high) for top in tops]
        place = min(places, key=lambda spot: (self._covered(spot), places.index(spot)))
        self._labels.append(place)
        self._plate(place, color, 1.0)
        self._text(text, (place[0] + pad, place[1] + high - pad), scale, thick, _ink(color))

    def points(self, points: np.ndarray, color: Color) -> None:
        """Points [P,2] (x, y); those outside the picture are left out."""
        values = np.asarray(points, np.float64).reshape(-1, 2)
        for x, y in values[((values >= 0) & (values <= 1)).all(axis=1)]:
            place = round(x * (self.width - 1)), round(y * (self.height - 1))
            radius = max(1, self.line)
            self._cv2.circle(self.picture, place, radius, color, -1, self._cv2.LINE_AA)

    def mask(self, labels: np.ndarray, *, alpha: float = 0.45, background: int = 0) -> None:
        """A map of class numbers [h,w] over the picture, stretched to it, with its edges drawn."""
        size = (self.width, self.height)
        nearest = self._cv2.INTER_NEAREST
        table = self._cv2.resize(np.asarray(labels, np.uint8), size, interpolation=nearest)
        for number in np.unique(table):
            if number == background:
                continue
            where = (table == number).astype(np.uint8)
            color = np.array(color_of(int(number)), np.float32)
            inside = where.astype(bool)
            mixed = (1 - alpha) * self.picture[inside] + alpha * color
            self.picture[inside] = np.rint(mixed).astype(np.uint8)
            edges, _ = self._cv2.findContours(
                where, self._cv2.RETR_EXTERNAL, self._cv2.CHAIN_APPROX_NONE
            )
            self._cv2.drawContours(self.picture, edges, -1, color.tolist(), self.line)

    def note(self, text: str) -> None:
        """A line in a corner, for a rate or a count: the upper left one where it is free."""
        text, scale, thick, size = self._fitted(text)
        if not text:
            return
        pad = max(2, self.letter // 2)
        wide, high = min(size[0] + 2 * pad, self.width), min(size[1] + 2 * pad, self.height)
        right, down = self.width - wide, self.height - high
        corners = [(x, y, wide, high) for y in (0, down) for x in (0, right)]
        place = min(corners, key=lambda spot: (self._covered(spot), corners.index(spot)))
        self._labels.append(place)
        self._plate(place, BLACK, 0.55)
        self._text(text, (place[0] + pad, place[1] + high - pad), scale, thick, WHITE)

    def _pixels(self, box: Sequence[float]) -> tuple[int, int, int, int]:
        """Corners inside the picture, so that a box at the border shows all its sides."""
        sides = np.array([self.width - 1, self.height - 1] * 2)
        values = np.nan_to_num(np.asarray(box, np.float64), nan=0.0, posinf=1.0, neginf=0.0)
        x0, y0, x1, y1 = np.rint(np.clip(values, 0, 1) * sides).astype(int).tolist()
        return x0, y0, x1, y1

    def _fitted(self, text: str) -> tuple[str, float, int, tuple[int, int]]:
        """Text that the picture has room for, its scale, thickness and size in pixels."""
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        font, letter = self._cv2.FONT_HERSHEY_SIMPLEX, self.letter
        thick = max(1, round(letter / 9))
        scale = self._cv2.getFontScaleFromHeight(font, letter, thick)
        pad = max(2, letter // 2)
        if letter + 2 * pad > self.height:
            return "", scale, thick, (0, 0)
        whole = text
        while text:
            shown = text if text == whole else text.rstrip() + ".."
            (wide, _), _ = self._cv2.getTextSize(shown, font, scale, thick)
            if wide + 2 * pad <= self.width:
                return shown, scale, thick, (wide, letter)
            text = text[:-1]
        return "", scale, thick, (0, 0)

    def _covered(self, place: tuple[int, int, int, int]) -> int:
        """Pixels of earlier plates that this one would cover."""
        x, y, wide, high = place
        total = 0
        for a, b, w, h in self._labels:
            across = min(x + wide, a + w) - max(x, a)
            down = min(y + high, b + h) - max(y, b)
            total += max(across, 0) * max(down, 0)
        return total

    def _plate(self, place: tuple[int, int, int, int], color: Color, alpha: float) -> None:
        x, y, wide, high = place
        part = self.picture[max(y, 0) : y + high, max(x, 0) : x + wide]
        part[:] = np.rint((1 - alpha) * part + alpha * np.array(color, np.float32))

    def _text(
        self, text: str, place: tuple[int, int], scale: float, thick: int, color: Color
    ) -> None:
        font, smooth = self._cv2.FONT_HERSHEY_SIMPLEX, self._cv2.LINE_AA
        self._cv2.putText(self.picture, text, place, font, scale, color, thick, smooth)


def draw_things(picture: np.ndarray, seen: Seen) -> Canvas:
    """A box for each thing with its answer, number and distance; what ``TwoStage`` draws."""
    canvas = Canvas(picture)
    for thing in seen.things:
        words = [f"#{thing.id}"] if thing.id is not None else []
        number = thing.label
        if isinstance(thing.answer, Classified):
            words.append(str(thing.answer))
            number = thing.answer.label
        elif thing.answer is None or isinstance(thing.answer, dict):
            words.append(thing.name)
        else:
            words.append(str(thing.answer))
        if thing.place is not None:
            words.append(f"{thing.place[2]:.2f} m")
        canvas.box(thing.box, color_of(number), " ".join(words))
    return canvas


def draw_boxes(
    picture: np.ndarray,
    found: Iterable[Any],
    labels: Sequence[str] = (),
) -> Canvas:
    """Boxes of an ``ImgDetections``' list (or a spatial one's), with name and confidence."""
    canvas = Canvas(picture)
    for one in found:
        name = labels[one.label] if 0 <= one.label < len(labels) else str(one.label)
        place = getattr(one, "spatialCoordinates", None)
        away = f" {place.z / 1000:.2f} m" if place is not None and place.z > 0 else ""
        box = one.xmin, one.ymin, one.xmax, one.ymax
        canvas.box(box, color_of(one.label), f"{name} {one.confidence:.0%}{away}")
    return canvas


def _ink(color: Color) -> Color:
    """Black or white, whichever reads better on it."""
    blue, green, red = color
    return BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 120 else WHITE
