"""COCO's numbers: how long our counting takes against pycocotools, on a set of val2017's size.

    python bench/eval_speed.py [pictures] [rounds]

Boxes and detections are made up: 80 classes, about 7 boxes and 100 detections a picture, as COCO's
validation set and a detector have them. Times are CPU seconds of the least of the rounds, from
arrays to the twelve numbers; both sides get the same arrays.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from oakwright.dataset import Dataset, Sample
from oakwright.training.metrics import Detections, coco_metrics

CLASSES = 80


def made_up(pictures: int) -> tuple[Dataset, dict[int, Detections]]:
    rng = np.random.default_rng(2017)
    samples, found = [], {}
    for number in range(1, pictures + 1):
        n = int(rng.poisson(7.2))
        boxes = boxes_of(rng, n)
        # A picture has few classes, the first ones most often.
        kinds = np.minimum(rng.geometric(0.06, 4), CLASSES) - 1
        labels = rng.choice(kinds, n)
        sample = Sample(
            Path(f"{number}.jpg"), number, 640, 480, boxes, labels, rng.random(n) < 0.01
        )
        samples.append(sample)
        near = boxes + rng.normal(0, 5, boxes.shape).astype(np.float32)
        rest = boxes_of(rng, 100 - min(n, 100))
        every = np.concatenate([near[:100], rest])
        right = np.concatenate([labels[:100], rng.integers(0, CLASSES, len(rest))])
        scores = np.concatenate([rng.beta(3, 2, min(n, 100)), rng.beta(1, 8, len(rest))])
        found[number] = Detections(every, scores.astype(np.float32), right.astype(np.int64))
    return Dataset(tuple(f"class {i}" for i in range(CLASSES)), tuple(samples)), found


def boxes_of(rng: np.random.Generator, n: int) -> np.ndarray:
    corner = rng.uniform(0, 0.9, (n, 2)) * [640, 480]
    side = np.exp(rng.uniform(np.log(8), np.log(300), (n, 2)))
    return np.concatenate([corner, np.minimum(corner + side, [640, 480])], 1).astype(np.float32)


def by_pycocotools(dataset: Dataset, found: dict[int, Detections]) -> np.ndarray:
    rows = []
    for sample in dataset.samples:
        sides = sample.boxes.astype(float)
        sides[:, 2:] -= sides[:, :2]
        for box, label, crowd in zip(sides, sample.labels, sample.crowd, strict=True):
            rows.append({"id": len(rows) + 1, "image_id": sample.image_id, "iscrowd": int(crowd),
                         "category_id": int(label) + 1, "bbox": box.tolist(),
                         "area": float(box[2] * box[3])})  # fmt: skip
    guesses = []
    for key, detections in found.items():
        sides = detections.boxes.astype(float)
        sides[:, 2:] -= sides[:, :2]
        lines = zip(
            sides.tolist(), detections.scores.tolist(), detections.labels.tolist(), strict=True
        )
        for box, score, label in lines:
            guesses.append({"image_id": key, "category_id": label + 1, "bbox": box, "score": score})
    truth = COCO()
    truth.dataset = {
        "info": {}, "images": [{"id": sample.image_id} for sample in dataset.samples],
        "categories": [{"id": i + 1, "name": n} for i, n in enumerate(dataset.classes)],
        "annotations": rows,
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        counted = COCOeval(truth, truth.loadRes(guesses), "bbox")
        counted.evaluate()
        counted.accumulate()
        counted.summarize()
    return np.array(counted.stats)


def by_us(dataset: Dataset, found: dict[int, Detections]) -> np.ndarray:
    return np.array(list(coco_metrics(dataset, found).stats.values()))


def main(pictures: int, rounds: int) -> None:
    dataset, found = made_up(pictures)
    least, numbers = {}, {}
    for _ in range(rounds):
        for name, count in (("pycocotools", by_pycocotools), ("oakwright", by_us)):
            before = time.process_time()
            numbers[name] = count(dataset, found)
            least[name] = min(least.get(name, 1e9), time.process_time() - before)
    difference = np.abs(numbers["pycocotools"] - numbers["oakwright"]).max()
    boxes = sum(len(sample.boxes) for sample in dataset.samples)
    guesses = sum(len(detections.boxes) for detections in found.values())
    ap = numbers["oakwright"][0]
    print(f"{pictures} pictures, {boxes} boxes, {guesses} detections, AP {ap:.4f}")
    for name, seconds in least.items():
        print(f"{name:12} {seconds:7.2f} CPU s")
    ratio = least["pycocotools"] / least["oakwright"]
    print(f"{ratio:.2f} times as fast; the twelve numbers differ by {difference:.1e} at most")


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    main(*(given + [5000, 3][len(given) :]))
