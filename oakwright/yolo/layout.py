"""The words of this room: scales, rules and what a recognised detector looks like.

The rules themselves, which DepthAI 2's YoloDetectionNetwork, oakwright's virtual device and the
host follow, stand in `oakwright.decode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oakwright.decode import Rule

if TYPE_CHECKING:
    from openvino import Output


@dataclass(frozen=True)
class Family:
    """What people call a detector: its rule, the word DepthAI reads in output names, anchors.

    ``anchors``: width and height in pixels, as published with the family, three (or two times
    three) pairs a scale from the finest grid on; empty where there are none.
    """

    rule: Rule
    output: str
    anchors: tuple[float, ...] = ()


# Anchors are those of the families' own published configurations, trained on COCO.
_V5 = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
_V4 = (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401)
_TINY = (23, 27, 37, 58, 81, 82, 81, 82, 135, 169, 344, 319)

FAMILIES: dict[str, Family] = {
    "v3": Family(Rule.ANCHORS, "yolov3", _V5),
    "v3-tiny": Family(Rule.ANCHORS, "yolov3", _TINY),
    "v4": Family(Rule.ANCHORS, "yolov4", _V4),
    "v4-tiny": Family(Rule.ANCHORS, "yolov4", _TINY),
    "v5": Family(Rule.SQUARES, "yolov5", _V5),
    "v6r1": Family(Rule.EXPONENTS, "yolov6"),
    "v6": Family(Rule.DISTANCES, "yolov6r2"),
    "v7": Family(Rule.SQUARES, "yolov7", _V4),
    "v7-tiny": Family(Rule.SQUARES, "yolov7", _V5),
    "v8": Family(Rule.DISTANCES, "yolov6r2"),
    "v9": Family(Rule.DISTANCES, "yolov6r2"),
    "v10": Family(Rule.DISTANCES, "yolov6r2"),
    "v11": Family(Rule.DISTANCES, "yolov6r2"),
    "yolox": Family(Rule.EXPONENTS, "yolov6"),
}

# Boxes (in sides of the picture) and scores agree to this on random numbers, in F32.
TOLERANCE = 2e-4

# The family a recognised rule is called by where nobody says which it is.
COMMON_NAME = {
    Rule.ANCHORS: "v3",
    Rule.SQUARES: "v5",
    Rule.EXPONENTS: "v6r1",
    Rule.DISTANCES: "v8",
}


@dataclass(frozen=True)
class Scale:
    """One grid of cells and the raw tensors [1,C,rows,columns] that describe it.

    ``tensors`` are the network's last convolutions with their bias, before any logistic function:
    one (anchors), two (box, classes) or three (box, objectness, classes), in graph order until
    a detector is recognised, in that order afterwards.
    """

    rows: int
    columns: int
    tensors: tuple[Output, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """A name for each tensor, unique in its model."""
        return tuple(f"{t.get_node().get_name()}:{t.get_index()}" for t in self.tensors)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.rows * self.columns

    @property
    def channels(self) -> tuple[int, ...]:
        """Number of channels of each tensor."""
        return tuple(int(tensor.shape[1]) for tensor in self.tensors)


@dataclass(frozen=True)
class Detector:
    """A recognised detector. ``scales`` from the finest grid on.

    ``picture``: width and height in pixels. ``anchors``: (width, height) pairs by scale.
    ``stretch``: b of the rule ``anchors``. ``bins``: numbers a distance is given by, 1 for a plain
    one. ``difference``: largest difference of a box (in pixels) or score from the model's own
    decoding, None where the model has none to compare with.
    """

    rule: Rule
    scales: tuple[Scale, ...]
    classes: int
    picture: tuple[int, int]
    anchors: tuple[tuple[tuple[float, float], ...], ...] = ()
    stretch: float = 1.0
    bins: int = 1
    difference: float | None = None

    @property
    def flat_anchors(self) -> list[float]:
        """All anchors as DepthAI takes them: width, height, width, height, ..."""
        return [round(float(n), 4) for scale in self.anchors for pair in scale for n in pair]

    @property
    def masks(self) -> dict[str, list[int]]:
        """Which anchors a scale uses, by the name DepthAI gives a scale: its width in cells."""
        masks, first = {}, 0
        for scale, pairs in zip(self.scales, self.anchors, strict=True):
            masks[f"side{scale.columns}"] = list(range(first, first + len(pairs)))
            first += len(pairs)
        return masks
