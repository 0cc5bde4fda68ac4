"""``oakwright train``, ``templates`` and ``instantiate``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from oakwright import training

from .options import json_option


@click.command("train")
@click.option("--template", default=None, metavar="NAME|FILE", help="See `oakwright templates`.")
@click.option("--load-weights", default=None, metavar="PTH", help="snapshot.pth or a detector.")
@click.option("--resume-from", default=None, metavar="PTH", help="Go on with a run's latest.pth.")
@click.option("--train-ann-files", required=True, metavar="FILE[,...]", help="COCO, VOC or YOLO.")
@click.option("--train-data-roots", default=None, metavar="FOLDER[,...]", help="Of the pictures.")
@click.option("--val-ann-files", required=True, metavar="FILE[,...]", help="To measure on.")
@click.option("--val-data-roots", default=None, metavar="FOLDER[,...]", help="Of its pictures.")
@click.option("--save-checkpoints-to", default="outputs", show_default=True, metavar="FOLDER")
@click.option("--classes", default=None, metavar="A,B,...", help="Those to learn; all by default.")
@click.option("--epochs", type=int, default=None, help="The template's by default.")
@click.option("--batch-size", type=int, default=None, help="The template's by default.")
@click.option("--gpu-num", type=int, default=None, help="0 is the CPU; a process for each GPU.")
@click.option("--processes", type=int, default=None, help="On the CPU; each batch is shared out.")
@click.option("--base-learning-rate", type=float, default=None, help="The template's by default.")
@click.option("--tensorboard-dir", default=None, metavar="FOLDER", help="Write TensorBoard's log.")
@click.option("--time-limit", default=None, metavar="TIME", help="End after 90s, 10m or 2h.")
@click.option("--no-pretrained", is_flag=True, help="Start from random weights, fetch nothing.")
@click.option("--threads", type=int, default=None, help="Of the CPU; one per core by default.")
@click.option("--seed", type=int, default=0, show_default=True)
def train_command(time_limit: str | None, no_pretrained: bool, **values: Any) -> None:
    """Train a detector for pictures with boxes of your own.

    Writes latest.pth after each epoch, best.pth (best AP on the validation set), curves.png.

    On several machines: torchrun ... -m oakwright train ...
    """
    training.share_processor()
    limit = training.parse_duration(time_limit) if time_limit else None
    options = training.TrainOptions(time_limit_s=limit, pretrained=not no_pretrained, **values)
    with Lines() as lines:
        training.launch(options, report=lines.show, say=lines.say)


class Lines:
    """A line for each epoch; between them, on a terminal, one that is written over."""

    def __init__(self, *, err: bool = False) -> None:
        self.err = err
        self.is_live = (sys.stderr if err else sys.stdout).isatty()
        self.speed = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        # An error is told on a line of its own.
        self._write("", nl=False)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._write(text)

    def show(self, at: training.Progress) -> None:
        """What there is to say after a step."""
        left = f"{at.eta_s // 60:.0f}:{at.eta_s % 60:02.0f}" if at.eta_s < 1e6 else "?"
        of = f"/{at.epochs}" if at.epochs < 1_000_000 else ""
        head = f"epoch {at.epoch}{of}"
        if at.ap is not None:
            done = f"{head}  loss {at.loss:.3f}  AP {at.ap:.3f}  {self.speed:.0f} pictures/s"
            self._write(f"{done}  {left} left")
            return
        self.speed = at.pictures_per_s
        if self.is_live:
            text = f"{head}  step {at.step}/{at.steps}  loss {at.loss:.3f}"
            self._write(f"{text}  {at.pictures_per_s:.0f} pictures/s  {left} left", nl=False)

    def _write(self, text: str, *, nl: bool = True) -> None:
        click.echo(("\r\x1b[K" if self.is_live else "") + text, nl=nl, err=self.err)


@click.command("templates")
@json_option
def templates_command(as_json: bool) -> None:
    """List the templates of detectors that can be trained."""
    rows = [training.read_template(name) for name in training.names()]
    if as_json:
        facts = [{"name": row.name, "summary": row.summary, **row.data["hyper_parameters"]["basic"],
                  "metrics": row.data["metrics"], "expected": row.data.get("expected")}
                 for row in rows]  # fmt: skip
        click.echo(json.dumps(facts, indent=2))
        return
    for row in rows:
        click.echo(f"{row.name:<30} {row.summary}")
        expected = row.expected()
        if expected:
            click.echo(f"{'':30} {expected}")


@click.command("instantiate")
@click.argument("template")
@click.argument("work_dir")
@click.option("--no-pretrained", is_flag=True, help="A snapshot of random weights; no network.")
def instantiate_command(template: str, work_dir: str, no_pretrained: bool) -> None:
    """Put a TEMPLATE (name or template.yaml) into WORK_DIR, ready for training.

    Writes template.yaml, snapshot.pth (MobileNetV2's trunk trained on ImageNet, not a trained
    detector), and train.py, eval.py, export.py, compress.py.
    """
    written = training.instantiate(template, work_dir, pretrained=not no_pretrained)
    for path in written:
        click.echo(path)
    what = "random weights" if no_pretrained else "the trunk trained on ImageNet: no detector yet"
    click.echo(f"snapshot.pth is {what}")
