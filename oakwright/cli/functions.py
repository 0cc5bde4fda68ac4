"""``oakwright functions``: vision functions as blobs, and shown on a camera."""

from __future__ import annotations

from pathlib import Path

import click

from oakwright import functions
from oakwright.conversion import InputOptions
from oakwright.errors import UsageError

_SHAPE = click.option(
    "--shape", "shapes", multiple=True, metavar="[NAME=]S", help="For a class without samples."
)
_NO_RESCALE = click.option(
    "--no-rescale", is_flag=True, help="Leave a function that overflows FP16 as it is."
)
_IP = click.option("--ip", default="", metavar="P", help="Input precision: U8 for frames, or FP16.")


@click.group("functions")
def functions_group() -> None:
    """Vision functions as small networks: list, show, export, see."""


@functions_group.command("list")
def list_command() -> None:
    """Every function, by family."""
    family = ""
    for row in functions.FUNCTIONS.values():
        if row.family != family:
            family = row.family
            click.secho(family, bold=True)
        click.echo(f"  {row.name:<14}{row.line}")


@functions_group.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """What function NAME computes, takes and gives; its options."""
    click.echo(functions.describe(name))


@functions_group.command("export")
@click.argument("name")
@click.argument("options", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--out", default=None, help="NAME.blob, NAME.xml (IR) or NAME.onnx.")
@click.option("--shaves", default=6, show_default=True, type=click.IntRange(1, 16))
@click.option("--opset", default=12, show_default=True, help="Of the .onnx.")
@_IP
@_SHAPE
@_NO_RESCALE
def export_command(
    name: str,
    options: tuple[str, ...],
    out: str | None,
    shaves: int,
    opset: int,
    ip: str,
    shapes: tuple[str, ...],
    no_rescale: bool,
) -> None:
    """Write function NAME, or your own file.py:Class, as a blob, IR or ONNX.

    KEY=VALUE are the function's own options: 'oakwright functions export blur size=5 width=640'.
    """
    made = functions.export(
        name,
        out or f"{_stem(name)}.blob",
        _options(options),
        precision=ip,
        shaves=shaves,
        shapes=_shapes(shapes),
        opset=opset,
        rescale=not no_rescale,
    )
    for fact in made.facts:
        click.echo(fact)
    for path in made.files:
        click.echo(path)


@functions_group.command("preview")
@click.argument("name")
@click.argument("options", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--source", default="pattern", show_default=True, help="As for 'device run'.")
@click.option("--frames", type=click.IntRange(1), help="End after that many.")
@click.option("--deterministic", is_flag=True, help="Virtual time; the same bits in every run.")
@click.option("--view", is_flag=True, help="Serve a live page of windows and pipeline.")
@click.option("-o", "--out", default="preview", show_default=True, help="Folder for what is made.")
@_IP
@_SHAPE
@_NO_RESCALE
def preview_command(
    name: str,
    options: tuple[str, ...],
    source: str,
    frames: int | None,
    deterministic: bool,
    view: bool,
    out: str,
    ip: str,
    shapes: tuple[str, ...],
    no_rescale: bool,
) -> int:
    """Export function NAME (or file.py:Class) and show it on the virtual camera.

    The folder gets the ONNX, IR and blob, the DepthAI script that is run, which runs on an OAK as
    it is, and what its windows showed.
    """
    from oakwright.device import Settings, run_script
    from oakwright.files import write_aside

    folder, stem = Path(out), _stem(name)
    for ending in (".onnx", ".xml", ".blob"):
        made = functions.export(
            name,
            folder / f"{stem}{ending}",
            _options(options),
            precision=ip,
            shapes=_shapes(shapes),
            rescale=not no_rescale,
        )
        for fact in made.facts:
            click.echo(f"{ending[1:]:<5}{fact}")
    script = write_aside(folder / f"{stem}_preview.py", functions.PREVIEW_SCRIPT.read_text())
    click.echo(f"run  python {script} {folder / stem}.blob")
    settings = Settings(source=source, frames=frames, deterministic=deterministic)
    result = run_script(
        script, [str(folder / f"{stem}.blob")], settings, out=folder / "seen", view=view
    )
    click.echo(f"seen {folder / 'seen'}")
    return int(result.code)


def _stem(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[2].lower()


def _options(texts: tuple[str, ...]) -> dict[str, str]:
    options = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"'{text}' is no option", remedy="write KEY=VALUE, e.g. size=5")
        options[key] = value
    return options


def _shapes(texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        shapes[name] = InputOptions.of(shape=value).shape or ()
    return shapes
