"""``oakwright yolo``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from oakwright import yolo
from oakwright.errors import UsageError
from oakwright.files import write_all_aside
from oakwright.recipe import archive_of

from .options import input_options, json_option, read_options, shave_option, stamp_option


@click.command("yolo")
@click.argument("model")
@click.option("-o", "--out", default=None, help="A .blob file, or a folder.")
@click.option(
    "--family",
    type=click.Choice(list(yolo.FAMILIES)),
    default=None,
    help="Recognised by itself, unless the export ends in raw tensors.",
)
@click.option("--anchors", default=None, metavar="W,H,...", help="Pixels, finest grid first.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    default=None,
    help="Class names: a text file, one a line, or a YAML with names.",
)
@click.option("--confidence", type=float, default=0.5, show_default=True, help="For the settings.")
@click.option("--iou", type=float, default=0.5, show_default=True, help="For the settings.")
@click.option("--archive", is_flag=True, help="Write an NN Archive (.rvc2.tar.xz) as well.")
@shave_option
@input_options
@stamp_option
@click.option("--keep-ir", is_flag=True, help="Write the .xml and .bin beside the blob.")
@click.option("--no-cache", is_flag=True, help="Convert anew even if nothing changed.")
@json_option
def yolo_command(model: str, **values: Any) -> None:
    """Convert a YOLO detector MODEL for DepthAI's YoloDetectionNetwork.

    Finds the heads of an export (v3 to v11, YOLOX), asks the model's own decoding which rule and
    anchors it follows, ends the model there and writes the decoder's settings beside the blob.
    """
    options = read_options(values, shaves=values["shaves"])
    made = yolo.convert_yolo(
        model,
        family=values["family"],
        anchors=_numbers(values["anchors"]),
        labels=yolo.read_labels(values["labels"]) if values["labels"] else (),
        confidence=values["confidence"],
        iou=values["iou"],
        options=options,
        cache=not values["no_cache"],
    )
    target = Path(values["out"] or ".")
    written = made.converted.save(target, keep_ir=values["keep_ir"])
    is_file = target.suffix.lower() == ".blob"
    folder, stem = (target.parent, target.stem) if is_file else (target, made.converted.name)
    ending = "_yolo.json" if len(made.converted.blobs) > 1 else ".json"
    text = json.dumps(made.settings, indent=2) + "\n"
    written += write_all_aside({folder / f"{stem}{ending}": text})
    if values["archive"]:
        written.append(archive_of(made.converted, folder / stem, heads=[made.head()]))
    if values["as_json"]:
        facts = {**made.converted.manifest, "files": [str(path) for path in written]}
        click.echo(json.dumps(facts, indent=2))
        return
    for fact in made.facts:
        click.echo(fact)
    for line in made.converted.manifest["applied"]:
        click.echo(f"input  {line}")
    click.echo(f"output {', '.join(made.output_names)}")
    for path in written:
        click.echo(path)


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(part) for part in text.strip(" []()").split(",")] if text else []
    except ValueError:
        raise UsageError(
            f"--anchors {text} is no list of numbers", remedy="write 10,13,16,30,...", key="anchors"
        ) from None
