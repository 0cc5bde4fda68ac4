"""``oakwright eval``."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from oakwright import dataset, training
from oakwright.errors import UsageError

from .options import json_option


@click.command("eval")
@click.option("--load-weights", required=True, metavar="FILE", help=".pth .onnx .xml .bin .blob")
@click.option("--test-ann-files", required=True, metavar="FILE[,...]", help="COCO, VOC or YOLO.")
@click.option("--test-data-roots", default=None, metavar="FOLDER[,...]", help="Of the pictures.")
@click.option("--save-metrics-to", default=None, metavar="YAML", help="metrics.yaml; updated.")
@click.option("--save-output-to", default=None, metavar="FOLDER", help="Pictures with boxes.")
@click.option("--classes", default=None, metavar="A,B,...", help="Those the detector has.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=None,
    help="Score from which boxes are drawn and counted as mistakes; the best F1's by default.",
)
@json_option
def eval_command(
    load_weights: str,
    test_ann_files: str,
    test_data_roots: str | None,
    save_metrics_to: str | None,
    save_output_to: str | None,
    classes: str | None,
    threshold: float | None,
    as_json: bool,
) -> None:
    """COCO's numbers of a detector: a checkpoint, or its export as ONNX, IR or blob.

    Exports run on the CPU in float32, blobs through the decompiler.
    """
    training.share_processor()
    detector = training.open_detector(load_weights)
    if classes is not None:
        training.check_classes(detector, dataset.split_list(classes))
    data = dataset.read(test_ann_files, test_data_roots, detector.classes)
    for finding in data.findings:
        click.secho(f"warning {finding}", fg="yellow", err=True)
    if save_output_to is not None and Path(save_output_to).is_file():
        raise UsageError(f"--save-output-to {save_output_to} is a file, not a folder")
    with _bar(len(data), "finding") as bar:
        result = training.evaluate(detector, data, threshold=threshold, tell=partial(_move, bar))
    written = []
    if save_metrics_to is not None:
        written.append(training.save_metrics(save_metrics_to, detector.path, result.rows()))
    if save_output_to is not None:
        with _bar(len(data), "drawing") as bar:
            tell = partial(_move, bar)
            written += training.save_report(result, save_output_to, tell)[:3]
    if as_json:
        facts = {
            "metrics": result.rows(),
            "threshold": result.mistakes.threshold,
            "seconds_per_picture": result.seconds,
            "files": [str(path) for path in written],
        }
        click.echo(json.dumps(facts, indent=2))
        return
    for line in training.summary(result):
        click.echo(line)
    for path in written:
        click.echo(path)


def _bar(length: int, label: str) -> Any:
    """Progress for people who watch; nothing where stderr is no terminal."""
    return click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    )


def _move(bar: Any, done: int) -> None:
    bar.update(done - bar.pos)
