"""Run a two-stage demo on the virtual OAK, unmodified, and collect what it draws."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov

from bench.two_stage_networks import BORDER, MEAN, SCALE, mask_classifier, write_blob
from bench.two_stage_score import Found, read_found
from oakwright.blob import Blob
from oakwright.decompiler import decompile
from oakwright.device import RunResult, Settings, run_script

# A busy machine must not look like a hang.
PATIENCE_S = 300.0
ALIASES = (("blobconverter", "oakwright.blobconverter"),)
FACE = "face-detection-retail-0004"
PRECISE = {"INFERENCE_PRECISION_HINT": "f32"}


@dataclass
class Drawn:
    """One run: how it ended, and the probe's lines."""

    result: RunResult
    lines: list[dict[str, Any]]

    @property
    def found(self) -> dict[int, list[Found]]:
        """The boxes of every shown frame, by its number."""
        return {line["number"]: read_found(line) for line in self.lines}


def prepare(demo: Path, data: Path, place: Path, *, detector_rgb: bool = True) -> Path:
    """Copy the demo into ``place``, with the blobs where it expects them; gives the copy.

    ``detector_rgb`` False changes one word: the detector's ImageManip makes BGR, which the
    network was trained on, to see what the order does.
    """
    app = place / ("as_written" if detector_rgb else "detector_bgr")
    if app.exists():
        return app
    shutil.copytree(demo, app)
    if not detector_rgb:
        main = app / "main.py"
        text = main.read_text()
        assert text.count("Type.RGB888p") == 1, "the demo is another than this was written for"
        main.write_text(text.replace("Type.RGB888p", "Type.BGR888p"))
    classifier = mask_classifier(data / "models" / "face-mask-classifier.onnx")
    write_blob(classifier, app / "sbd_mask.blob")
    zoo = place / "zoo"
    zoo.mkdir(exist_ok=True)
    shutil.copyfile(data / "blobs" / f"{FACE}.blob", zoo / f"{FACE}.blob")
    return app


@contextmanager
def zoo_at(folder: Path) -> Any:
    """``blobconverter.from_zoo`` looks here, and writes its copies here."""
    before = dict(os.environ)
    os.environ["OAKWRIGHT_ZOO"] = str(folder)
    os.environ["PYTHONWARNINGS"] = "ignore::DeprecationWarning"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_plain(script: Path, source: str, board: str, **options: Any) -> RunResult:
    """As ``oakwright device run SCRIPT`` does."""
    arguments = options.pop("arguments", ())
    settings = Settings(
        source=source,
        board=board,
        deterministic=True,
        loops=False,
        patience_s=PATIENCE_S,
        aliases=ALIASES,
        **options,
    )
    return run_script(script, arguments, settings, limit_s=600, capture=True, folder=script.parent)


def run_probed(
    script: Path,
    source: str,
    board: str,
    *,
    grow: float = 0.0,
    square: bool = False,
    pictures: Iterable[int] = (),
    kept: Path | None = None,
    arguments: Iterable[str] = (),
    **options: Any,
) -> Drawn:
    """The same with a listener in the process: see ``two_stage_probe``."""
    out = script.parent / "probe.jsonl"
    order = script.parent / "probe.json"
    where = kept or script.parent
    where.mkdir(parents=True, exist_ok=True)
    words = {"out": str(out), "grow": grow, "square": square, "folder": str(where)}
    order.write_text(json.dumps({**words, "pictures": list(pictures)}))
    settings = Settings(
        source=source,
        board=board,
        deterministic=True,
        loops=False,
        patience_s=PATIENCE_S,
        aliases=ALIASES,
        **options,
    )
    probe = Path(__file__).with_name("two_stage_probe.py")
    result = run_script(
        probe,
        (str(order), script.name, *arguments),
        settings,
        limit_s=600,
        capture=True,
        folder=script.parent,
    )
    text = out.read_text() if out.is_file() else ""
    return Drawn(result, [json.loads(line) for line in text.splitlines()])


# -- the oracle: the same networks without a device


def read_squares(video: Path) -> list[np.ndarray]:
    """The middle square of every frame, BGR."""
    capture = cv2.VideoCapture(str(video))
    squares = []
    while True:
        is_there, frame = capture.read()
        if not is_there:
            return squares
        height, width = frame.shape[:2]
        left = (width - height) // 2
        squares.append(frame[:, left : left + height])


class DirectDetector:
    """The face blob on squares scaled by OpenCV: no camera, no ImageManip, no queue."""

    def __init__(self, blob: Path, *, rgb: bool) -> None:
        model = decompile(Blob.open(blob))
        self._compiled = ov.Core().compile_model(model, "CPU", PRECISE)
        self._rgb = rgb

    def __call__(self, square: np.ndarray) -> list[tuple[float, ...]]:
        """Boxes with a confidence above 0.5."""
        picture = cv2.resize(square, (300, 300))
        planar = (picture[..., ::-1] if self._rgb else picture).transpose(2, 0, 1)[None].copy()
        rows = self._compiled({0: planar})[0].reshape(-1, 7)
        ends = np.flatnonzero(rows[:, 0] < 0)
        rows = rows[: ends[0]] if len(ends) else rows
        return [tuple(np.clip(r[3:7], 0, 1).tolist()) for r in rows if r[2] > 0.5]


class DirectClassifier:
    """The ONNX on crops scaled by OpenCV; gives [no mask, mask]."""

    def __init__(self, onnx: Path) -> None:
        self._compiled = ov.Core().compile_model(ov.Core().read_model(onnx), "CPU", PRECISE)

    def __call__(self, square: np.ndarray, box: Iterable[float]) -> np.ndarray:
        height, width = square.shape[:2]
        x0, y0, x1, y1 = (round(v * (width, height)[i % 2]) for i, v in enumerate(box))
        crop = square[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)]
        size = 128 - 2 * BORDER
        wide = cv2.copyMakeBorder(
            cv2.resize(crop, (size, size)), *[BORDER] * 4, cv2.BORDER_REPLICATE
        )
        values = (wide.astype(np.float32) - np.float32(MEAN)) / SCALE
        return np.asarray(self._compiled({0: values.transpose(2, 0, 1)[None].copy()})[1][0])


def agreement(
    found: Mapping[int, list[Found]], squares: list[np.ndarray], detector: DirectDetector
) -> tuple[int, int, int]:
    """How many boxes: of the device, of the detector alone, and of both (overlap 0.7)."""
    from bench.two_stage_score import match

    device = alone = both = 0
    for number, boxes in found.items():
        direct = detector(squares[number])
        device += len(boxes)
        alone += len(direct)
        both += len(match([b.box for b in boxes], direct, 0.7))
    return device, alone, both
