"""``oakwright dataset``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from oakwright import dataset
from oakwright.errors import UsageError
from oakwright.files import PathLike, write_all_aside, write_aside

from .options import json_option

SHOWN = 200


def _sets(many: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The arguments by which every command names its sets."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--classes", default=None, metavar="A,B,...", help="Only these, in this order."
        )(command)
        command = click.option(
            "--root",
            "roots",
            multiple=True,
            metavar="FOLDER[,...]",
            help="Where the pictures' names start; for each SET of files, or one for all.",
        )(command)
        return click.argument("sets", nargs=-1, required=True, metavar="SET..." if many else None)(
            command
        )

    return add


def _read_each(
    sets: tuple[str, ...], roots: tuple[str, ...], classes: str | None
) -> dict[str, dataset.Dataset]:
    read = {
        name: dataset.read(files, places, classes)
        for name, (files, places) in dataset.sources(sets, roots).items()
    }
    for each in read.values():
        _warn(each.findings)
    return read


def _read_all(
    sets: tuple[str, ...], roots: tuple[str, ...], classes: str | None
) -> dataset.Dataset:
    """Everything that is named as one set."""
    found = dataset.joined(dataset.sources(sets, roots), classes)
    _warn(found.findings)
    return found


def _warn(findings: Any) -> None:
    for finding in findings[:SHOWN]:
        click.secho(f"warning {finding}", fg="yellow", err=True)
    if len(findings) > SHOWN:
        click.secho(f"warning and {len(findings) - SHOWN} more", fg="yellow", err=True)


@click.group("dataset")
def dataset_group() -> None:
    """Pictures with boxes: check, count, look at, convert and split them.

    A SET is a folder (YOLO with data.yaml, COCO json, Pascal VOC; its train, val and test are
    found) or files of annotations: COCO's .json, a folder of VOC's .xml or a list of its
    ImageSets, data.yaml:val. Several files are joined by commas.
    """


@dataset_group.command("check")
@_sets(many=True)
@click.option("--no-pictures", is_flag=True, help="Do not decode pictures or look for twins.")
@json_option
def check_command(
    sets: tuple[str, ...],
    roots: tuple[str, ...],
    classes: str | None,
    no_pictures: bool,
    as_json: bool,
) -> int:
    """Everything that is wrong with one or several SETs, by file and line.

    Broken boxes, missing and damaged pictures, classes that differ between the sets, pictures of
    one set that are in another. Exit code 3 if something must be corrected.
    """
    checked = dataset.check(dataset.sources(sets, roots), classes, pictures=not no_pictures)
    if as_json:
        facts = {
            "sets": {
                name: {
                    "pictures": len(each),
                    "boxes": sum(len(sample.boxes) for sample in each.samples),
                    "classes": list(each.classes),
                }
                for name, each in checked.sets.items()
            },
            "findings": [vars(finding) for finding in checked.findings],
        }
        click.echo(json.dumps(facts, indent=2))
        return 0 if checked.is_sound else 3
    for name, each in checked.sets.items():
        boxes = sum(len(sample.boxes) for sample in each.samples)
        click.echo(f"{name}: {len(each)} pictures, {boxes} boxes of {', '.join(each.classes)}")
    for finding in checked.findings:
        word, color = ("error", "red") if finding.is_error else ("warning", "yellow")
        click.echo(f"{click.style(word, fg=color)} {finding}")
    errors = sum(finding.is_error for finding in checked.findings)
    click.echo(f"{_some(errors, 'error')}, {_some(len(checked.findings) - errors, 'warning')}")
    return 0 if checked.is_sound else 3


@dataset_group.command("stats")
@_sets(many=True)
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="Draw it: a .png.")
@click.option(
    "--side",
    type=click.IntRange(32, 4096),
    default=256,
    show_default=True,
    help="The network's input: boxes below 8 pixels there are counted.",
)
@json_option
def stats_command(
    sets: tuple[str, ...],
    roots: tuple[str, ...],
    classes: str | None,
    plot: Path | None,
    side: int,
    as_json: bool,
) -> None:
    """Pictures, boxes, classes, sizes and aspect ratios of SETs."""
    if plot is not None:
        dataset.require_ending(plot, (".png",))
    read = _read_each(sets, roots, classes)
    numbers = {name: dataset.stats(each) for name, each in read.items()}
    facts = {name: each.as_dict(side) for name, each in numbers.items()}
    files: dict[PathLike, bytes | str] = {}
    if plot is not None:
        for name, each in numbers.items():
            place = plot if len(numbers) == 1 else plot.with_stem(f"{plot.stem}_{name}")
            files[place] = dataset.plot_stats(each)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        for name, fact in facts.items():
            click.echo(name)
            for key, value in fact.items():
                text = (
                    ", ".join(f"{k} {v}" for k, v in value.items()) if key == "classes" else value
                )
                if isinstance(value, list):
                    text = " / ".join(f"{v:g}" for v in value) + "  (least / median / greatest)"
                click.echo(f"  {key.replace('_', ' '):24} {text}")
    for path in write_all_aside(files):
        click.echo(path, err=as_json)


@dataset_group.command("preview")
@_sets(many=True)
@click.option("-o", "--out", default="preview.png", show_default=True, help="A .png or .jpg.")
@click.option("--count", type=click.IntRange(1, 400), default=9, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Others by another number.")
def preview_command(
    sets: tuple[str, ...],
    roots: tuple[str, ...],
    classes: str | None,
    out: str,
    count: int,
    seed: int,
) -> None:
    """One picture with some of the SET's pictures and their boxes."""
    read = _read_all(sets, roots, classes)
    click.echo(dataset.preview(read, out, count=count, seed=abs(seed)))


