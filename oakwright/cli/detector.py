"""``oakwright detector``."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

# Before depthai is imported: it complains, on stdout, of a USB that nobody needs here.
os.environ.setdefault("DEPTHAI_LEVEL", "error")

from oakwright import training

from .options import json_option
from .train import Lines


@click.group("detector")
def detector_group() -> None:
    """From pictures with boxes to a detector on a camera."""


@detector_group.command("quickstart")
@click.argument("data")
@click.option("--time-limit", default="10m", show_default=True, metavar="TIME", help="To train.")
@click.option("-o", "--out", default="quickstart", show_default=True, help="A new folder.")
@click.option("--root", default=None, metavar="FOLDER", help="Of the pictures, if DATA is a file.")
@click.option(
    "--template",
    default="mobilenet_v2-2s_ssd-256x256",
    show_default=True,
    metavar="NAME|FILE",
    help="See `oakwright templates`.",
)
@click.option("--classes", default=None, metavar="A,B,...", help="Those to learn; all by default.")
@click.option("--epochs", type=int, default=None, help="End after that many, if time allows.")
@click.option("--batch-size", type=int, default=None, help="The template's by default.")
@click.option("--gpu-num", type=int, default=None, help="0 is the CPU.")
@click.option("--shaves", type=click.IntRange(1, 16), default=6, show_default=True)
@click.option("--no-pretrained", is_flag=True, help="Start from random weights, fetch nothing.")
@click.option("--threads", type=int, default=None, help="Of the CPU; one per core by default.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def quickstart_command(
    data: str, time_limit: str, no_pretrained: bool, as_json: bool, **values: Any
) -> None:
    """From a folder of pictures with boxes to a blob and the script that runs it.

    DATA holds COCO json, Pascal VOC or YOLO files with their pictures. Checks it, splits it if it
    has no part to measure on, trains, evaluates, exports, compiles, runs the exported script over
    the validation pictures on the virtual OAK, and writes index.html.
    """
    training.share_processor()
    options = training.QuickstartOptions(
        data=data,
        time_limit_s=training.parse_duration(time_limit),
        pretrained=not no_pretrained,
        **values,
    )
    with Lines(err=as_json) as lines:
        made = training.quickstart(options, say=lines.say, report=lines.show, tell=_Bar().show)
    if as_json:
        click.echo(json.dumps(made.facts(), indent=2))
        return
    for line in made.summary():
        click.echo(line)


class _Bar:
    """How far an evaluation is, for people who watch."""

    def show(self, what: str, done: int, of: int) -> None:
        if sys.stderr.isatty():
            end = "\r\x1b[K" if done == of else ""
            click.echo(f"\r\x1b[K{what} {done}/{of}{end}", nl=False, err=True)
