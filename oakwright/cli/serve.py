"""``oakwright serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from oakwright import compiler, server
from oakwright.files import home

_QUEUE = (
    "redis://host:6379/0: several machines share the work; without it a file of this machine's."
    " Or in $OAKWRIGHT_QUEUE: other users see command lines, and an address may hold a password."
)
_STORE = "A folder or s3://bucket/folder for uploads and results; below --data unless said."
_LOG = click.option(
    "--log", type=click.Choice(["text", "json", "off"]), default="text", show_default=True
)


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
@click.option("--queue", default="", metavar="ADDRESS", envvar="OAKWRIGHT_QUEUE", help=_QUEUE)
@click.option("--store", default="", metavar="ADDRESS", envvar="OAKWRIGHT_STORE", help=_STORE)
@click.option(
    "--keys",
    default="",
    type=click.Path(dir_okay=False),
    help="A file of API keys (oakwright serve-key); everybody comes in without it.",
)
@_LOG
@click.option("--workers", default=1, show_default=True, help="Conversions at a time.")
@click.option("--upload-mb", default=512, show_default=True, help="The largest upload.")
@click.option("--job-seconds", default=600.0, show_default=True, help="The longest conversion.")
@click.option("--memory-mb", default=8192, show_default=True, help="Memory of one conversion.")
@click.option("--most-waiting", default=100, show_default=True, help="Jobs that may wait.")
@click.option("--per-client", default=50, show_default=True, help="Open jobs of one client.")
@click.option(
    "--client-mb-a-day", default=20_000, show_default=True, help="Uploads of one client in a day."
)
@click.option("--keep-days", default=30.0, show_default=True, help="How long jobs are kept.")
@click.option("--keep-jobs", default=100_000, show_default=True, help="How many jobs are kept.")
@click.option("--store-mb", default=50_000, show_default=True, help="What the store may hold.")
def serve_command(
    host: str,
    port: int,
    data: Path | None,
    zoo: tuple[str, ...],
    fetch_from: tuple[str, ...],
    job_seconds: float,
    **limits: Any,
) -> None:
    """A converter for a team: blobconverter's HTTP API, a JSON API and a web page.

    Jobs and results are kept: what a stopped server had begun, the next one goes on with.
    Whoever reaches the address can use it and see the jobs, unless --keys names a file of keys.
    """
    compiler.require_engine()  # fetched here if at all, not in the middle of a request
    settings = server.Settings(
        data=(data or home() / "server").absolute(),
        zoo=tuple(str(Path(folder).absolute()) for folder in zoo),
        fetch_from=fetch_from,
        job_s=job_seconds,
        **limits,
    )
    server.serve(settings, host, port, click.echo)


@click.command("worker")
@click.option(
    "--queue",
    required=True,
    metavar="ADDRESS",
    envvar="OAKWRIGHT_QUEUE",
    help="The server's: redis://host:6379/0; or in $OAKWRIGHT_QUEUE, which other users do not see.",
)
@click.option(
    "--store",
    default="",
    metavar="ADDRESS",
    envvar="OAKWRIGHT_STORE",
    help="The server's; the queue knows it unless said.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="A folder for work that is being done; OAKWRIGHT_HOME's worker folder unless said.",
)
@click.option(
    "--zoo",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="A folder of model.yml files, as the server has it. Repeatable.",
)
@_LOG
@click.option("--workers", default=1, show_default=True, help="Conversions at a time.")
@click.option("--job-seconds", default=600.0, show_default=True, help="The longest conversion.")
@click.option("--memory-mb", default=8192, show_default=True, help="Memory of one conversion.")
def worker_command(
    data: Path | None, zoo: tuple[str, ...], job_seconds: float, **more: Any
) -> None:
    """Convert for a server on another machine: jobs come from the queue in Redis.

    A worker may be stopped or killed at any time: what it had begun, another one does again.
    """
    compiler.require_engine()
    settings = server.Settings(
        data=(data or home() / "worker").absolute(),
        zoo=tuple(str(Path(folder).absolute()) for folder in zoo),
        job_s=job_seconds,
        **more,
    )
    server.work(settings, click.echo)


@click.command("serve-key")
@click.argument("name")
@click.option(
    "--keys",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of keys; made where it is not there.",
)
def key_command(name: str, keys: Path) -> None:
    """Make an API key for NAME and print it, this once.

    The file keeps its hash. Remove the line and the key is locked out, without a restart.
    """
    click.echo(server.make_key(keys, name))
