"""``oakwright inspect`` and ``oakwright diff``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from oakwright import blob as blobs
from oakwright import conversion
from oakwright.errors import UnreadableModel, UsageError

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
        from rich.console import Console
        from rich.table import Table

        table = Table(*blobs.STAGE_COLUMNS, box=None, header_style="bold", pad_edge=False)
        for row in blobs.stage_rows(blob):
            table.add_row(
                f"{row.index}{'*' if row.is_injected else ''}",
                row.type,
                str(row.shaves),
                "\n".join(row.inputs),
                "\n".join(row.outputs),
                blobs.count_text(row.macs),
                blobs.bytes_text(row.parameter_bytes),
                row.detail,
            )
        Console(width=None if _is_terminal() else 200).print(table)
    for finding in blob.validate():
        click.secho(f"  warning {finding}", fg="yellow")
    if picture:
        click.echo(f"  picture        {picture}")


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
    else:
        for difference in shown:
            click.echo(str(difference))
        many = f"{len(found)} differences" if len(found) != 1 else "1 difference"
        click.echo(many if found else "no differences")
    return 3 if found else 0


def _plain(difference: Any) -> dict[str, Any]:
    return {key: str(value) for key, value in asdict(difference).items()}


def _is_blob(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(4) == b"\x7felf" or file.suffix.lower() == ".blob"
    except OSError as error:
        raise UnreadableModel(
            f"cannot read {file}: {error.strerror}", remedy="check the path", path=str(file)
        ) from error


def _is_terminal() -> bool:
    import sys

    return sys.stdout.isatty()
