"""AP of a checkpoint, its exports as IR and ONNX in float32, its blob, and that on a camera.

    python bench/export_parity.py best.pth ANNOTATIONS ROOT [forms]

Writes the exports into a temporary folder and evaluates each on the same pictures. Wanted: IR and
ONNX within 0.0005 of the checkpoint, the blob (FP16 weights, bytes in) within 0.002, as the IR with
FP16 weights (half); the exported script on the virtual OAK (MobileNetDetectionNetwork) as the blob.
``forms`` are some of ir, rows, onnx, half, blob, camera with commas between; all by default. At the
end the detections of half and of the camera are compared with those of the IR with rows, one by
one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

os.environ.setdefault("DEPTHAI_LEVEL", "error")

from oakwright import dataset, training

Found = Mapping[int, training.Detections]
# form -> (its file, how far AP may be off)
FORMS = {
    "ir": ("model.xml", 0.0005),
    "rows": ("alt_ssd_export/model.xml", 0.0005),
    "onnx": ("model.onnx", 0.0005),
    "half": ("half/alt_ssd_export/model.xml", 0.002),
    "blob": ("model.blob", 0.002),
    "camera": ("app/main.py", 0.002),
}
# A detection of the same class whose corners are this near, in shares of the picture, is the same.
NEAR = 0.02


def main(checkpoint: str, annotations: str, root: str, forms: list[str]) -> bool:
    detector = training.open_detector(checkpoint)
    data = dataset.read(annotations, root, detector.classes)
    options = training.ExportOptions(
        onnx="onnx" in forms, shaves=(6,) if {"blob", "camera"} & {*forms} else ()
    )
    before = training.evaluate(detector, data)
    print(f"{len(data)} pictures, {sum(len(s.boxes) for s in data.samples)} boxes")
    print("| file | AP | AP50 | AP75 | off by | wanted | ms a picture |")
    print("|---|---|---|---|---|---|---|")
    print(_row(Path(checkpoint).name, before, before, None))
    is_good, found = True, {}
    with tempfile.TemporaryDirectory() as place:
        app = Path(place) / "app" if "camera" in forms else None
        training.export(checkpoint, place, options, app=app)
        if "half" in forms:
            training.export(checkpoint, Path(place) / "half", training.ExportOptions(fp16=True))
        for form in forms:
            name, limit = FORMS[form]
            if form == "camera":
                opened = training.open_application(app, Path(place) / "model.blob")
            else:
                opened = training.open_detector(Path(place) / name)
            after = training.evaluate(opened, data)
            found[form] = after.found
            is_good &= abs(after.metrics.ap - before.metrics.ap) <= limit
            print(_row(name, after, before, limit), flush=True)
    for form in ("half", "camera"):
        if {"rows", form} <= found.keys():
            print(f"\n{FORMS[form][0]} beside {FORMS['rows'][0]}")
            compare(data, found["rows"], found[form])
    return is_good


def compare(data: dataset.Dataset, wanted: Found, found: Found) -> None:
    """Each detection of ``wanted`` beside the nearest of its class in ``found``."""
    print("| score from | detections | not there | corners, % of the picture | scores |")
    print("|---|---|---|---|---|")
    for least in (0.1, 0.3, 0.5):
        corners, scores, count = [], [], 0
        for sample in data.samples:
            one, other = wanted[sample.image_id], found[sample.image_id]
            sides = np.array([sample.width, sample.height] * 2)
            for box, score, label in zip(one.boxes, one.scores, one.labels, strict=True):
                if score < least:
                    continue
                count += 1
                same = np.flatnonzero(other.labels == label)
                off = np.abs((other.boxes[same] - box) / sides).max(1)
                if len(off) and off.min() <= NEAR:
                    corners.append(100 * off.min())
                    scores.append(abs(other.scores[same[off.argmin()]] - score))
        spread = [
            f"{np.median(v):.3f} median, {np.percentile(v, 99):.3f} in 99 of 100"
            for v in (corners, scores)
        ]
        print(f"| {least} | {count} | {count - len(corners)} | {' | '.join(spread)} |")


def _row(
    name: str, result: training.Evaluated, before: training.Evaluated, limit: float | None
) -> str:
    stats = result.metrics.stats
    numbers = " | ".join(f"{stats[key]:.4f}" for key in ("AP", "AP50", "AP75"))
    off = "" if limit is None else f"{abs(stats['AP'] - before.metrics.ap):.5f}"
    return f"| {name} | {numbers} | {off} | {limit or ''} | {result.seconds * 1e3:.1f} |"


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print("name a checkpoint, annotations and their root; nothing was measured")
    else:
        chosen = sys.argv[4].split(",") if len(sys.argv) > 4 else list(FORMS)
        sys.exit(0 if main(*sys.argv[1:4], chosen) else 1)
