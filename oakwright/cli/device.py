"""``oakwright device``: DepthAI scripts with a virtual camera."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

# Before depthai is imported: it complains, on stdout, of a USB that nobody needs here.
os.environ.setdefault("DEPTHAI_LEVEL", "error")

from oakwright.device import (
    BOARDS,
    CameraSpec,
    Settings,
    profile_as_markdown,
    profile_script,
    read_fault_file,
    recorded_facts,
    run_script,
    write_profile,
)
from oakwright.errors import UsageError

from .record import record_command
from .script_run import ALIASES, limit_for

if TYPE_CHECKING:
    from oakwright.device import Row

_BOARD_HELP = f"One of {', '.join(BOARDS)}, or a board file (my.yaml)."


@click.group("device")
def device_group() -> None:
    """Run DepthAI scripts with no camera."""


@device_group.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("script", type=click.Path(dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--source",
    default="pattern",
    show_default=True,
    help="A video, picture or folder, webcam:0, stereo:LEFT,RIGHT[,COLOR], or made up: pattern, "
    "scene or scene:SEED (moving things, true for left, right and colour cameras alike), "
    "furnished:SEED (the same with more things, which the packaged networks know), "
    "walk (the scene, the camera is carried about).",
)
@click.option("--once", is_flag=True, help="End with the source instead of starting it again.")
@click.option("--board", default="OAK-D", show_default=True, help=_BOARD_HELP)
@click.option("--deterministic", is_flag=True, help="Virtual time; the same bits in every run.")
@click.option("--fast", is_flag=True, help="Cameras do not wait for their next frame.")
@click.option("--frames", type=click.IntRange(1), help="End after that many on any stream.")
@click.option("--seconds", type=float, help="End after that long (of virtual time, if it is).")
@click.option("--limit", "limit_s", type=float, help="Real seconds after which it is interrupted.")
@click.option(
    "--patience",
    "patience_s",
    default=60.0,
    show_default=True,
    help="Seconds the script may wait for what never comes.",
)
@click.option("--out", type=click.Path(file_okay=False), help="Folder for windows and report.json.")
@click.option(
    "--view", is_flag=True, help="Serve a live page of windows and pipeline on this machine."
)
@click.option("--auto", is_flag=True, help="Use a real camera if there is one, and say so.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="What goes wrong: drop@10%, disconnect@5s:3s, slow@50ms, hot@60s, crash@5s, hang@5s; "
    "repeatable.",
)
@click.option(
    "--faults",
    "fault_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of faults, one a line.",
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="CAMERA",
    help="One of several cameras: board=OAK-1,source=street.mp4,id=1844...; repeatable.",
)
@click.option("--devices", "count", type=click.IntRange(1), help="So many cameras, all alike.")
@click.option("--imu", default="", help="What the IMU reads: a CSV table.")
@click.option(
    "--uvc", default="", help="Video file of what the host of a webcam (UVC) would see: .mp4, .mkv."
)
@click.option(
    "--replay",
    type=click.Path(file_okay=False),
    help="Give again what 'oakwright device record' recorded, in virtual time as it was made.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON at the end.")
@click.pass_context
def run_command(
    context: click.Context,
    script: str,
    arguments: tuple[str, ...],
    source: str,
    once: bool,
    board: str,
    deterministic: bool,
    fast: bool,
    frames: int | None,
    seconds: float | None,
    limit_s: float | None,
    patience_s: float,
    out: str | None,
    view: bool,
    auto: bool,
    faults: tuple[str, ...],
    fault_file: Path | None,
    devices: tuple[str, ...],
    count: int | None,
    imu: str,
    uvc: str,
    replay: str | None,
    as_json: bool,
) -> int:
    """Run SCRIPT as it is, with frames from a source of your choice.

    Options of this command come before SCRIPT; everything after it is the script's. The exit code
    is the script's own.
    """
    _note_misplaced(context, arguments)
    settings = Settings(
        source=source,
        board=board,
        deterministic=deterministic,
        pace="free" if fast else "real",
        loops=not once,
        frames=frames,
        seconds=seconds,
        patience_s=patience_s,
        aliases=ALIASES,
        faults=(*faults, *(read_fault_file(fault_file) if fault_file is not None else ())),
        cameras=CameraSpec.several(devices, count, CameraSpec(board, source)),
        imu=imu,
        uvc=uvc,
        replay=replay or "",
    )
    if replay is not None:
        _refuse_beside_replay(context, "source", "board")
        settings = settings.as_recorded(recorded_facts(Path(replay)))
    result = run_script(
        Path(script),
        list(arguments),
        settings,
        limit_s=limit_for(limit_s, seconds, deterministic=deterministic),
        out=out or "",
        auto=auto,
        view=view,
    )
    if as_json:
        click.echo(json.dumps(result.full_report(), default=str))
    if replay is not None and result.report:
        click.echo(_replayed(result.report["replay"], result.report["digest"]), err=True)
    if not result.is_clean or "interrupted" in result.message or "left" in result.message:
        click.echo(f"{result.outcome}: {result.message}", err=True)
    return int(result.code)


def _note_misplaced(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Options behind the script are the script's, which may know them, or not even look."""
    own = {option for parameter in context.command.params for option in parameter.opts}
    found = [word for word in arguments if word.partition("=")[0] in own]
    if found:
        click.echo(
            f"note: {', '.join(found)} after the script goes to the script; what is meant for"
            " `oakwright device run` comes before it",
            err=True,
        )


