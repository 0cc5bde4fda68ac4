"""What is taken for what, counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from oakwright.dataset import Dataset, Sample
from oakwright.training.metrics import Detections, coco_metrics
from oakwright.training.mistakes import best_threshold, find_mistakes


def sample(number, boxes, labels, crowd=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    n = len(boxes)
    crowd = np.zeros(n, bool) if crowd is None else np.array(crowd)
    return Sample(Path(f"{number}.png"), number, 200, 200, boxes, np.array(labels, np.int64), crowd)


def guesses(rows):
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_confusion_by_hand():
    cat, dog = [0, 0, 40, 40], [100, 100, 140, 140]
    data = Dataset(
        ("cat", "dog"),
        (
            sample(1, [cat, dog], [0, 1]),
            sample(2, [cat], [0]),
            sample(3, [], []),
            sample(4, [[0, 0, 200, 200]], [0], [True]),
        ),
    )
    found = {
        # The cat is found twice, once as a dog; the dog lies too far off.
        1: guesses([[*cat, 0.9, 0], [2, 0, 42, 40, 0.8, 1], [130, 130, 170, 170, 0.7, 1]]),
        # A dog where the cat is; a cat below the threshold.
        2: guesses([[*cat, 0.9, 1], [*cat, 0.2, 0]]),
        3: guesses([[*dog, 0.9, 1]]),
        # Inside a crowd nothing is wrong.
        4: guesses([[*dog, 0.9, 1]]),
    }
    mistakes = find_mistakes(data, found, 0.5)
    assert mistakes.confusion.tolist() == [[1, 1, 0], [0, 0, 1], [0, 3, 0]]
    by_id = {score.image_id: score for score in mistakes.pictures}
    assert [by_id[1].right, by_id[1].wrong, by_id[1].missed] == [1, 2, 1]
    assert [by_id[2].right, by_id[2].wrong, by_id[2].missed] == [0, 1, 1]
    assert by_id[4].f1 == 1
    assert [score.image_id for score in mistakes.pictures] == [2, 3, 1, 4]
    assert by_id[1].f1 == pytest.approx(2 / 5)


def test_the_right_class_is_matched_where_two_overlap_alike():
    box = [0, 0, 40, 40]
    data = Dataset(("a", "b"), (sample(1, [box], [1]),))
    found = {1: guesses([[*box, 0.9, 0], [*box, 0.6, 1]])}
    assert find_mistakes(data, found, 0.5).confusion.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_the_threshold_parts_right_from_wrong():
    rng = np.random.default_rng(0)
    samples, found = [], {}
    for number in range(40):
        box = [20, 20, 80, 80]
        samples.append(sample(number, [box], [0]))
        rows = [[*box, rng.uniform(0.61, 0.99), 0]]
        rows += [[100, 100, 150, 150, rng.uniform(0.02, 0.59), 0] for _ in range(3)]
        found[number] = guesses(rows)
    data = Dataset(("a",), tuple(samples))
    metrics = coco_metrics(data, found)
    assert 0.55 <= best_threshold(metrics.precision, metrics.thresholds) <= 0.65
    nothing = coco_metrics(data, {})
    assert best_threshold(nothing.precision, nothing.thresholds) == 0.5
