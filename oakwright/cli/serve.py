"""``oakwright serve``."""

from __future__ import annotations

from pathlib import Path

import click

from oakwright import compiler, conversion, server


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: the whole network.")
@click.option("--port", default=8000, show_default=True, help="0: any free one.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where uploads, results and the queue lie; OAKWRIGHT_HOME's server folder unless said.",
)
@click.option(
    "--zoo",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="A folder of model.yml files, for from_zoo and zoo_list. Repeatable.",
)
@click.option(
    "--fetch-from",
    multiple=True,
    metavar="ADDRESS",
    help="Files below this address may be named instead of sent (from_config). Repeatable.",
)
@click.option("--workers", default=1, show_default=True, help="Conversions at a time.")
@click.option("--upload-mb", default=512, show_default=True, help="The largest upload.")
@click.option("--job-seconds", default=600.0, show_default=True, help="The longest conversion.")
@click.option("--memory-mb", default=8192, show_default=True, help="Memory of one conversion.")
@click.option("--most-waiting", default=100, show_default=True, help="Jobs that may wait.")
def serve_command(
    host: str,
    port: int,
    data: Path | None,
    zoo: tuple[str, ...],
    fetch_from: tuple[str, ...],
    workers: int,
    upload_mb: int,
    job_seconds: float,
    memory_mb: int,
    most_waiting: int,
) -> None:
    """A converter for a team: blobconverter's HTTP API, a JSON API and a web page.

    Jobs and results are kept: what a stopped server had begun, the next one goes on with.
    There are no accounts: whoever reaches the address can use it and see the jobs.
    """
    compiler.require_engine()  # fetched here if at all, not in the middle of a request
    settings = server.Settings(
        data=(data or conversion.home() / "server").absolute(),
        zoo=tuple(str(Path(folder).absolute()) for folder in zoo),
        fetch_from=fetch_from,
        workers=workers,
        upload_mb=upload_mb,
        job_s=job_seconds,
        memory_mb=memory_mb,
        most_waiting=most_waiting,
    )
    server.serve(settings, host, port, click.echo)
