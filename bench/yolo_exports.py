"""Are real YOLO exports recognised, and does the blob decode to the model's own boxes?

    pip install ultralytics        # in an environment of its own: it is AGPL
    yolo export model=yolov8n.yaml format=onnx imgsz=320      # and yolo11n, yolov10n, ...
    pip download --no-deps nudenet && unzip nudenet-*.whl     # a trained YOLOv8n
    python bench/yolo_exports.py --shape 1,3,320,320 nudenet/320n.onnx *.onnx

For each file: the rule, how far the model's own decoding is from it on random numbers, stages and
seconds. Then, for one random picture, boxes and scores of all cells by the uncut model in OpenVINO
(F32) against those of the blob on the CPU (FP16): the largest difference of a box in sides of the
picture and of a score, and the standard deviation of the scores (an untrained model gives nearly
the same in every cell, which says little). Without files there is nothing to do, and it says so.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import openvino as ov

import oakwright
from oakwright.conversion import ConvertOptions, InputOptions
from oakwright.errors import OakwrightError
from oakwright.yolo import Rule, YoloModel, convert_yolo


def from_blob(made: YoloModel, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [N,4] as corners in sides and scores [N,classes] of an anchor-free blob's outputs."""
    (name,) = [entry.name for entry in made.converted.blob.inputs]
    tensors = oakwright.run(made.converted.blob, {name: picture})
    boxes, scores = [], []
    for output in made.output_names:
        grid = tensors[output][0].astype(np.float64)
        _, rows, columns = grid.shape
        flat = grid.reshape(len(grid), -1).T
        y, x = np.mgrid[:rows, :columns].reshape(2, -1)
        cell = np.stack([x, y], 1) + 0.5
        sides = np.array([columns, rows])
        boxes.append(np.hstack([(cell - flat[:, :2]) / sides, (cell + flat[:, 2:4]) / sides]))
        scores.append(flat[:, 5:])
    return np.concatenate(boxes), np.concatenate(scores)


def from_model(path: Path, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The same from the uncut model, where it ends in [1,4 + classes,N] (v8 and its kin)."""
    core = ov.Core()
    model = core.read_model(str(path))
    model.reshape(list(picture.shape))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rgb = picture[:, ::-1].astype(np.float32) / 255
    rows = compiled([rgb])[0][0].T
    if rows.ndim != 2 or rows.shape[1] < 5 or len(rows) < 100 or rows.shape[0] < rows.shape[1]:
        return None
    _, _, height, width = picture.shape
    box = rows[:, :4] / np.array([width, height, width, height])
    corners = np.hstack([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2])
    return corners, rows[:, 4:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--shape", help="For exports without one, e.g. 1,3,320,320.")
    said = parser.parse_args()
    files = said.files
    shape = [int(n) for n in said.shape.split(",")] if said.shape else None
    options = ConvertOptions(inputs=(InputOptions.of(shape=shape),) if shape else ())
    if not files:
        print("no exports were given: nothing to do")
        return 0
    print("| export | rule | off by, F32 | stages | s | box, FP16 | score, FP16 | spread |")
    print("|---|---|---|---|---|---|---|---|")
    failed = 0
    for path in files:
        started = time.monotonic()
        try:
            made = convert_yolo(path, options=options, cache=False)
        except OakwrightError as error:
            failed += 1
            print(f"| {path.stem} | {error.message} | | | | | | |")
            continue
        seconds, detector = time.monotonic() - started, made.detector
        width, height = detector.picture
        picture = np.random.default_rng(0).integers(0, 256, (1, 3, height, width), np.uint8)
        gaps = "| | | |"
        whole = from_model(path, picture) if detector.rule is Rule.DISTANCES else None
        if whole is not None:
            ours = from_blob(made, picture)
            gap = [abs(a - b).max() for a, b in zip(whole, ours, strict=True)]
            gaps = f"| {gap[0]:.1e} | {gap[1]:.1e} | {whole[1].std():.1e} |"
        stages = len(made.converted.blob.stages)
        off = "-" if detector.difference is None else f"{detector.difference:.0e}"
        print(f"| {path.stem} | {detector.rule.value} | {off} | {stages} | {seconds:.1f} {gaps}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
