"""What int8 costs a detector in AP, and what it saves in size and time.

    python bench/int8_scores.py FOLDER best.pth ... [--out OUT] [--page]

FOLDER has train.json, val.json, test.json (COCO) and images/. Each checkpoint is compressed
(ranges measured on train, the better of ranges and training chosen on val), both networks are
exported as IR, and the IRs are evaluated on test by OpenVINO, what is not int8 in float32.
Latency is the least of many single runs, two IRs in turns. ``--page`` writes
docs/reference/int8-scores.md. Wanted: AP within 0.01.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from oakwright import dataset, training

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "int8-scores.md"
WANTED = 0.01
ROUNDS = 100
HEAD = """# int8 detectors for CPUs

Written by `python bench/int8_scores.py FOLDER best.pth ... --page`: BCCD (Shenggan/BCCD_Dataset,
MIT), 72 test pictures, checkpoints of `bench/train_scores.py` (5 minutes, one per seed). NNCF
measures ranges on the train part; {steps} steps of training follow, and what is better on the val
part is kept (the column says which). Both are evaluated as IR in OpenVINO; FP32 runs in float32,
and so does what int8 leaves. Latency: the least of 100 runs of one picture with {threads} threads,
in turns. The chip knows no int8: on an OAK the int8 detector computes in FP16 and is no faster.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("checkpoints", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, default=Path("bench-output/int8-scores"))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    if not given.checkpoints:
        print("name a folder and checkpoints; nothing was measured")
        return
    lines = [
        "| checkpoint | AP FP32 | AP int8 | lost | AP50 FP32 | AP50 int8 | kept "
        "| .bin FP32 MB | .bin int8 MB | FP32 ms | int8 ms | faster |",
        "|" + "---|" * 12,
    ]
    lost = []
    for checkpoint in given.checkpoints:
        row = one(given, checkpoint)
        lost.append(row["before"].ap - row["after"].ap)
        lines.append(_line(row))
        print(lines[-1], flush=True)
    mean = statistics.mean(lost)
    lines += ["", f"AP lost, mean of {len(lost)}: {mean:.4f}; wanted: at most {WANTED}."]
    print("\n".join(lines))
    if given.page:
        PAGE.write_text(
            HEAD.format(threads=given.threads, steps=given.steps) + "\n".join(lines) + "\n"
        )
    sys.exit(0 if mean <= WANTED else 1)


def one(given: argparse.Namespace, checkpoint: Path) -> dict[str, Any]:
    work = given.out / f"{checkpoint.parent.name}-{checkpoint.stem}"
    images = given.folder / "images"
    options = training.CompressOptions(
        checkpoint, given.folder / "train.json", given.folder / "val.json", images, images,
        save_checkpoints_to=work, steps=given.steps,
    )  # fmt: skip
    done = training.compress(options, say=print)
    graphs, scores = [], []
    for name, path in (("fp32", checkpoint), ("int8", done.path)):
        training.export(path, work / name)
        graphs.append(work / name / "model.xml")
        detector = training.open_detector(graphs[-1])
        test = dataset.read(given.folder / "test.json", images, detector.classes)
        scores.append(training.evaluate(detector, test).metrics)
    return {
        "name": checkpoint.parent.name, "kept": done.kept, "before": scores[0], "after": scores[1],
        "sizes": [graph.with_suffix(".bin").stat().st_size / 1e6 for graph in graphs],
        "ms": latency(graphs, given.threads),
    }  # fmt: skip


def latency(graphs: list[Path], threads: int) -> list[float]:
    """Milliseconds of one run of each, taken in turns."""
    import openvino as ov

    core = ov.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads)}
    runs = []
    for graph in graphs:
        request = core.compile_model(core.read_model(graph), "CPU", settings).create_infer_request()
        shape = tuple(request.model_inputs[0].shape)
        runs.append((request, np.random.default_rng(0).normal(size=shape).astype(np.float32)))
    best = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for place, (request, frame) in enumerate(runs):
            started = time.perf_counter()
            request.infer([frame])
            best[place] = min(best[place], (time.perf_counter() - started) * 1e3)
    return best


def _line(row: dict[str, Any]) -> str:
    before, after = row["before"], row["after"]
    cells = [
        row["name"], f"{before.ap:.4f}", f"{after.ap:.4f}", f"{before.ap - after.ap:.4f}",
        f"{before.stats['AP50']:.4f}", f"{after.stats['AP50']:.4f}", row["kept"],
        *(f"{size:.2f}" for size in row["sizes"]), *(f"{ms:.2f}" for ms in row["ms"]),
        f"{row['ms'][0] / row['ms'][1]:.2f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
