"""What a dataset is, whatever format it was written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .findings import Finding


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture and its boxes.

    ``width`` and ``height`` are pixels of the upright picture (EXIF turned), as
    :func:`oakwright.dataset.read_image` gives it. ``boxes`` is float32 [n, 4], left, top, right,
    bottom in those pixels, inside the picture; ``labels`` int64 [n] counts in the dataset's
    ``classes``; ``crowd`` bool [n] marks regions that are neither wanted nor wrong to find
    (COCO's ``iscrowd``, VOC's ``difficult``). ``image_id`` is unique in its dataset.
    ``stated_areas`` float64 [n] are COCO's ``area``, by which its numbers for small, medium and
    large things go; where there are none :attr:`areas` are the boxes'.
    """

    path: Path
    image_id: int
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    crowd: np.ndarray
    stated_areas: np.ndarray | None = None

    @property
    def areas(self) -> np.ndarray:
        """float64 [n], square pixels."""
        if self.stated_areas is not None:
            return self.stated_areas
        sides = (self.boxes[:, 2:] - self.boxes[:, :2]).astype(np.float64)
        area: np.ndarray = sides[:, 0] * sides[:, 1]
        return area

    def __post_init__(self) -> None:
        n = len(self.boxes)
        assert self.boxes.shape == (n, 4), self.boxes.shape
        assert self.labels.shape == self.crowd.shape == (n,), (self.labels.shape, n)
        for array in (self.boxes, self.labels, self.crowd):
            array.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures with boxes of named classes.

    ``findings`` are what reading found odd but could live with (a box cut to the picture, an
    empty one left out), each with file and line; whoever reads a dataset shows them.
    ``is_declared``: the classes are a list of the files', not gathered from the boxes as VOC's.
    """

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...] = field(default=())
    is_declared: bool = True

    def __len__(self) -> int:
        return len(self.samples)
