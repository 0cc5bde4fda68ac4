"""The page that a quickstart ends with: numbers, curves, pictures, what to do next."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from oakwright.dataset import picture_names

from .evaluation import Evaluated

# Of the pictures that are on the page; pictures/index.html has all.
SHOWN = 12
# Below this AP a detector is none to go on with.
POOR = 0.1
_FILES = (
    ("app/main.py", "a DepthAI script that runs the detector; app/README.md says how"),
    ("export/model.blob", "the network as the camera runs it"),
    ("export/model.xml", "the same for OpenVINO on other machines, FP32"),
    ("checkpoints/best.pth", "the detector with the best AP on the validation part"),
    ("checkpoints/latest.pth", "the detector at the end of the training"),
    ("pictures/index.html", "every validation picture, the worst first"),
    ("metrics.yaml", "COCO's numbers of the checkpoint"),
)
_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2em auto;max-width:68em;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2em .9em .2em 0;text-align:left}"
    "td.n,th.n{text-align:right}code,pre{background:#f2f2f2;padding:.1em .3em}"
    "pre{white-space:pre-wrap;padding:.6em}img{max-width:100%}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(16em,1fr));gap:.8em}"
    ".grid img{width:100%}"
)


@dataclass(frozen=True, eq=False)
class Shown:
    """What is on the page; ``seconds`` by step, ``next_steps``: (what, command)."""

    data: str
    torch: Evaluated
    camera: Evaluated
    seconds: Mapping[str, float]
    next_steps: Sequence[tuple[str, str]]


def rows(torch: Evaluated, camera: Evaluated) -> list[tuple[str, ...]]:
    """A table's head, and below it name, AP, AP50, right, wrong, missed of both."""
    table: list[tuple[str, ...]] = [("", "AP", "AP50", "right", "wrong", "missed")]
    for name, result in (("PyTorch, best.pth", torch), ("virtual OAK, app/main.py", camera)):
        stats, pictures = result.metrics.stats, result.mistakes.pictures
        counts = (sum(getattr(p, key) for p in pictures) for key in ("right", "wrong", "missed"))
        table.append((name, _share(stats["AP"]), _share(stats["AP50"]), *map(str, counts)))
    return table


def summary(folder: Path, shown: Shown) -> list[str]:
    """The same in lines of text."""
    table = rows(shown.torch, shown.camera)
    pictures, least = len(shown.camera.dataset), shown.camera.mistakes.threshold
    lines = ["", f"{pictures} validation pictures, scores from {least:.2f} on"]
    lines += [f"{row[0]:<26}" + "".join(f"{cell:>8}" for cell in row[1:]) for row in table]
    took = ", ".join(f"{name} {value:.0f} s" for name, value in shown.seconds.items())
    lines += [f"it took {sum(shown.seconds.values()):.0f} s: {took}", ""]
    if shown.camera.metrics.ap < POOR:
        lines += ["it finds little yet: give it more time, or more pictures", ""]
    lines += [f"look at {folder / 'index.html'}; then"]
    lines += [f"  {what}:\n    {command}" for what, command in shown.next_steps]
    return lines


def facts(folder: Path, shown: Shown) -> dict[str, Any]:
    """The same as data."""
    results = {"torch": shown.torch, "virtual_oak": shown.camera}
    return {
        "folder": str(folder),
        "pictures": len(shown.camera.dataset),
        "threshold": shown.camera.mistakes.threshold,
        "metrics": {name: result.rows() for name, result in results.items()},
        "seconds": {name: round(value, 2) for name, value in shown.seconds.items()},
        "next": [{"what": what, "command": command} for what, command in shown.next_steps],
    }


def page(shown: Shown) -> str:
    """The HTML; no script, nothing from elsewhere."""
    camera = shown.camera
    classes = ", ".join(camera.dataset.classes)
    title = f"A detector of {classes}"
    return "\n".join(
        [
            '<!doctype html><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style>",
            f"<h1>{html.escape(title)}</h1>",
            f"<p>From {html.escape(shown.data)}, measured on the {len(camera.dataset)} pictures"
            " of the validation part, which the training has not learnt from but has chosen its"
            " best checkpoint by.",
            _table(rows(shown.torch, camera)),
            "<p>AP is COCO's, over IoU .50 to .95; AP50 is what finding a thing means to most"
            " people. Right, wrong and missed count what has a score of at least"
            f" {camera.mistakes.threshold:.2f}, as the script is set to show.",
            _table([("class", "boxes", "AP", "AP50"), *_classes(camera)]),
            '<p><img src="checkpoints/curves.png" alt="loss and AP over the epochs">',
            '<p><img src="pictures/precision_recall.png" alt="precision over recall">',
            "<h2>What the virtual OAK found</h2>",
            "<p>Whole boxes were found, corners are there. These are spread over all, from the"
            ' worst to the best; <a href="pictures/index.html">every one</a>.',
            f'<div class="grid">{_pictures(camera)}</div>',
            "<h2>What is here</h2>",
            "<table>",
            *(f'<tr><td><a href="{name}">{name}</a><td>{what}' for name, what in _FILES),
            "</table>",
            "<h2>What to do next</h2>",
            *(f"<p>{html.escape(w)}<pre>{html.escape(c)}</pre>" for w, c in shown.next_steps),
            "<h2>How long it took</h2>",
            _table([(name, f"{value:.0f} s") for name, value in shown.seconds.items()]),
            "",
        ]
    )


def _classes(result: Evaluated) -> list[tuple[str, ...]]:
    return [
        (each.name, str(each.boxes), _share(each.ap), _share(each.ap50))
        for each in result.metrics.classes
    ]


def _pictures(result: Evaluated) -> str:
    """Some of the report's pictures, evenly from the worst to the best."""
    names = picture_names(result.dataset)
    by_id = {sample.image_id: sample.path for sample in result.dataset.samples}
    order = [by_id[score.image_id] for score in result.mistakes.pictures]
    count = min(SHOWN, len(order))
    chosen = [order[round(i * (len(order) - 1) / max(count - 1, 1))] for i in range(count)]
    places = [f"pictures/{quote(str(Path(names[path]).with_suffix('.jpg')))}" for path in chosen]
    return "".join(f'<a href="{p}"><img loading="lazy" src="{p}" alt=""></a>' for p in places)


def _table(table: Sequence[Sequence[str]]) -> str:
    lines = []
    for row in table:
        first, *rest = (html.escape(cell) for cell in row)
        lines.append(f"<tr><td>{first}" + "".join(f'<td class="n">{cell}' for cell in rest))
    return f"<table>{''.join(lines)}</table>"


def _share(value: float) -> str:
    return f"{value:.3f}" if value >= 0 else "-"