def _refuse_beside_replay(context: click.Context, *names: str) -> None:
    for name in names:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--replay and --{name} exclude each other", remedy=f"leave --{name} out"
            )


def _replayed(found: dict[str, Any], digest: str | None) -> str:
    if digest is not None and digest == found.get("recorded_digest"):
        return "replay: what the script took is the recorded run's, bit for bit"
    return (
        f"replay: {found.get('same', 0)} messages as recorded, {found.get('different', 0)} other, "
        f"{found.get('more', 0)} more, {found.get('missing', 0)} did not come"
    )


@device_group.command("boards")
@click.option("--file", "name", help="Print this board as a board file, to start your own from.")
def boards_command(name: str | None) -> int:
    """List the boards there are, with their cameras."""
    from oakwright.device import board_text, find_board, list_boards

    click.echo(board_text(find_board(name)) if name else list_boards())
    return 0


@device_group.command("bench")
@click.argument("path", metavar="SCRIPT|FOLDER", type=click.Path(exists=True, path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--seconds", type=float, help="Virtual time of each script; 1.6 for a folder, 5 for one."
)
@click.option("--limit", "limit_s", default=120.0, show_default=True, help="Real seconds of each.")
@click.option(
    "--source",
    default="cuts",
    show_default=True,
    help="As for 'run'; cuts:SECONDS holds a scene still so long and then shows another, which "
    "streams must follow.",
)
@click.option("--board", default="OAK-D", show_default=True, help=_BOARD_HELP)
@click.option(
    "--overlay",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder laid over the copy the scripts run in: networks and files they look for.",
)
@click.option(
    "--needs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML: what single scripts need (arguments, keys, seconds, source).",
)
@click.option("--only", multiple=True, help="Only scripts with this in their path; repeatable.")
@click.option("--jobs", default=1, show_default=True, help="Scripts at a time.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Markdown table.")
@click.option("--show", is_flag=True, help="Print what scripts that are not clean printed.")
def bench_command(
    path: Path,
    arguments: tuple[str, ...],
    seconds: float | None,
    limit_s: float,
    source: str,
    board: str,
    overlay: Path | None,
    needs: Path | None,
    only: tuple[str, ...],
    jobs: int,
    out: Path | None,
    show: bool,
) -> int:
    """Say where SCRIPT's time goes, node by node; or which scripts of FOLDER work.

    One script: what each node costs on this machine in virtual time, what the link carries, and
    what a real camera does otherwise. Its arguments follow it, after --. Of the options only
    --seconds, --limit, --source, --board and --out are for it.

    A folder: every script under it is clean, refused or failed. Clean: no error, and every linked
    stream brought messages of its declared type and size; pictures are not of one value, and
    pictures and detections follow the scene. Scripts that write to a camera's memory are listed
    apart. Exits 0 whatever the table says.
    """
    if path.is_file():
        settings = Settings(
            source,
            board,
            seconds=5.0 if seconds is None else seconds,
            patience_s=60.0,
            aliases=ALIASES,
        )
        profile = profile_script(path, arguments, settings, limit_s=limit_s)
        click.echo(profile_as_markdown(profile), nl=False)
        if out is not None:
            write_profile(profile, out)
        return 0
    if arguments:
        raise UsageError("a folder takes no arguments", remedy="put them into --needs")
    # Not needed to run a script, whose own process has OpenCV and depthai to load.
    from oakwright.device import RESULTS, Plan, bench_scripts, read_needs, write_bench_table

    plan = Plan(
        seconds=1.6 if seconds is None else seconds,
        limit_s=limit_s,
        source=source,
        board=board,
        overlay=overlay,
        needs=read_needs(needs) if needs is not None else {},
        aliases=ALIASES,
    )

    def say(row: Row) -> None:
        click.echo(f"{row.result:8}{row.seconds:7.1f} s  {row.script}  {row.reason[:300]}")
        if show and row.result in ("refused", "failed"):
            click.echo(row.output[-3000:])

    rows = bench_scripts(path, plan, jobs=jobs, only=only, on_row=say)
    counts = {kind: sum(row.result == kind for row in rows) for kind in RESULTS}
    click.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    if out is not None:
        write_bench_table(rows, plan, out)
    return 0


device_group.add_command(record_command)