@dataset_group.command("convert")
@_sets(many=True)
@click.option("--to", type=click.Choice(dataset.FORMATS), required=True)
@click.option("-o", "--out", required=True, help="A folder.")
@click.option("--link", is_flag=True, help="Link the pictures instead of copying them.")
def convert_command(
    sets: tuple[str, ...],
    roots: tuple[str, ...],
    classes: str | None,
    to: str,
    out: str,
    link: bool,
) -> None:
    """SETs in another format, with their pictures, in one folder."""
    files, notes = dataset.convert(_read_each(sets, roots, classes), out, to, link=link)
    for note in notes:
        click.echo(f"note {note}")
    for path in files[:5]:
        click.echo(path)
    if len(files) > 5:
        click.echo(f"and {len(files) - 5} more files of annotations")


@dataset_group.command("split")
@_sets(many=True)
@click.option("--shares", default="train=0.8,val=0.2", show_default=True)
@click.option("-o", "--out", required=True, help="A folder.")
@click.option(
    "--to",
    type=click.Choice(dataset.FORMATS),
    default=None,
    help="Copy the pictures too, in this format; otherwise they stay where they are.",
)
@click.option("--link", is_flag=True, help="With --to: link the pictures instead.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--no-twins", is_flag=True, help="Do not look for pictures that are the same.")
def split_command(
    sets: tuple[str, ...],
    roots: tuple[str, ...],
    classes: str | None,
    shares: str,
    out: str,
    to: str | None,
    link: bool,
    seed: int,
    no_twins: bool,
) -> None:
    """Parts with every class in the same share; pictures that look the same stay together."""
    read = _read_all(sets, roots, classes)
    parts = dataset.split(read, _shares(shares), seed=seed, keep_twins=not no_twins)
    for name, part in parts.items():
        numbers = dataset.stats(part).as_dict()
        counts = ", ".join(f"{key} {value}" for key, value in numbers["classes"].items())
        click.echo(f"{name}: {len(part)} pictures; {counts}")
    if to is not None:
        dataset.convert(parts, out, to, link=link)
        click.echo(Path(out))
        return
    names, root = dataset.picture_names(read), dataset.picture_root(read)
    for name, part in parts.items():
        file = write_aside(Path(out) / f"{name}.json", dataset.coco_text(part, names))
        click.echo(f"{file}  (root: {root})")


def _some(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _shares(text: str) -> dict[str, float]:
    shares: dict[str, float] = {}
    for entry in text.split(","):
        name, _, value = entry.partition("=")
        try:
            if not name.strip().isidentifier() or name.strip() in shares:
                raise ValueError
            shares[name.strip()] = float(value)
        except ValueError:
            raise UsageError(
                f"'{text}' are no shares", remedy="for example train=0.7,val=0.2,test=0.1"
            ) from None
    return shares
