"""`oakwright serve`: one process to start, its workers beside it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from oakwright.errors import UsageError

from .settings import Settings


def serve(settings: Settings, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until interrupted; ``tell`` gets one line when it listens (port 0: any free one).

    Raises UsageError where the extra is missing, the address taken, or the folder in use.
    """
    try:
        import fastapi  # noqa: F401
        import huey  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise UsageError(
            f"the server needs the package {error.name}", remedy="pip install 'oakwright[server]'"
        ) from None
    from .app import make_app
    from .service import Service
    from .supervise import own

    with own(settings.data), contextlib.closing(_listen(host, port)) as listening:
        app = make_app(Service(settings))
        found = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        tell(f"oakwright serves on http://{shown}:{found} (Ctrl-C stops it)")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=3
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error}", remedy="give another --port or --host"
        ) from error
    return found
