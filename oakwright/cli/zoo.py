"""``oakwright zoo``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from oakwright import zoo
from oakwright.errors import UnreadableModel

from .options import json_option


def _places(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--cache",
        type=click.Path(file_okay=False),
        default=None,
        help="Where files lie and downloads go; OAKWRIGHT_HOME's zoo folder unless said.",
    )(command)
    return click.option(
        "--folder",
        "folders",
        multiple=True,
        type=click.Path(file_okay=False, exists=True),
        help="A zoo: a clone of open_model_zoo or depthai-model-zoo, or your own. Repeatable.",
    )(command)


_precision = click.option("--precision", default="FP16", show_default=True, help="FP16, FP32, ...")


@click.group("zoo")
def zoo_group() -> None:
    """Models described by model.yml files: Open Model Zoo's, DepthAI's, your own.

    Folders come from --folder or $OAKWRIGHT_ZOO. Only `download` uses the network.
    """


@zoo_group.command("list")
@_places
@click.option("--task", default=None, help="Only models of this task, e.g. detection.")
@json_option
def list_command(
    folders: tuple[str, ...], cache: str | None, task: str | None, as_json: bool
) -> None:
    """List the models: name, task, framework, precisions, and which are here."""
    shelf = zoo.Shelf.of(folders, cache)
    rows, broken = [], []
    for path in shelf.manifests():
        try:
            model = zoo.read_manifest(path)
        except UnreadableModel as error:
            broken.append(error.message)
            continue
        if task in (None, model.task):
            rows.append((model, _is_here(shelf, model)))
    rows.sort(key=lambda row: row[0].name)
    if as_json:
        facts = [
            {
                "name": model.name,
                "task": model.task,
                "framework": model.framework,
                "precisions": model.precisions,
                "license": model.license,
                "is_here": here,
                "description": model.description,
            }
            for model, here in rows
        ]
        click.echo(json.dumps(facts, indent=2))
        return
    for model, here in rows:
        mark = "*" if here else " "
        click.echo(f"{mark} {model.name:<44} {model.task:<22} {model.framework}")
    click.echo(f"{len(rows)} models; * is here, the others need `oakwright zoo download`")
    if not rows and not folders:
        click.echo(
            "name a zoo with --folder or $OAKWRIGHT_ZOO: a clone of open_model_zoo, or your own"
        )
    for message in broken:
        click.secho(f"warning {message}", fg="yellow")


def _is_here(shelf: zoo.Shelf, model: zoo.ZooModel) -> bool:
    """Whether every file of the usual precision lies somewhere; contents are not looked at."""
    precision = "FP16" if "FP16" in model.precisions else model.precisions[0]
    return all(
        any(path.is_file() for path in shelf.places(model, file.name))
        for file in model.files_for(precision)
    )


@zoo_group.command("download")
@click.argument("name")
@_places
@_precision
def download_command(
    name: str, folders: tuple[str, ...], cache: str | None, precision: str
) -> None:
    """Download a model's files into the cache; each is checked by size and hash."""
    shelf = zoo.Shelf.of(folders, cache)
    model = shelf.find(name)
    if model.license:
        click.echo(f"licence {model.license}")
    for path in zoo.download(shelf, model, precision=precision, tell=click.echo):
        click.echo(path)


@zoo_group.command("convert")
@click.argument("name")
@_places
@_precision
@click.option("-o", "--out", default=".", help="A .blob file, or a folder.")
@click.option("--shaves", type=int, default=6, show_default=True, help="1 to 16.")
@click.option("--ip", default="U8", show_default=True, help="Precision of every input.")
def convert_command(
    name: str,
    folders: tuple[str, ...],
    cache: str | None,
    precision: str,
    out: str,
    shaves: int,
    ip: str,
) -> None:
    """Convert a model whose files are here; nothing is downloaded."""
    shelf = zoo.Shelf.of(folders, cache)
    made = zoo.convert_model(
        shelf, shelf.find(name), precision=precision, shaves=shaves, input_precision=ip
    )
    for line in made.manifest["applied"]:
        click.echo(f"input  {line}")
    for path in made.save(Path(out)):
        click.echo(path)
