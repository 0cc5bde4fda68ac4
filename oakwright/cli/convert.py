"""``oakwright convert`` and ``oakwright compile``."""

from __future__ import annotations

import functools
import json
import time
from pathlib import Path
from typing import Any

import click

from oakwright import conversion
from oakwright.archive import SUFFIXES as ARCHIVE_SUFFIXES
from oakwright.archive import is_archive
from oakwright.errors import UsageError
from oakwright.files import write_all_aside
from oakwright.recipe import archive_of, superblob_of

from .facts import print_facts
from .options import (
    input_options,
    json_option,
    read_options,
    shave_option,
    stamp_option,
)
from .recipe import convert_archive, convert_recipe


@click.command("convert")
@click.argument("model", required=False)
@click.option("-o", "--out", default=None, help="A .blob (or .xml) file, or a folder.")
@click.option(
    "--to",
    type=click.Choice(["ir", "blob", "superblob", "archive"]),
    default=None,
    help="What to make: a blob unless said otherwise.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    default=None,
    help="A recipe (YAML) in place of MODEL: modelconverter's or ours.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a recipe's value."
)
@shave_option
@input_options
@click.option("--op", multiple=True, metavar="[NAME=]P", help="Output precision: FP16 or FP32.")
@stamp_option
@click.option("--keep-ir", is_flag=True, help="Write the .xml and .bin beside the blob.")
@click.option(
    "--verify",
    type=click.Choice(["auto", "full", "off"]),
    default="auto",
    show_default=True,
    help="Compare with the source on random input; 'full' waits for the source framework.",
)
@click.option(
    "--samples",
    type=click.Path(exists=True, path_type=Path),
    default=None,
    help="Pictures or .npy of real input: look for values FP16 cannot hold.",
)
@click.option("--timeout", type=float, default=120.0, show_default=True, help="Seconds a compile.")
@click.option("--no-cache", is_flag=True, help="Convert anew even if nothing changed.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the written files.")
@json_option
def convert_command(model: str | None, **values: Any) -> None:
    """Convert MODEL to a Myriad X blob.

    MODEL is an .onnx, an OpenVINO .xml, a TorchScript or .pt2 file, a TensorFlow SavedModel folder
    or frozen .pb, a .tflite, .keras or .h5, a Paddle .pdmodel, a Caffe .prototxt, or
    package.module:factory (file.py:factory) that makes a torch.nn.Module. Preprocessing goes into
    the blob: (x - mean) / scale, in the model's own channel order. Inputs are FP16 unless
    preprocessing or --ip U8 says that they are fed with frames. An NN Archive (.tar.xz) is
    converted as it says, and so is a recipe: a YAML file of modelconverter's shape or ours.
    """
    if (model is None) == (values["config"] is None):
        raise UsageError(
            "give one model, or a recipe with --config", remedy="oakwright convert --help"
        )
    if values["config"]:
        convert_recipe(values["config"], values)
    elif values["settings"]:
        raise UsageError("--set changes a recipe's values", remedy="name it with --config")
    elif is_archive(str(model)):
        convert_archive(str(model), values)
    else:
        _convert_model(str(model), values)


def _convert_model(model: str, values: dict[str, Any]) -> None:
    form = values["to"] or "blob"
    _check_target(values["out"], form)
    options = read_options(
        values,
        to="ir" if form == "ir" else "blob",
        shaves="all" if form == "superblob" else values["shaves"],
        op=values["op"],
    )
    quiet = values["quiet"] or values["as_json"]
    started = time.monotonic()

    def progress(step: str, seconds: float) -> None:
        if not quiet:
            click.echo(f"  {seconds:6.2f} s  {step}", err=True)

    samples = None
    if values["samples"]:
        from .pictures import sample_inputs

        samples = functools.partial(sample_inputs, values["samples"])
    result = conversion.convert(
        model,
        options=options,
        samples=samples,
        cache=not values["no_cache"],
        progress=progress,
    )
    out = values["out"] or (result.name if form == "ir" else ".")
    written = _save(result, form, Path(out), keep_ir=values["keep_ir"])
    if values["as_json"]:
        facts = {**result.manifest, "files": [str(path) for path in written]}
        click.echo(json.dumps(facts, indent=2))
        return
    if not quiet:
        print_facts(result)
    for path in written:
        click.echo(f"{path}")
    if not quiet:
        how = "from the cache" if result.from_cache else "in all"
        click.echo(f"  {time.monotonic() - started:6.2f} s  {how}", err=True)


# The end of a file's name -> what is written to such a file.
_FORM_OF = {
    ".xml": "ir",
    ".blob": "blob",
    ".superblob": "superblob",
    **dict.fromkeys(ARCHIVE_SUFFIXES, "archive"),
}


def _check_target(out: str | None, form: str) -> None:
    """Before a long conversion: a name that promises another kind of file."""
    for suffix, kind in _FORM_OF.items():
        if out and out.lower().endswith(suffix) and kind != form:
            raise UsageError(
                f"{out} is the name of {_ARTICLE[kind]}, and {_ARTICLE[form]} is to be made",
                remedy=f"say --to {kind}, or name something else",
                key="out",
            )


_ARTICLE = {"ir": "an IR", "blob": "a blob", "superblob": "a superblob", "archive": "an archive"}


def _save(result: conversion.Converted, form: str, out: Path, *, keep_ir: bool) -> list[Path]:
    if form == "archive":
        return [archive_of(result, out if is_archive(out) else out / result.name)]
    if form == "superblob":
        is_file = out.suffix.lower() == ".superblob"
        return [superblob_of(result, out if is_file else out / f"{result.name}.superblob")]
    return result.save(out, keep_ir=keep_ir)


@click.command("compile")
@click.argument("xml", type=click.Path(path_type=Path))
@click.option("-o", "--out", default=None, help="A .blob file or a folder.")
@shave_option
@click.option("--ip", default=None, metavar="[NAME=]P", help="Input precision, e.g. U8.")
@click.option("--op", default=None, metavar="[NAME=]P", help="Output precision, e.g. FP16.")
def compile_command(
    xml: Path, out: str | None, shaves: str, ip: str | None, op: str | None
) -> None:
    """Compile an OpenVINO IR v10 (XML and .bin beside it) as it is: nothing is rewritten.

    For anything else, and for newer IRs, use `oakwright convert`.
    """
    blobs = conversion.compile_ir_file(
        xml, shaves=shaves, input_precision=_table(ip), output_precision=_table(op)
    )
    target = Path(out or ".")
    if target.suffix.lower() == ".blob" and len(blobs) > 1:
        raise UsageError(f"{len(blobs)} blobs do not go into one file {target}", key="out")
    files: dict[Any, bytes | str] = {}
    for count, data in blobs.items():
        suffix = f"_{count}shave" if len(blobs) > 1 else ""
        path = target if target.suffix.lower() == ".blob" else target / f"{xml.stem}{suffix}.blob"
        files[path] = data
    for path in write_all_aside(files):
        click.echo(path)


def _table(text: str | None) -> Any:
    if text is None or "=" not in text:
        return text
    return dict(part.rpartition("=")[::2] for part in text.split(","))
