"""The page of the packaged sample networks, written from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oakwright.files import write_aside

_TEXT = """\
# The sample networks

Written by `python bench/sample_networks.py`. Two trained networks come with the package, so that a
complete two-stage application runs with nothing to download: `make demo`, and
[examples/rooms](../../examples/rooms/room.py). They were trained on pictures of made-up rooms and
know nothing else. `python bench/sample_networks.py --train` makes them anew: it paints
{train_pictures:,} pictures of such rooms, trains the detector with oakwright's own training, from
nothing, and the second network with a small PyTorch script. Nothing is downloaded for it; weights
and pictures are under the package's licence.

![A furnished room, and what the two networks say of it](../pictures/two-stages.jpg)

| | detector | recogniser |
|---|---|---|
| finds, or tells | {labels} | {colors}; {marks} |
| input | 256x160, bytes, BGR | 64x64, bytes, BGR |
| is | MobileNetV2's first 14 blocks at half width, one SSD head | five convolutions, two answers |
| parameters | {detector_parameters:,} | {recognizer_parameters:,} |
| GFLOPs | {gflops:.3f} | |
| files (IR, FP16) | {detector_kb:,} KB | {recognizer_kb:,} KB |
| trained in | {detector_minutes} CPU-minutes | {recognizer_minutes} CPU-minutes |

## Held-out rooms

{pictures} pictures of rooms that were not trained on, each by another lamp; the packaged files
run by OpenVINO's CPU plugin in float32. One seed.

| class | boxes | AP | AP50 |
|---|---|---|---|
{class_rows}
| all | {boxes} | {ap:.3f} | {ap50:.3f} |

The second network on {crops:,} things of those pictures, cut out by their true boxes: the colour is
right for {color_right:.1%}, what is drawn on it for {mark_right:.1%}.

| colour | things | right | | mark | things | right |
|---|---|---|---|---|---|---|
{look_rows}
{application}"""
_APPLICATION = """
## Both, as an application

The application of the demo on the virtual OAK, {frames} pictures of each of the rooms {rooms}
(`furnished:1` and so on; the demo's is another), compared with their truth as `make demo` does it:
{found:.1%} of {things:,} things were found, {named:.1%} of those named rightly, and {wrong} boxes
had nothing in them.
"""


def write_page(scores: dict[str, Any], path: Path) -> None:
    """The page at ``path``."""
    found, told = scores["detector"], scores["recognizer"]
    facts = scores["facts"]
    minutes = {part: f"{s / 60:.1f}" for part, s in facts["cpu_seconds"].items()}
    class_rows = [
        f"| {name} | {n} | {ap:.3f} | {ap50:.3f} |" for name, n, ap, ap50 in found["classes"]
    ]
    text = _TEXT.format(
        train_pictures=facts["pictures"],
        labels=", ".join(facts["labels"][1:]),
        colors=", ".join(facts["colors"]),
        marks=", ".join(facts["marks"]),
        detector_parameters=found["parameters"],
        recognizer_parameters=told["parameters"],
        gflops=found["flops"] / 1e9,
        detector_kb=scores["detector_bytes"] // 1000,
        recognizer_kb=scores["recognizer_bytes"] // 1000,
        detector_minutes=minutes["detector"],
        recognizer_minutes=minutes["recognizer"],
        pictures=found["pictures"],
        class_rows="\n".join(class_rows),
        boxes=sum(row[1] for row in found["classes"]),
        ap=found["stats"]["AP"],
        ap50=found["stats"]["AP50"],
        crops=told["crops"],
        color_right=told["color"]["right"],
        mark_right=told["mark"]["right"],
        look_rows="\n".join(_looks(told["color"]["classes"], told["mark"]["classes"])),
        application=_APPLICATION.format(**scores["application"]) if "application" in scores else "",
    )
    write_aside(path, text)


def _looks(colors: list[Any], marks: list[Any]) -> list[str]:
    """Two tables side by side."""
    rows = []
    for k in range(max(len(colors), len(marks))):
        cells = [
            f"{rows_[k][0]} | {rows_[k][1]} | {rows_[k][2]:.1%}" if k < len(rows_) else " | | "
            for rows_ in (colors, marks)
        ]
        rows.append(f"| {cells[0]} | | {cells[1]} |")
    return rows
