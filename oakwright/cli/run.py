"""``oakwright run``: a blob on the CPU, on what the user has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np

from oakwright import blob as blobs
from oakwright.errors import UsageError
from oakwright.files import write_aside

from .feed import Feed, Frame, progress
from .options import json_option
from .results import (
    Film,
    Outputs,
    boxes_of,
    classes_of,
    draw,
    json_text,
    print_row,
    write_arrays,
    write_picture,
)


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="[NAME=]PATH",
    help="A picture, a folder of pictures, a video, .npy or .npz; pictures are stretched to the"
    " input and fed as BGR, 0..255.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("run-output"),
    show_default=True,
    help="Folder for results; files of the same names in it are replaced.",
)
@click.option("--reference", is_flag=True, help="The reference machine, not the decompiled model.")
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    default=None,
    help="Write every stage's inputs and outputs there (the reference machine).",
)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show."
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Names of classes, one a line, from class 0.",
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="For boxes."
)
@click.option("--limit", type=click.IntRange(1), default=None, help="Stop after so many frames.")
@json_option
def run_command(
    file: Path,
    inputs: tuple[str, ...],
    out: Path,
    reference: bool,
    trace: Path | None,
    top: int,
    labels: Path | None,
    threshold: float,
    limit: int | None,
    as_json: bool,
) -> int:
    """Run a blob on the CPU: no camera, no chip.

    Outputs are written as .npz, one a frame, and all results as results.json. Classes are listed,
    and boxes drawn where an output is [1,1,N,7] (SSD detections): on pictures, or as a video.
    A picture of a folder that cannot be read is passed over, and the exit code is then 1.
    """
    blob = blobs.Blob.open(file)
    names = _read_labels(labels) if labels else []
    feed = Feed(blob, inputs)
    film_path = out / f"{feed.video.stem if feed.video else 'film'}.mp4"
    report: list[dict[str, Any]] = []
    spent: list[float] = []
    try:
        with ExitStack() as stack:
            infer = _runner(blob, reference, trace, stack)
            film = stack.enter_context(Film(film_path, feed.fps))
            advance = stack.enter_context(progress(feed.total(limit), as_json))
            for frame in feed.frames(limit):
                row = _run_frame(frame, infer, spent, film if feed.video else None,
                                 out, top, names, threshold)  # fmt: skip
                report.append(row)
                if "error" in row:
                    click.secho(f"warning: {row['error']}", fg="yellow", err=True)
                elif not as_json and not feed.video:
                    print_row(row, names)
                advance()
    finally:
        # Whatever ends a long run, what it found is kept.
        if report:
            write_aside(out / "results.json", json_text(report, 1))
    bad = sum("error" in row for row in report)
    # The first run warms caches up; it counts only where it is the only one.
    mean = float(np.mean(spent[1:] or spent)) if spent else 0.0
    if as_json:
        facts = {"frames": len(report), "seconds_per_frame": mean, "out": str(out)}
        click.echo(json_text({**facts, "results": report}, 2))
    else:
        how = "reference machine" if reference or trace else "decompiled, FP32"
        many = "1 frame" if len(report) == 1 else f"{len(report)} frames"
        click.echo(f"{many}, {1000 * mean:.1f} ms each ({how})")
        click.echo(f"results in {out}" + (f"; {bad} could not be read" if bad else ""))
    return 1 if bad else 0


def _run_frame(
    frame: Frame,
    infer: Callable[[Mapping[str, np.ndarray]], Outputs],
    spent: list[float],
    film: Film | None,
    out: Path,
    top: int,
    names: list[str],
    threshold: float,
) -> dict[str, Any]:
    """One frame: run, write, and the row of results.json."""
    if frame.error is not None:
        return {"name": frame.name, "error": frame.error.message}
    started = time.perf_counter()
    outputs = infer(frame.arrays)
    spent.append(time.perf_counter() - started)
    boxes = boxes_of(outputs, threshold)
    write_arrays(out / f"{frame.name}.npz", outputs)
    if boxes is None:
        return {"name": frame.name, "classes": classes_of(outputs, top, names)}
    if frame.picture is not None:
        drawn = draw(frame.picture, boxes, names)
        if film is not None:
            film.add(drawn)
        else:
            write_picture(out / f"{frame.name}.png", drawn)
    return {"name": frame.name, "boxes": boxes}


def _read_labels(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is no list of labels: {error}",
            remedy="one name a line, in UTF-8",
            key="labels",
        ) from error


def _runner(
    blob: blobs.Blob, reference: bool, trace: Path | None, stack: ExitStack
) -> Callable[[Mapping[str, np.ndarray]], Outputs]:
    if reference or trace:
        from oakwright import machine

        interpreter = machine.Machine(blob)
        if trace is None:
            return interpreter.run
        tracer = stack.enter_context(machine.write_trace(trace))
        return lambda arrays: interpreter.run(arrays, tracer=tracer)
    from oakwright.decompiler import CompiledBlob

    return CompiledBlob(blob).infer
