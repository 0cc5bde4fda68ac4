"""What a dataset consists of, in numbers and as plots."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from oakwright.errors import DatasetError, UsageError

from .sample import Dataset

# COCO's borders of small and medium things, in square pixels.
SMALL, MEDIUM = 32**2, 96**2


@dataclass(frozen=True, eq=False)
class Stats:
    """Numbers of a dataset.

    ``sizes`` int [pictures, 2] and ``boxes`` float [boxes, 2] are widths and heights in pixels;
    ``relative`` float [boxes, 2] are the boxes' in shares of their picture; ``labels`` int
    [boxes], ``per_picture`` int [pictures].
    """

    classes: tuple[str, ...]
    sizes: np.ndarray
    boxes: np.ndarray
    relative: np.ndarray
    labels: np.ndarray
    per_picture: np.ndarray

    def as_dict(self, side: int = 256) -> dict[str, Any]:
        """As JSON: counts, and what is left of the boxes at ``side`` x ``side`` pixels."""
        area = self.boxes.prod(1)
        shortest = self.relative.min(1, initial=1.0) * side
        ratio = self.boxes[:, 0] / np.maximum(self.boxes[:, 1], 1e-6)
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return {
            "pictures": len(self.sizes),
            "pictures_without_boxes": int((self.per_picture == 0).sum()),
            "boxes": len(self.boxes),
            "boxes_per_picture": _spread(self.per_picture),
            "classes": {name: int(n) for name, n in zip(self.classes, counts, strict=True)},
            "picture_width": _spread(self.sizes[:, 0]),
            "picture_height": _spread(self.sizes[:, 1]),
            "box_width": _spread(self.boxes[:, 0]),
            "box_height": _spread(self.boxes[:, 1]),
            "box_width_to_height": _spread(ratio),
            "small": int((area < SMALL).sum()),
            "medium": int(((area >= SMALL) & (area < MEDIUM)).sum()),
            "large": int((area >= MEDIUM).sum()),
            f"below_8_pixels_at_{side}": int((shortest < 8).sum()),
        }


def stats(dataset: Dataset) -> Stats:
    """Count a dataset; crowd boxes are left out. Raises DatasetError for an empty one."""
    if not dataset.samples:
        raise DatasetError("there are no pictures to count")
    sizes = np.array([(s.width, s.height) for s in dataset.samples])
    kept = [~s.crowd for s in dataset.samples]
    boxes = [
        s.boxes[k, 2:].astype(float) - s.boxes[k, :2]
        for s, k in zip(dataset.samples, kept, strict=True)
    ]
    return Stats(
        classes=dataset.classes,
        sizes=sizes,
        boxes=np.concatenate(boxes),
        relative=np.concatenate([b / size for b, size in zip(boxes, sizes, strict=True)]),
        labels=np.concatenate([s.labels[k] for s, k in zip(dataset.samples, kept, strict=True)]),
        per_picture=np.array([len(b) for b in boxes]),
    )


def _spread(values: np.ndarray) -> list[float]:
    """Least, median, greatest."""
    if not len(values):
        return []
    return [round(float(v), 3) for v in (values.min(), np.median(values), values.max())]


def plot_stats(numbers: Stats) -> bytes:
    """Sizes, aspect ratios, classes and boxes per picture as one PNG."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "plots need matplotlib, which is not installed",
            remedy="pip install 'oakwright[train]'",
        ) from error

    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    colors = [f"C{label % 10}" for label in numbers.labels]
    share = numbers.relative * 100
    axes[0].scatter(share[:, 0], share[:, 1], s=4, c=colors, alpha=0.5, linewidths=0)
    _label(axes[0], "Box sizes", "width, % of the picture", "height, % of the picture")
    ratio = np.log2(numbers.boxes[:, 0] / np.maximum(numbers.boxes[:, 1], 1e-6))
    axes[1].hist(ratio, bins=40)
    _label(axes[1], "Aspect ratios of boxes", "width to height", "boxes")
    ticks = axes[1].get_xticks()
    axes[1].set_xticks(ticks, [f"{2.0**tick:.3g}" for tick in ticks])
    axes[2].hist(np.sqrt(numbers.boxes.prod(1)), bins=40)
    for border in (SMALL**0.5, MEDIUM**0.5):
        axes[2].axvline(border, color="black", linestyle=":", linewidth=1)
    _label(axes[2], "Small, medium, large (COCO)", "square root of the area, pixels", "boxes")
    counts = np.bincount(numbers.labels, minlength=len(numbers.classes))
    most = np.argsort(-counts)[:25][::-1]
    names = [_plain(numbers.classes[i]) for i in most]
    axes[3].barh(names, counts[most], color=[f"C{i % 10}" for i in most])
    _label(axes[3], "Classes" + (" (25 of all)" if len(counts) > 25 else ""), "boxes", "")
    highest = int(numbers.per_picture.max())
    axes[4].hist(numbers.per_picture, bins=np.arange(min(highest, 200) + 2) - 0.5)
    _label(axes[4], "Boxes per picture", "boxes", "pictures")
    axes[5].scatter(numbers.sizes[:, 0], numbers.sizes[:, 1], s=8, alpha=0.5)
    _label(axes[5], "Picture sizes", "width, pixels", "height, pixels")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


def _plain(name: str) -> str:
    """A class's name, in which a $ must not begin mathematics."""
    return name[:24].replace("$", r"\$")


def _label(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
