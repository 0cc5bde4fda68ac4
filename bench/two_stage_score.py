"""Boxes and labels against labels made by hand: matching, recall, precision, correctness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Box = Sequence[float]
# An overlap (intersection over union) from which on a box is a face's.
OVERLAP = 0.4


@dataclass(frozen=True)
class Found:
    """A box that a script drew (corners as shares of the picture), with its texts."""

    box: tuple[float, ...]
    texts: tuple[str, ...] = ()

    @property
    def mask(self) -> bool | None:
        """What the script says of it."""
        return {"Mask": True, "No Mask": False}.get(self.texts[0]) if self.texts else None

    @property
    def depth_m(self) -> float | None:
        """The distance the script prints."""
        for text in self.texts:
            if text.startswith("Z:"):
                return float(text.split()[1])
        return None


@dataclass
class Score:
    """Counts over frames. ``by_view``: of every kind of face, how many, and how many found."""

    faces: int = 0
    boxes: int = 0
    hits: int = 0
    labelled: int = 0
    right: int = 0
    by_view: dict[str, list[int]] = field(default_factory=dict)
    by_mask: dict[bool, list[int]] = field(default_factory=dict)

    @property
    def recall(self) -> float:
        """Share of faces that have a box."""
        return self.hits / self.faces if self.faces else 0.0

    @property
    def precision(self) -> float:
        """Share of boxes that are on a face."""
        return self.hits / self.boxes if self.boxes else 0.0

    @property
    def correctness(self) -> float:
        """Share of found faces whose label is right."""
        return self.right / self.labelled if self.labelled else 0.0


def read_found(line: Mapping[str, Any]) -> list[Found]:
    """The boxes of one picture from the probe's events: texts belong to the box before them."""
    found: list[tuple[tuple[float, ...], list[str]]] = []
    for event in line["events"]:
        if event[0] == "box":
            found.append((tuple(event[1]), []))
        elif event[0] == "text" and found and event[1] not in found[-1][1]:
            found[-1][1].append(event[1])
    return [Found(box, tuple(texts)) for box, texts in found]


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1)."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / either if either > 0 else 0.0


def match(
    boxes: Sequence[Box], faces: Sequence[Box], least: float = OVERLAP
) -> list[tuple[int, int]]:
    """Pairs (box, face), the best overlaps first, each of both once."""
    pairs = sorted(
        ((overlap(b, f), i, k) for i, b in enumerate(boxes) for k, f in enumerate(faces)),
        reverse=True,
    )
    used_boxes: set[int] = set()
    used_faces: set[int] = set()
    result = []
    for value, i, k in pairs:
        if value >= least and i not in used_boxes and k not in used_faces:
            used_boxes.add(i)
            used_faces.add(k)
            result.append((i, k))
    return result


def score(
    found: Mapping[int, Sequence[Found]],
    labels: Mapping[str, Sequence[Mapping[str, Any]]],
    only: Iterable[int] | None = None,
) -> Score:
    """Frames without a line in ``found`` count as frames without a box.

    Faces that look ``away`` are no faces to find, and a box on one is no mistake.
    """
    result = Score()
    numbers = [int(n) for n in labels] if only is None else list(only)
    for number in numbers:
        faces = [f for f in labels[str(number)] if f["view"] != "away"]
        away = [f["box"] for f in labels[str(number)] if f["view"] == "away"]
        boxes = list(found.get(number, ()))
        pairs = match([b.box for b in boxes], [f["box"] for f in faces])
        taken = {i for i, _ in pairs}
        boxes_left = [b.box for i, b in enumerate(boxes) if i not in taken]
        excused = len(match(boxes_left, away))
        hit_faces = {k for _, k in pairs}
        result.faces += len(faces)
        result.boxes += len(boxes) - excused
        result.hits += len(pairs)
        for k, face in enumerate(faces):
            counts = result.by_view.setdefault(face["view"], [0, 0])
            counts[0] += 1
            counts[1] += k in hit_faces
        for i, k in pairs:
            if (said := boxes[i].mask) is not None:
                right = said == faces[k]["mask"]
                counts = result.by_mask.setdefault(faces[k]["mask"], [0, 0])
                counts[0] += 1
                counts[1] += right
                result.labelled += 1
                result.right += right
    return result


def zoomed(
    labels: Mapping[str, Sequence[Mapping[str, Any]]], left: float, top: float, size: float
) -> dict[str, list[dict[str, Any]]]:
    """Labels as a part of the picture sees them; all in shares. Faces that it cuts are ``away``."""
    result: dict[str, list[dict[str, Any]]] = {}
    for number, faces in labels.items():
        result[number] = []
        for face in faces:
            box = [(v - (left, top)[i % 2]) / size for i, v in enumerate(face["box"])]
            if box[2] <= 0 or box[3] <= 0 or box[0] >= 1 or box[1] >= 1:
                continue
            is_cut = min(box) < -0.005 or max(box) > 1.005
            inside = [min(max(v, 0.0), 1.0) for v in box]
            view = "away" if is_cut else face["view"]
            result[number].append({**face, "box": inside, "view": view})
    return result


def total(scores: Iterable[Score]) -> Score:
    """Counts of several runs together."""
    result = Score()
    for one in scores:
        for name in ("faces", "boxes", "hits", "labelled", "right"):
            setattr(result, name, getattr(result, name) + getattr(one, name))
        for mine, theirs in ((result.by_view, one.by_view), (result.by_mask, one.by_mask)):
            for key, counts in theirs.items():
                kept = mine.setdefault(key, [0, 0])  # type: ignore[attr-defined]
                kept[0] += counts[0]
                kept[1] += counts[1]
    return result
