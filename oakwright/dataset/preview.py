"""Pictures with the boxes they are said to have, to look at before an hour of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oakwright.errors import DatasetError, UsageError
from oakwright.files import PathLike, write_aside

from .draw import draw_boxes, grid
from .image import read_image
from .sample import Dataset, Sample

CELL = 480


def draw_sample(dataset: Dataset, sample: Sample) -> np.ndarray:
    """A sample's picture, BGR, with its boxes; crowd boxes have corners only."""
    picture = read_image(sample.path)
    for crowd in (False, True):
        chosen = sample.crowd == crowd
        labels = sample.labels[chosen]
        names = [dataset.classes[label] for label in labels]
        texts = [f"{name} (crowd)" for name in names] if crowd else names
        picture = draw_boxes(picture, sample.boxes[chosen], labels, texts, dashed=crowd)
    return picture


def preview(dataset: Dataset, path: PathLike, *, count: int = 9, seed: int = 0) -> Path:
    """Write one picture (.png or .jpg) with ``count`` samples, drawn by lot.

    Every class is there if the number allows it. Raises UsageError for another kind of file,
    DatasetError, OutputError.
    """
    require_ending(path, (".png", ".jpg", ".jpeg"))
    if not dataset.samples:
        raise DatasetError("there are no pictures to show")
    chosen = _choose(dataset, count, seed)
    columns = int(np.ceil(np.sqrt(len(chosen))))
    drawn = [_small(draw_sample(dataset, dataset.samples[i])) for i in chosen]
    return write_picture(path, grid(drawn, columns, CELL))


def require_ending(path: PathLike, known: Sequence[str]) -> None:
    """Raise UsageError for a file that would hold something else than its name says."""
    if Path(path).suffix.lower() not in known:
        raise UsageError(
            f"{path}: its name must end in {', '.join(known[:-1])} or {known[-1]}"
            if len(known) > 1
            else f"{path}: its name must end in {known[0]}",
            key="out",
        )


def write_picture(path: PathLike, picture: np.ndarray) -> Path:
    """Write a BGR picture by its name's ending, .png where that says nothing. OutputError."""
    import cv2

    ending = Path(path).suffix.lower()
    ok, data = cv2.imencode(ending if ending in (".jpg", ".jpeg", ".webp") else ".png", picture)
    assert ok
    return write_aside(path, bytes(data))


def _small(picture: np.ndarray) -> np.ndarray:
    """At a cell's size already here, so that a hundred large pictures fit into memory."""
    return grid([picture], 1, CELL)


def _choose(dataset: Dataset, count: int, seed: int) -> list[int]:
    """By lot, one for each class first, the rest from all."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(dataset)).tolist()
    chosen: list[int] = []
    for label in range(len(dataset.classes)):
        with_it = (i for i in order if (dataset.samples[i].labels == label).any())
        first = next(with_it, None)
        if first is not None and first not in chosen:
            chosen.append(first)
    chosen += [i for i in order if i not in set(chosen)]
    return chosen[: max(1, count)]
