"""AP of a checkpoint, of its exports as IR and ONNX in float32, and of its blob on the CPU.

    python bench/export_parity.py best.pth ANNOTATIONS ROOT [forms]

Writes the exports into a temporary folder and evaluates each on the same pictures. Wanted: IR and
ONNX within 0.0005 of the checkpoint, the blob (FP16 weights, bytes in) within 0.002. ``forms`` are
some of ir, rows, onnx, blob with commas between; all by default, onnx where the package is there.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from oakwright import dataset, training

# form -> (its file, how far AP may be off)
FORMS = {
    "ir": ("model.xml", 0.0005),
    "rows": ("alt_ssd_export/model.xml", 0.0005),
    "onnx": ("model.onnx", 0.0005),
    "blob": ("model.blob", 0.002),
}


def main(checkpoint: str, annotations: str, root: str, forms: list[str]) -> bool:
    detector = training.open_detector(checkpoint)
    data = dataset.read(annotations, root, detector.classes)
    options = training.ExportOptions(onnx="onnx" in forms, shaves=(6,) if "blob" in forms else ())
    before = training.evaluate(detector, data)
    print(f"{len(data)} pictures, {sum(len(s.boxes) for s in data.samples)} boxes")
    print("| file | AP | AP50 | AP75 | off by | wanted | ms a picture |")
    print("|---|---|---|---|---|---|---|")
    print(_row(Path(checkpoint).name, before, before, None))
    is_good = True
    with tempfile.TemporaryDirectory() as place:
        training.export(checkpoint, place, options)
        for form in forms:
            name, limit = FORMS[form]
            after = training.evaluate(Path(place) / name, data)
            is_good &= abs(after.metrics.ap - before.metrics.ap) <= limit
            print(_row(name, after, before, limit), flush=True)
    return is_good


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
