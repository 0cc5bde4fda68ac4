"""``oakwright inspect`` and ``oakwright diff``."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from oakwright import blob as blobs
from oakwright import conversion
from oakwright.errors import UsageError

from .options import json_option


@click.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--stages", is_flag=True, help="One row per stage of a blob.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write memory use and MACs over the stages as .svg or .png.",
)
@json_option
def inspect_command(file: Path, stages: bool, picture: Path | None, as_json: bool) -> None:
    """Look inside FILE: a blob, an OpenVINO IR (.xml) or an ONNX file."""
    if _is_blob(file):
        _inspect_blob(file, stages, picture, as_json)
        return
    if stages or picture:
        raise UsageError(f"{file} is no blob: it has no stages", remedy="compile it first")
    facts = conversion.describe_model(file)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"{file}: {facts['kind']} ({facts['front_end']})")
    for side in ("inputs", "outputs"):
        for port in facts[side]:
            click.echo(f"  {side[:-1]:6} {port['name']}: {port['type']} {port['shape']}")
    click.echo(f"  {facts['parameters']:,} parameters, {facts['macs'] / 1e6:,.1f} M MACs")
    click.echo("  operations:")
    for name, count in facts["operations"].items():
        click.echo(f"    {count:5} {name}")


def _inspect_blob(file: Path, stages: bool, picture: Path | None, as_json: bool) -> None:
    blob = blobs.Blob.open(file)
    blob.check()
    if picture:
        blobs.draw_profile(blob, picture, title=file.name)
    if as_json:
        click.echo(json.dumps(blobs.to_json(blob), indent=2))
        return
    click.echo(file)
    for name, value in blobs.summary_rows(blob):
        click.echo(f"  {name:14} {value}")
    if stages:
        for line in _table(blob):
            click.echo(line)
    for finding in blob.validate():
        click.secho(f"  warning {finding}", fg="yellow")
    if picture:
        click.echo(f"  picture        {picture}")


def _table(blob: blobs.Blob) -> Iterator[str]:
    """Rows of text, never cut: the widest column, the details, stands last."""
    cells: list[list[tuple[str, ...]]] = [[(column,) for column in blobs.STAGE_COLUMNS]]
    cells += [
        [
            (f"{row.index}{'*' if row.is_injected else ''}",),
            (row.type,),
            (str(row.shaves),),
            tuple(row.inputs),
            tuple(row.outputs),
            (blobs.count_text(row.macs),),
            (blobs.bytes_text(row.parameter_bytes),),
            (row.detail,),
        ]
        for row in blobs.stage_rows(blob)
    ]
    widths = [max(len(text) for row in cells for text in row[i]) for i in range(len(cells[0]))]
    for row in cells:
        for line in zip_longest(*row, fillvalue=""):
            yield "  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip()


@click.command("diff")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--first", is_flag=True, help="Only the first difference.")
@json_option
def diff_command(a: Path, b: Path, first: bool, as_json: bool) -> int:
    """Differences of blobs A and B by field, not by byte. Exit code 3 where they differ.

    Blobs of one model for different shave counts are understood: stages are matched by what they
    do, constants by their content.
    """
    found = blobs.diff(blobs.Blob.open(a), blobs.Blob.open(b))
    shown: list[Any] = found[:1] if first else found
    if as_json:
        click.echo(json.dumps([_plain(difference) for difference in shown], indent=2))
        return 3 if found else 0
    for difference in shown:
        click.echo(str(difference))
    many = f"{len(found)} differences" if len(found) != 1 else "1 difference"
    click.echo(many if found else "no differences")
    kinds = Counter(_field(difference.path) for difference in found)
    if len(kinds) > 1:
        click.echo(
            "by field: " + ", ".join(f"{name} {count}" for name, count in kinds.most_common())
        )
    return 3 if found else 0


def _field(path: str) -> str:
    """The last name of a path: ``stages[1].inputs[0].offset`` is an offset."""
    return path.rpartition(".")[2].partition("[")[0]


def _plain(difference: Any) -> dict[str, Any]:
    """As JSON has it: numbers stay numbers, names are names."""
    return {key: _simple(value) for key, value in vars(difference).items()}


def _simple(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (list, tuple)):
        return [_simple(each) for each in value]
    return str(value)


def _is_blob(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(4) == b"\x7felf" or file.suffix.lower() == ".blob"
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", remedy="check the path"
        ) from error
