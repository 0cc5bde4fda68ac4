"""COCO's numbers, against pycocotools."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from oakwright.dataset import Dataset, Sample
from oakwright.errors import DatasetError
from oakwright.training.metrics import STATS, Detections, coco_metrics

pycocotools = pytest.importorskip("pycocotools.coco")
pytest.importorskip("faster_coco_eval")


def some_boxes(rng, n, width, height):
    corner = rng.uniform(0, 0.8, (n, 2)) * [width, height]
    side = np.exp(rng.uniform(np.log(6), np.log(min(width, height) / 2), (n, 2)))
    return np.concatenate([corner, np.minimum(corner + side, [width, height])], 1).astype(
        np.float32
    )


def a_set(seed, pictures=20, classes=4, crowds=0.1):
    """A dataset, and detections that are sometimes right, by image_id."""
    rng = np.random.default_rng(seed)
    samples, found = [], {}
    for number in range(pictures):
        n = int(rng.integers(0, 9))
        width, height = 640, 480
        boxes = some_boxes(rng, n, width, height)
        labels = rng.integers(0, classes - 1, n)  # the last class has no box
        samples.append(
            Sample(
                Path(f"{number}.png"),
                10 * number + 7,
                width,
                height,
                boxes,
                labels,
                rng.random(n) < crowds,
            )
        )
        near = boxes + rng.normal(0, 6, boxes.shape)
        wrong = some_boxes(rng, int(rng.integers(0, 130)), width, height)
        every = np.concatenate([near, near + 1, wrong]).astype(np.float32)
        right = np.concatenate([labels, labels, rng.integers(0, classes, len(wrong))])
        # Few values, so that scores tie.
        luck = np.where(np.arange(len(every)) < len(near), 0.6, 0)
        scores = np.round(rng.random(len(every)) * 0.5 + luck, 2).astype(np.float32)
        if number % 7:
            found[10 * number + 7] = Detections(every, scores, right.astype(np.int64))
    return Dataset(tuple("abcd"[:classes]), tuple(samples)), found


def reference(dataset, found):
    """pycocotools' twelve numbers and precision."""
    from pycocotools.cocoeval import COCOeval

    truth = pycocotools.COCO()
    truth.dataset = {
        "info": {}, "images": [{"id": s.image_id} for s in dataset.samples], "annotations": [],
        "categories": [{"id": 11 + i, "name": name} for i, name in enumerate(dataset.classes)],
    }  # fmt: skip
    rows = []
    for sample in dataset.samples:
        for (x0, y0, x1, y1), label, crowd in zip(
            sample.boxes.astype(float), sample.labels, sample.crowd, strict=True
        ):
            rows.append({"id": len(rows) + 1, "image_id": sample.image_id, "iscrowd": int(crowd),
                         "category_id": 11 + int(label), "bbox": [x0, y0, x1 - x0, y1 - y0],
                         "area": (x1 - x0) * (y1 - y0)})  # fmt: skip
    truth.dataset["annotations"] = rows
    guesses = [
        {"image_id": key, "category_id": 11 + int(label), "score": float(score),
         "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for key, d in found.items()
        for (x0, y0, x1, y1), score, label in zip(
            d.boxes.astype(float), d.scores, d.labels, strict=True)
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        counted = COCOeval(truth, truth.loadRes(guesses), "bbox")
        counted.evaluate()
        counted.accumulate()
        counted.summarize()
    return counted.stats, counted.eval["precision"][:, :, :, 0, -1]


@pytest.mark.parametrize("seed", range(5))
def test_the_twelve_are_those_of_pycocotools(seed):
    dataset, found = a_set(seed)
    metrics = coco_metrics(dataset, found)
    stats, precision = reference(dataset, found)
    assert [key for key, _ in STATS] == list(metrics.stats)
    np.testing.assert_allclose(list(metrics.stats.values()), stats, atol=1e-12)
    np.testing.assert_allclose(metrics.precision, precision, atol=1e-12)
    assert 0.05 < metrics.ap < 0.9
    for i, score in enumerate(metrics.classes):
        known = precision[:, :, i][precision[:, :, i] > -1]
        assert score.ap == pytest.approx(known.mean() if known.size else -1)
        wanted = sum(((s.labels == i) & ~s.crowd).sum() for s in dataset.samples)
        assert score.boxes == wanted
    assert metrics.classes[-1].ap == -1


def test_what_is_perfect_is_one_and_nothing_is_zero():
    dataset, _ = a_set(0, crowds=0)
    perfect = {
        s.image_id: Detections(s.boxes, np.ones(len(s.boxes), np.float32), s.labels)
        for s in dataset.samples
    }
    assert coco_metrics(dataset, perfect).ap == pytest.approx(1)
    assert coco_metrics(dataset, {}).ap == 0
    empty = {s.image_id: Detections.none() for s in dataset.samples}
    assert coco_metrics(dataset, empty).ap == 0


def test_a_stated_area_decides_what_is_small():
    box = np.array([[0, 0, 100, 100]], np.float32)
    found = {1: Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64))}
    for area, key in ((None, "AP_large"), (900.0, "AP_small")):
        sample = Sample(Path("a"), 1, 200, 200, box.copy(), np.zeros(1, np.int64),
                        np.zeros(1, bool), None if area is None else np.array([area]))  # fmt: skip
        stats = coco_metrics(Dataset(("a",), (sample,)), found).stats
        assert {k for k in ("AP_small", "AP_medium", "AP_large") if stats[k] == 1} == {key}


def test_a_set_without_boxes_is_refused():
    sample = Sample(Path("a"), 1, 9, 9, np.zeros((0, 4), np.float32), np.zeros(0, np.int64),
                    np.zeros(0, bool))  # fmt: skip
    with pytest.raises(DatasetError, match="1 pictures and no box of dog, cat"):
        coco_metrics(Dataset(("dog", "cat"), (sample,)), {})
