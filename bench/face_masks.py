"""The face-mask application on TwoStage, with and without a tracker: labels, flips, work.

    python bench/face_masks.py [--report docs/reference] [--only masks]

``--only`` measures one source and takes the others from the last time.
Needs the corpus (OAKWRIGHT_SHARED). Networks and hand labels are those of ``bench/two_stage.py``.
Annotated videos go to ``bench-output/face-masks/``, the figures and a chart of who was told what
and when to ``REPORT/face-masks.md`` and ``.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.face_masks_page import as_page, draw_chart
from bench.two_stage import HALVES, Kept, zoom_source
from bench.two_stage_networks import mask_classifier, write_blob
from bench.two_stage_run import FACE, read_squares
from bench.two_stage_score import Found, Score, overlap, score, total, zoomed
from oakwright import VirtualOak
from oakwright.apps import Recognizer, Seen, Tracking, TwoStage
from oakwright.decode import Classifier
from oakwright.files import write_aside

SHARED = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data"
LABELS = ROOT / "tests" / "corpus" / "masks_labels.json"
OUTPUT = ROOT / "bench-output" / "face-masks"
NAMES = ("no mask", "mask")
# Boxes of the same face in pictures at most so far apart overlap by this.
SAME, GAP = 0.3, 5
TRACKING = Tracking()
SOURCES = ("masks", "halves", "face")


@dataclass
class Chain:
    """One face through the pictures, put together by overlaps alone, whoever tracked it."""

    numbers: list[int] = field(default_factory=list)
    boxes: list[tuple[float, ...]] = field(default_factory=list)
    told: list[bool] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def flips(self) -> int:
        """How often the label differs from the picture before."""
        return sum(a != b for a, b in zip(self.told, self.told[1:], strict=False))

    @property
    def switches(self) -> int:
        """How often the tracker's number differs from the picture before."""
        return sum(a != b for a, b in zip(self.ids, self.ids[1:], strict=False))


@dataclass
class Row:
    """One run."""

    source: str
    tracker: bool
    pictures: int = 0
    boxes: int = 0
    looks: int = 0
    chains: list[Chain] = field(default_factory=list)
    score: Score = field(default_factory=Score)

    @property
    def flips(self) -> int:
        """Flips of all chains."""
        return sum(chain.flips for chain in self.chains)

    @property
    def switches(self) -> int:
        """Switches of all chains."""
        return sum(chain.switches for chain in self.chains)

    @property
    def pairs(self) -> int:
        """Boxes that have one of the same face before them: as often a label could flip."""
        return sum(len(chain.told) - 1 for chain in self.chains)


def chains_of(seen: dict[int, list[Found]]) -> list[Chain]:
    """Boxes linked from picture to picture, the best overlap first; both runs are judged so."""
    chains: list[Chain] = []
    for number in sorted(seen):
        boxes = seen[number]
        open_ones = [c for c in chains if number - c.numbers[-1] <= GAP]
        pairs = sorted(
            ((overlap(c.boxes[-1], b.box), i, k) for i, c in enumerate(open_ones)
             for k, b in enumerate(boxes)),
            reverse=True,
        )  # fmt: skip
        used: set[int] = set()
        taken: dict[int, Chain] = {}
        for value, i, k in pairs:
            if value >= SAME and i not in used and k not in taken:
                used.add(i)
                taken[k] = open_ones[i]
        for k, box in enumerate(boxes):
            chain = taken.get(k)
            if chain is None:
                chain = Chain()
                chains.append(chain)
            chain.numbers.append(number)
            chain.boxes.append(box.box)
            chain.told.append(bool(box.mask))
            chain.ids.append(box.texts[1])
    return chains


