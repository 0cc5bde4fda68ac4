"""The face-mask demo and its siblings on the virtual OAK, against labels made by hand.

    git -C EXPERIMENTS archive DONT_DELETE_sbd_mask_tutorial gen2-age-gender | tar x -C DEMOS
    python bench/two_stage.py DEMOS/gen2-age-gender [--siblings DIR] [--report docs/reference]

EXPERIMENTS is a checkout of luxonis/depthai-experiments. DIR holds its demos of two branches:
``tutorial/`` of the branch above and ``master/``. The data is the corpus (OAKWRIGHT_SHARED). The
demo needs scipy, for one function. Pictures with the demo's own boxes go to
``bench-output/two-stage/``, the figures to ``REPORT/two-stage.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.two_stage_depth import measure_depth
from bench.two_stage_page import as_page
from bench.two_stage_run import (
    FACE,
    DirectClassifier,
    DirectDetector,
    Drawn,
    agreement,
    prepare,
    read_squares,
    run_plain,
    run_probed,
    zoo_at,
)
from bench.two_stage_score import Score, score, total, zoomed
from bench.two_stage_siblings import SIBLINGS, Check, check, run_sibling, write_zoo
from oakwright.files import write_aside

SHARED = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data"
LABELS = ROOT / "tests" / "corpus" / "masks_labels.json"
PARTS = ("masks", "halves", "probe", "depth", "siblings")
OUTPUT = ROOT / "bench-output" / "two-stage"
# The halves of the square in which all faces are, as (left, top) of half its size.
HALVES = ((0.0, 120 / 540), (0.5, 120 / 540))


@dataclass(frozen=True)
class MaskRow:
    """One line of the table: what was shown, what the detector got, and how it did."""

    picture: str
    detector: str
    score: Score
    device: int
    alone: int
    both: int
    same_labels: int


def zoom_source(squares: list[np.ndarray], left: float, top: float, folder: Path) -> str:
    """Half the square as a video of its own, twice enlarged by the camera; 16:9 around it."""
    folder.mkdir(parents=True)
    for number, square in enumerate(squares):
        size = square.shape[0]
        x, y, half = round(left * size), round(top * size), size // 2
        part = square[y : y + half, x : x + half]
        # Only the middle square is seen by the preview: the sides may be anything.
        side = (round(half * 16 / 9) - half) // 2
        wide = cv2.copyMakeBorder(part, 0, 0, side, side, cv2.BORDER_REPLICATE)
        cv2.imwrite(str(folder / f"{number:04d}.png"), wide)
    return str(folder)


def clean(drawn: Drawn) -> Drawn:
    """The run, or the end of the bench."""
    if not drawn.result.is_clean:
        output = drawn.result.report.get("output", "")
        raise SystemExit(f"the demo ended with: {drawn.result.message}\n{output}")
    return drawn


class Kept:
    """What was measured, by part, in a file of this bench's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        if path.is_file():
            self.values = pickle.loads(path.read_bytes())

    def put(self, part: str, value: Any) -> None:
        """Keep one part's figures."""
        self.values[part] = value
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(self.path, pickle.dumps(self.values))


