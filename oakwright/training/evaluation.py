"""How good a detector is on a dataset: COCO's numbers, complexity, mistakes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oakwright.dataset import Dataset
from oakwright.files import PathLike

from .complexity import Complexity, of_graph, of_template
from .detectors import Detector, check_classes, open_detector
from .metrics import STATS, Detections, Metrics, coco_metrics
from .metrics_file import metric_rows
from .mistakes import Mistakes, best_threshold, find_mistakes


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What came out: the numbers, the detections by image_id, the mistakes at a threshold.

    ``seconds`` is what finding took for each picture, decoding and resizing included.
    """

    detector: Detector
    dataset: Dataset
    metrics: Metrics
    complexity: Complexity
    found: Mapping[int, Detections]
    mistakes: Mistakes
    seconds: float

    def rows(self) -> list[dict[str, Any]]:
        """As metrics.yaml has them."""
        return metric_rows(self.metrics, self.complexity)


def evaluate(
    detector: Detector | PathLike,
    dataset: Dataset,
    *,
    threshold: float | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Evaluated:
    """Run a detector (or its file, see :func:`open_detector`) over a dataset and count.

    ``dataset`` must have the detector's classes in its order. ``threshold``: the score from which
    a detection counts as a mistake or not; by default that of the best F1 on this very dataset.
    ``tell`` is called with the number of pictures done. Raises CheckpointError, DatasetError and
    what :func:`open_detector` raises.
    """
    if not isinstance(detector, Detector):
        detector = open_detector(detector)
    check_classes(detector, dataset.classes)
    before = time.perf_counter()
    found = detector.find(dataset, tell)
    seconds = (time.perf_counter() - before) / max(len(dataset), 1)
    metrics = coco_metrics(dataset, found)
    if threshold is None:
        threshold = best_threshold(metrics.precision, metrics.thresholds)
    return Evaluated(
        detector,
        dataset,
        metrics,
        complexity_of(detector),
        found,
        find_mistakes(dataset, found, threshold),
        seconds,
    )


def complexity_of(detector: Detector) -> Complexity:
    """Of a checkpoint the layers that are trained; of an export what its graph computes."""
    if detector.kind == "checkpoint":
        return of_template(detector.model, len(detector.classes))
    return of_graph(detector.network)


def summary(result: Evaluated) -> list[str]:
    """The evaluation in lines of text: COCO's twelve, classes, complexity, mistakes."""
    lines = [f"{'':48} {'%':>7}"]
    for key, name in STATS:
        value = result.metrics.stats[key]
        lines.append(f"{name.replace('IoU=0.50:0.95', 'IoU=.50:.95'):48} {_percent(value)}")
    lines.append(f"{'class':30} {'boxes':>7} {'AP':>7} {'AP50':>7}")
    lines += [
        f"{each.name[:30]:30} {each.boxes:7} {_percent(each.ap)} {_percent(each.ap50)}"
        for each in result.metrics.classes
    ]
    counted = result.complexity
    lines.append(
        f"{counted.parameters / 1e6:.3f} M parameters, {counted.flops / 1e9:.3f} GFLOPs"
        f" (counter: {counted.counter}), {result.seconds * 1e3:.1f} ms a picture"
    )
    worst = [score for score in result.mistakes.pictures if score.f1 < 1][:5]
    names = {sample.image_id: sample.path.name for sample in result.dataset.samples}
    if worst:
        lines.append(f"worst pictures, scores from {result.mistakes.threshold:.2f}:")
    lines += [
        f"  {names[score.image_id]}: F1 {score.f1:.2f}, {score.wrong} wrong, {score.missed} missed"
        for score in worst
    ]
    return lines


def _percent(value: float) -> str:
    return f"{value * 100:7.2f}" if value >= 0 else f"{'-':>7}"
