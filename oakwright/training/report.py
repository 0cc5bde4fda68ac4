"""An evaluation to look at: pictures with boxes, the worst first, curves and confusions."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from oakwright.dataset import (
    Dataset,
    Sample,
    draw_boxes,
    picture_names,
    read_image,
    write_picture,
)
from oakwright.errors import UsageError
from oakwright.files import PathLike, write_all_aside

from .evaluation import Evaluated
from .metrics import Detections

CURVES = 20


def save_report(
    result: Evaluated, folder: PathLike, tell: Callable[[int], None] = lambda _: None
) -> list[Path]:
    """Write every picture with its boxes, ``index.html``, and two plots.

    Pictures keep their names; what was found has whole boxes with scores, what is there corners.
    ``index.html`` lists them, the worst first. Raises OutputError, DatasetError.
    """
    place = Path(folder)
    names = {
        path: str(Path(name).with_suffix(".jpg"))
        for path, name in picture_names(result.dataset).items()
    }
    plots: dict[PathLike, bytes | str] = {
        place / "precision_recall.png": draw_curves(result),
        place / "confusion.png": draw_confusion(result),
    }
    for count, sample in enumerate(result.dataset.samples, 1):
        found = result.found.get(sample.image_id, Detections.none())
        picture = draw_result(result.dataset, sample, found, result.mistakes.threshold)
        write_picture(place / names[sample.path], picture)
        tell(count)
    page = write_all_aside({**plots, place / "index.html": _page(result, names)})
    return [*page, *(place / name for name in names.values())]


def draw_result(
    dataset: Dataset, sample: Sample, found: Detections, threshold: float
) -> np.ndarray:
    """The sample's picture, BGR: its own boxes as corners, detections of ``threshold`` whole."""
    picture = draw_boxes(
        read_image(sample.path), sample.boxes, sample.labels, [""] * len(sample.boxes), dashed=True
    )
    sure = found.scores >= threshold
    texts = [
        f"{dataset.classes[label]} {score:.2f}"
        for label, score in zip(found.labels[sure], found.scores[sure], strict=True)
    ]
    return draw_boxes(picture, found.boxes[sure], found.labels[sure], texts)


def draw_curves(result: Evaluated) -> bytes:
    """Precision over recall at IoU .5, a line for each class (the first 20): a PNG."""
    figure, axes = _figure(7, 6)
    recall = np.linspace(0, 1, result.metrics.precision.shape[1])
    shown = [i for i, c in enumerate(result.metrics.classes) if c.boxes][:CURVES]
    for i in shown:
        score = result.metrics.classes[i]
        text = f"{_plain(score.name)}  AP50 {score.ap50:.3f}  ({score.boxes})"
        axes.plot(recall, result.metrics.precision[0, :, i], label=text)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.set_title(f"Precision and recall at IoU 0.5; AP {result.metrics.ap:.3f}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    return _png(figure)


def draw_confusion(result: Evaluated) -> bytes:
    """What is there (rows) and what was said (columns), in shares of the rows: a PNG."""
    table = result.mistakes.confusion
    names = [*(_plain(name) for name in result.dataset.classes), "(nothing)"]
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    side = min(4 + 0.45 * len(names), 24)
    figure, axes = _figure(side + 1, side)
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel="said", ylabel="there")
    axes.set_title(f"At IoU 0.5, scores from {result.mistakes.threshold:.2f}", fontsize=10)
    if len(names) <= 40:
        for (row, column), count in np.ndenumerate(table):
            if count:
                color = "white" if shares[row, column] > 0.6 else "black"
                axes.text(column, row, count, ha="center", va="center", color=color, fontsize=8)
    return _png(figure)


def _page(result: Evaluated, names: dict[Path, str]) -> str:
    """The pictures, the worst first; no script, nothing from elsewhere."""
    by_id = {sample.image_id: sample for sample in result.dataset.samples}
    rows = []
    for score in result.mistakes.pictures:
        name = names[by_id[score.image_id].path]
        rows.append(
            f"<tr><td>{score.f1:.2f}<td>{score.right}<td>{score.wrong}<td>{score.missed}<td>"
            f'<a href="{quote(name)}"><img loading="lazy" src="{quote(name)}" alt="">'
            f"<br>{html.escape(name)}</a>"
        )
    stats = "".join(
        f"<tr><td>{html.escape(row['display_name'])}<td>{row['value']}<td>{row['unit']}"
        for row in result.rows()
    )
    title = f"{result.detector.path.name} on {len(result.dataset)} pictures"
    return (
        '<!doctype html><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>"
        "<style>body{font:15px sans-serif;margin:2em}td,th{padding:2px 12px;text-align:left;"
        "vertical-align:top}img{max-width:420px;max-height:320px}</style>"
        f"<h1>{html.escape(title)}</h1><table>{stats}</table>"
        '<p><img src="precision_recall.png" alt=""> <img src="confusion.png" alt="">'
        f"<h2>Pictures, the worst first</h2><p>Scores from {result.mistakes.threshold:.2f}."
        " Whole boxes were found, corners are there."
        "<table><tr><th>F1<th>right<th>wrong<th>missed<th>picture"
        f"{''.join(rows)}</table>\n"
    )


def _figure(width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "plots need matplotlib, which is not installed",
            remedy="pip install 'oakwright[train]'",
        ) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


def _plain(name: str) -> str:
    """A class's name for matplotlib, in which a $ must not begin mathematics."""
    return name[:30].replace("$", r"\$")