def measure_masks(place: Path, demo: Path, wanted: tuple[str, ...]) -> list[MaskRow]:
    """The demo on masks.mp4, or on its halves, with the detector's two orders."""
    labels = json.loads(LABELS.read_text())["frames"]
    video = SHARED / "media" / "masks.mp4"
    squares = read_squares(video)
    classifier = DirectClassifier(SHARED / "models" / "face-mask-classifier.onnx")
    views = [("the whole picture", [(str(video), labels, squares)])]
    halves = []
    for i, (left, top) in enumerate(HALVES if wanted != ("the whole picture",) else ()):
        source = zoom_source(squares, left, top, place / f"half{i}")
        size = squares[0].shape[0]
        x, y = round(left * size), round(top * size)
        parts = [s[y : y + size // 2, x : x + size // 2] for s in squares]
        halves.append((source, zoomed(labels, left, top, 0.5), parts))
    views.append(("its halves, twice enlarged", halves))
    views = [view for view in views if view[0] in wanted]
    rows = []
    for is_rgb in (True, False):
        app = prepare(demo, SHARED, place, detector_rgb=is_rgb)
        detector = DirectDetector(place / "zoo" / f"{FACE}.blob", rgb=is_rgb)
        for title, sources in views:
            scores, counts, same = [], np.zeros(3, int), 0
            for i, (source, truth, pictures) in enumerate(sources):
                kept = OUTPUT / f"{app.name}-{len(sources)}-{i}"
                with zoo_at(place / "zoo"):
                    drawn = clean(
                        run_probed(
                            app / "main.py",
                            source,
                            "OAK-1",
                            pictures=[int(n) for n in truth],
                            kept=kept,
                            seconds=len(pictures) / 30,
                        )
                    )
                scores.append(score(drawn.found, truth))
                counts += agreement(drawn.found, pictures, detector)
                for number, boxes in drawn.found.items():
                    for one in boxes:
                        same += bool(classifier(pictures[number], one.box).argmax()) == one.mask
            told = "RGB, as written" if is_rgb else "BGR, one word changed"
            rows.append(MaskRow(title, told, total(scores), *map(int, counts), same))
            print(rows[-1], flush=True)
    return rows


def same_with_probe(place: Path) -> tuple[str, str]:
    """Digests of everything the host received, without the listener and with it."""
    app, video = place / "as_written", str(SHARED / "media" / "masks.mp4")
    with zoo_at(place / "zoo"):
        plain = run_plain(app / "main.py", video, "OAK-D", frames=60)
        probed = run_probed(app / "main.py", video, "OAK-D", frames=60).result
    return plain.report.get("digest", plain.message), probed.report.get("digest", probed.message)


def measure_siblings(place: Path, folder: Path) -> list[tuple[str, Check]]:
    """Every demo beside the first, 60 messages on any stream each."""
    write_zoo(place / "all", SHARED)
    rows = []
    for branch, siblings in SIBLINGS.items():
        for one in siblings:
            source = folder / branch / one.folder
            if not source.is_dir():
                continue
            copy = place / "siblings" / branch / one.folder
            shutil.copytree(source, copy)
            video = str(SHARED / "media" / "masks.mp4")
            drawn = run_sibling(one, copy, place / "all", video, "OAK-D", 60)
            rows.append((f"{branch}: {one.folder}/{one.script}", check(one, drawn)))
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("demo", type=Path, help="the folder gen2-age-gender of the branch")
    parser.add_argument("--siblings", type=Path, help="folder with tutorial/ and master/")
    parser.add_argument("--report", type=Path, help="folder for two-stage.md")
    parser.add_argument(
        "--only",
        choices=PARTS,
        action="append",
        help="measure these parts and take the others from the last time",
    )
    given = parser.parse_args()
    if not (given.demo / "main.py").is_file():
        raise SystemExit(f"there is no main.py in {given.demo}: name the demo's folder")
    if not SHARED.is_dir():
        raise SystemExit("the corpus is not here: set OAKWRIGHT_SHARED to its folder")
    kept = Kept(OUTPUT / "measured.pickle")
    wanted = set(given.only or PARTS)
    with tempfile.TemporaryDirectory(prefix="two-stage-") as own:
        place = Path(own)
        prepare(given.demo, SHARED, place)
        if "masks" in wanted:
            kept.put("masks", measure_masks(place, given.demo, ("the whole picture",)))
        if "halves" in wanted:
            kept.put("halves", measure_masks(place, given.demo, ("its halves, twice enlarged",)))
        if "probe" in wanted:
            kept.put("probe", same_with_probe(place))
        if "depth" in wanted:
            app = place / "as_written"
            kept.put("depth", measure_depth(app, place / "zoo", place / "stills"))
        if "siblings" in wanted and given.siblings:
            kept.put("siblings", measure_siblings(place, given.siblings))
    values = kept.values
    page = as_page(
        [*values.get("masks", []), *values.get("halves", [])],
        values.get("probe"),
        values.get("depth"),
        values.get("siblings", []),
    )
    if given.report:
        write_aside(given.report / "two-stage.md", page)
    else:
        print(page)


if __name__ == "__main__":
    main()
