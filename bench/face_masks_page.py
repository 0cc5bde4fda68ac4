"""The page and the chart that ``face_masks.py`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from oakwright.apps import Tracking, color_of

if TYPE_CHECKING:
    from bench.face_masks import Row

HEAD = """\
# Face masks, with and without a tracker

Written by `bench/face_masks.py`, which says what it needs. The application is `TwoStage` with the
networks and the hand labels of [two-stage](two-stage.md): a face detector, a mask classifier on
each face, cut out on the (virtual) camera.

- *Flips*: boxes of the same face are linked from picture to picture by their overlap alone (0.3 or
  more, at most 5 pictures apart), for both runs alike. A flip is a label that differs from the one
  before; *could flip* counts the pairs.
- *Faces* are the linked ones; *numbers lost*: how often the tracker's number changed within one.
- *Looks*: how often the second network ran.
- *Labels right*: of the found faces in the 30 pictures that were labelled by hand.
"""


def as_page(rows: Sequence[Row], tracking: Tracking) -> str:
    """Markdown of what was measured."""
    lines = [
        HEAD,
        f"Tracker: `Tracking(every={tracking.every}, "
        f"memory={tracking.memory}, birth={tracking.birth})`, {tracking.kind}.\n",
        "| source | tracker | pictures | boxes | looks | flips | could flip | flips of 100 "
        "| labels right | masked | bare | faces | numbers lost |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        s = row.score
        masked, bare = s.by_mask.get(True, [0, 0]), s.by_mask.get(False, [0, 0])
        told = f"{s.right} of {s.labelled}" if s.labelled else "–"
        lines.append(
            f"| {row.source} | {'yes' if row.tracker else 'no'} | {row.pictures} | {row.boxes} "
            f"| {row.looks} | {row.flips} | {row.pairs} "
            f"| {100 * row.flips / max(row.pairs, 1):.1f} "
            f"| {told} | {masked[1]} of {masked[0]} | {bare[1]} of {bare[0]} "
            f"| {len(row.chains)} | {row.switches if row.tracker else '–'} |"
        )
    lines.append(_summary(rows))
    lines.append(
        "\n![who was told what, and when](face-masks.png)\n\n"
        "A line is a face that was linked in at least ten pictures, time runs to the right; green "
        "is *mask*,\norange *no mask*, grey nothing found. `bench-output/face-masks/` holds the "
        "annotated videos.\n"
    )
    return "\n".join(lines)


def _summary(rows: Sequence[Row]) -> str:
    plain, tracked = ([r for r in rows if r.tracker is how] for how in (False, True))

    def both(name: str) -> str:
        counts = [sum(getattr(r, name) for r in some) for some in (plain, tracked)]
        return f"{counts[1]} instead of {counts[0]}"

    right = [sum(r.score.right for r in some) for some in (plain, tracked)]
    labelled = sum(r.score.labelled for r in tracked)
    return (
        f"\nIn all: {both('flips')} flips, {both('looks')} looks of the second network; labels "
        f"right {right[1]} of {labelled}\ninstead of {right[0]}. A first look that is wrong stays "
        "for `every` pictures, which is what a steady label costs.\n"
        "face.mp4 has one face near the camera and no hand labels: flips and work can be "
        "counted there, not rights."
    )


def draw_chart(rows: Sequence[Row], least: int = 10, most: int = 12) -> np.ndarray:
    """Strips of labels over time, the longest faces of each run; BGR."""
    width, left, high = 960, 20, 12
    parts = []
    for row in rows:
        chains = sorted((c for c in row.chains if len(c.told) >= least), key=lambda c: -len(c.told))
        chains = chains[:most]
        part = np.full((44 + high * max(len(chains), 1), width, 3), 255, np.uint8)
        last = max((c.numbers[-1] for r in rows if r.source == row.source for c in r.chains),
                   default=1)  # fmt: skip
        step = (width - 2 * left) / (last + 1)
        for i, chain in enumerate(chains):
            top = 38 + high * i
            part[top : top + high - 3, left : width - left] = (238, 238, 238)
            for number, told in zip(chain.numbers, chain.told, strict=True):
                x = left + round(number * step)
                part[top : top + high - 3, x : max(x + 1, left + round((number + 1) * step))] = (
                    color_of(int(told))
                )
        told = f"{row.source}, {'with' if row.tracker else 'without'} tracker: {row.flips} flips"
        _title(part, told, left)
        parts.append(part)
    return np.vstack(parts)


def _title(part: np.ndarray, text: str, left: int) -> None:
    cv2.putText(
        part, text, (left, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (60, 60, 60), 1, cv2.LINE_AA
    )