def run(
    source: str,
    classifier: Path,
    tracking: Tracking | None,
    video: Path | None,
    *,
    most: int | None = None,
) -> tuple[dict[int, list[Found]], dict]:
    """Boxes by picture, and the report, of the whole source or its first ``most`` pictures."""
    app = TwoStage(
        SHARED / "blobs" / f"{FACE}.blob",
        Recognizer(classifier, color="RGB"),
        decode=Classifier(NAMES),
        tracker=tracking,
    )
    found: dict[int, list[Found]] = {}
    writer = Video(video)
    with VirtualOak(source=source, board="OAK-1", deterministic=True, loops=False) as oak:
        for seen in app.watch():
            found[seen.number] = [
                Found(thing.box, ("Mask" if thing.answer.label else "No Mask", f"#{thing.id}"))
                for thing in seen.things
            ]
            app.draw(seen.picture, seen)
            writer.add(seen)
            if len(found) == most:
                break
    writer.close()
    return found, oak.report()


class Video:
    """The annotated pictures, at half size; nothing where there is no path."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.writer = path, None

    def add(self, seen: Seen) -> None:
        if self.path is None:
            return
        small = cv2.resize(seen.picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        if self.writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            code = cv2.VideoWriter_fourcc(*"mp4v")
            self.writer = cv2.VideoWriter(str(self.path), code, 30, small.shape[1::-1])
        self.writer.write(small)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.release()


def measure(
    name: str, sources: Sequence[tuple[str, dict]], classifier: Path, tracking: Tracking | None
) -> Row:
    """All parts of one source together."""
    row = Row(name, tracking is not None)
    scores = []
    for i, (source, labels) in enumerate(sources):
        word = "tracked" if tracking else "plain"
        video = OUTPUT / f"{name.split()[0].split('.')[0]}-{i}-{word}.mp4"
        found, report = run(source, classifier, tracking, video)
        row.pictures += len(found)
        row.boxes += sum(map(len, found.values()))
        row.looks += report["streams"]["answer"]["taken"]
        row.chains += chains_of(found)
        scores.append(score(found, labels))
    row.score = total(scores)
    print(name, word, row.pictures, row.boxes, row.looks, row.flips, row.pairs, row.score)
    return row


def sources_of(key: str, labels: dict, place: Path) -> tuple[str, list[tuple[str, dict]]]:
    """What the table calls it, and each video with its labels."""
    masks = SHARED / "media" / "masks.mp4"
    if key == "masks":
        return "masks.mp4", [(str(masks), labels)]
    if key == "face":
        return "face.mp4", [(str(SHARED / "media" / "face.mp4"), {})]
    squares = read_squares(masks)
    return "halves of it, enlarged", [
        (zoom_source(squares, x, y, place / f"half{i}"), zoomed(labels, x, y, 0.5))
        for i, (x, y) in enumerate(HALVES)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--report", type=Path, help="folder for face-masks.md and .png")
    parser.add_argument("--only", choices=SOURCES, action="append")
    parser.add_argument("--every", type=int, default=TRACKING.every)
    parser.add_argument("--memory", type=float, default=TRACKING.memory)
    parser.add_argument("--birth", type=int, default=TRACKING.birth)
    given = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit("the corpus is not here: set OAKWRIGHT_SHARED to its folder")
    tracking = Tracking(every=given.every, memory=given.memory, birth=given.birth)
    wanted = set(given.only or SOURCES)
    labels = json.loads(LABELS.read_text())["frames"]
    measured = OUTPUT / "measured.pickle"
    with tempfile.TemporaryDirectory(prefix="face-masks-") as own:
        place = Path(own)
        onnx = SHARED / "models" / "face-mask-classifier.onnx"
        classifier = write_blob(mask_classifier(onnx), place / "masks.blob")
        for key in SOURCES:
            if key in wanted:
                name, parts = sources_of(key, labels, place)
                for how in (None, tracking):
                    row = measure(name, parts, classifier, how)
                    # Read anew: another source may have been measured meanwhile.
                    Kept(measured).put(f"{key} {how}", row)
    keys = [f"{key} {how}" for key in SOURCES for how in (None, tracking)]
    kept = Kept(measured).values
    rows = [kept[key] for key in keys if key in kept]
    page = as_page(rows, tracking)
    if given.report:
        write_aside(given.report / "face-masks.md", page)
        _, png = cv2.imencode(".png", draw_chart(rows))
        write_aside(given.report / "face-masks.png", png.tobytes())
    else:
        print(page)


if __name__ == "__main__":
    main()
