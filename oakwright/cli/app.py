"""``oakwright app``: an application to begin with."""

from __future__ import annotations

import click

from oakwright.apps import Detector, Recognizer, Successive, scaffold

_COLOR = click.Choice(["BGR", "RGB"])


@click.group("app")
def app_group() -> None:
    """Applications: a script to begin with, with its own tests."""


@app_group.command("list")
def list_command() -> None:
    """The templates."""
    for name, template in scaffold.TEMPLATES.items():
        click.echo(f"{name:<12}{template.line}")


@app_group.command("new")
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(list(scaffold.TEMPLATES)),
    default="one-stage",
    show_default=True,
)
@click.option("--detector", metavar="BLOB", help="Your own; a sample otherwise.")
@click.option("--network", metavar="BLOB", help="Your own of several inputs (multi-input).")
@click.option("--labels", default="", metavar="A,B,...", help="The detector's classes, from 0.")
@click.option("--yolo", metavar="JSON", help="The settings `oakwright yolo` wrote beside it.")
@click.option("--confidence", type=float, default=None, help="The detector's threshold, 0..1.")
@click.option("--color", type=_COLOR, default="BGR", help="What it was trained on.")
@click.option("--recognizer", metavar="BLOB", help="Your own second network.")
@click.option("--names", default="", metavar="A,B,...", help="The recogniser's classes, from 0.")
@click.option("--recognizer-color", type=_COLOR, default="BGR", help="What it was trained on.")
@click.option("--sample", metavar="PICTURE", help="What the detector is for; its tests use it.")
def new_command(
    name: str,
    template: str,
    detector: str | None,
    network: str | None,
    labels: str,
    yolo: str | None,
    confidence: float | None,
    color: str,
    recognizer: str | None,
    names: str,
    recognizer_color: str,
    sample: str | None,
) -> None:
    """Write an application into the new folder NAME: script, tests, README, networks."""
    first = second = None
    if detector is not None:
        first = Detector(
            detector, color=color, labels=_words(labels), confidence=confidence, yolo=yolo
        )
    if recognizer is not None:
        second = Recognizer(recognizer, color=recognizer_color)
    files = scaffold.write(
        name,
        template,
        detector=first,
        recognizer=second,
        network=Successive(network, color=color) if network is not None else None,
        names=_words(names),
        sample=sample,
    )
    for path in files:
        click.echo(path)
    click.echo(f"run it    cd {name} && oakwright device run main.py")
    click.echo(f"test it   cd {name} && python -m pytest")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()
