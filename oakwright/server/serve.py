"""`oakwright serve`: one process to start, its workers beside it."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import replace

from oakwright.errors import UsageError

from .isolate import probe
from .logs import set_up
from .settings import Settings

_BACKLOG = 2048  # connections that wait while the server is busy

_OWN_ADDRESS = "--host is an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them"
_REMEDIES = {
    errno.EADDRINUSE: "another program listens there, maybe an oakwright: give another --port",
    errno.EACCES: "ports below 1024 are root's: give another --port",
    errno.EADDRNOTAVAIL: _OWN_ADDRESS,
    socket.EAI_NONAME: _OWN_ADDRESS,
}


def serve(settings: Settings, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until interrupted; ``tell`` gets one line when it listens (port 0: any free one).

    Raises UsageError where the extra is missing, the address taken, or the folder in use.
    """
    _require("fastapi", "huey", "prometheus_client", "python_multipart", "uvicorn")
    import uvicorn

    from .app import make_app
    from .service import Service
    from .supervise import own

    set_up(settings.log)
    with own(settings.data), contextlib.closing(_listen(host, port)) as listening:
        service = Service(settings)
        service.isolation = _tell_isolation()
        app = make_app(service)
        found = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        tell(f"oakwright serves on http://{shown}:{found} (Ctrl-C stops it)")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=3
        )

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                service.stop_waiting()  # streams of progress would take all of the grace
                await super().shutdown(sockets)

        with contextlib.suppress(KeyboardInterrupt):
            Server(config).run(sockets=[listening])


def work(settings: Settings, tell: Callable[[str], None]) -> None:
    """Be a worker machine of a server elsewhere, until interrupted; ``settings.queue`` is Redis.

    The store is the one that the server told the queue, unless ``settings.store`` names one.
    Raises UsageError and QueueDown where queue or store cannot be reached.
    """
    _require("huey")
    set_up(settings.log)
    from .places import (
        open_bell,
        open_book,
        open_marks,
        open_store,
        published_store,
        require_queue,
    )
    from .supervise import Supervisor, own

    if not settings.queue:
        raise UsageError("a worker needs the server's queue", remedy="--queue redis://host:6379/0")
    require_queue(settings.queue)
    book = open_book(settings)
    book.prepare()
    if not settings.store:
        settings = replace(settings, store=published_store(settings.queue))
    with own(settings.data):
        open_store(settings).prepare()
        supervisor = Supervisor(
            settings, book, open_bell(settings), open_marks(settings), open_store(settings).tidy
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.tell_to_stop())
        _tell_isolation()
        supervisor.start()
        tell(f"oakwright works for the queue with {settings.workers} workers (Ctrl-C stops it)")
        supervisor.wait()
        supervisor.stop()


def _tell_isolation() -> list[str]:
    """What keeps conversions off the network here; a warning where nothing does."""
    found = probe()
    if not found:
        logging.getLogger("oakwright.server").warning(
            "conversions are not kept off the network: this system gives neither a namespace nor a"
            " system call filter",
            extra={"event": "isolation"},
        )
    return found


def _require(*modules: str) -> None:
    """Raise UsageError for a package of the extra that is missing."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise UsageError(
                f"the server needs the package {name}", remedy="pip install 'oakwright[server]'"
            )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(_BACKLOG)  # from here on nobody is refused who believes the line that is told
    except (OSError, OverflowError) as error:
        found.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
            remedy=_REMEDIES.get(
                getattr(error, "errno", None) or 0, "give another --port or --host"
            ),
        ) from error
    return found
