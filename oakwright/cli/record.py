"""``oakwright device record``: what a camera's sensors give, kept without loss."""

from __future__ import annotations

from pathlib import Path

import click

from oakwright.device import Settings, run_script
from oakwright.errors import UsageError

from .script_run import ALIASES, limit_for


@click.command(
    "record", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("script", type=click.Path(dir_okay=False), required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--source", default="pattern", show_default=True, help="As for 'run'.")
@click.option("--once", is_flag=True, help="End with the source instead of starting it again.")
@click.option("--board", default="OAK-D", show_default=True, help="As for 'run'.")
@click.option("--deterministic", is_flag=True, help="Virtual time; the same bits in every run.")
@click.option("--fast", is_flag=True, help="Cameras do not wait for their next frame.")
@click.option("--frames", type=click.IntRange(1), help="End after that many on any stream.")
@click.option("--seconds", type=float, help="End after that long; 5 without a script.")
@click.option("--limit", "limit_s", type=float, help="Real seconds after which it is interrupted.")
@click.option("--fps", default=30.0, show_default=True, help="Of every camera, without a script.")
@click.option("--max-gb", default=8.0, show_default=True, help="Ends the recording at that size.")
@click.option("--auto", is_flag=True, help="Record a real camera if there is one (no script).")
def record_command(
    script: str | None,
    arguments: tuple[str, ...],
    out: Path,
    source: str,
    once: bool,
    board: str,
    deterministic: bool,
    fast: bool,
    frames: int | None,
    seconds: float | None,
    limit_s: float | None,
    fps: float,
    max_gb: float,
    auto: bool,
) -> int:
    """Record what the sensors give while SCRIPT runs, or by themselves without one.

    Replay it with 'oakwright device run --replay FOLDER'. A script's run is recorded on the virtual
    camera; a real one (--auto) is recorded by itself.
    """
    limit = round(max_gb * 1e9)
    if script is None:
        from oakwright.device import VirtualOak, record_camera

        with VirtualOak(source, board=board, auto=auto):
            found = record_camera(
                out,
                seconds=seconds or 5.0,
                fps=fps,
                limit=limit,
                say=lambda text: click.echo(text, err=True),
            )
        for name in found.left_out:
            click.echo(f"left out: {name}, neither colour nor grey of a usual size", err=True)
        click.echo(f"recorded: {out}, {found.frames} frames")
        return 0
    if auto:
        raise UsageError(
            "a real camera shows a script what its nodes make, not what its sensors give",
            remedy="leave the script out, and run it later with --replay",
        )
    settings = Settings(
        source=source,
        board=board,
        deterministic=deterministic,
        pace="free" if fast else "real",
        loops=not once,
        frames=frames,
        seconds=seconds,
        patience_s=60.0,
        aliases=ALIASES,
        record=str(out.absolute()),
        record_limit=limit,
    )
    limit_s = limit_for(limit_s, seconds, deterministic=deterministic)
    result = run_script(Path(script), list(arguments), settings, limit_s=limit_s)
    if result.is_clean:
        click.echo(f"recorded: {out}", err=True)
    else:
        click.echo(f"{result.outcome}: {result.message}", err=True)
    return int(result.code)
