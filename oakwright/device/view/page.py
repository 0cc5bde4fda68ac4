"""The live page's server: on the loopback interface only, on a free port.

Answers go to requests that name this very address, so that no page from elsewhere can look in
through the browser (DNS rebinding) or press keys.
"""

from __future__ import annotations

import json
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..clock import real_monotonic, real_sleep
from ..session import Session
from ..windows import Windows
from .state import LiveState

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
# How long a request for a picture waits for a newer one, and how often it looks, in seconds.
_PICTURE_WAIT_S = 1.0
_LOOK_S = 0.01
_POLICY = "default-src 'self'; img-src 'self' blob:; style-src 'self' 'unsafe-inline'"


class LivePage:
    """Serves from construction to ``close``. ``title`` names the script."""

    def __init__(self, session: Session, windows: Windows, title: str) -> None:
        self._is_abandoned = False
        self._server = _Server(("127.0.0.1", 0), _Request)
        self._server.state = LiveState(session, windows, title)
        self._server.windows = windows
        self._server.takes_keys = not session.settings.deterministic
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="oakwright live page", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{self._server.host}/"

    def close(self) -> None:
        """Answer nobody any more."""
        if self._is_abandoned:
            return
        self._server.is_closing = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def abandon(self) -> None:
        """After a fork: the page is the parent's, only its socket came along."""
        self._is_abandoned = True
        self._server.socket.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    state: LiveState
    windows: Windows
    takes_keys = False
    is_closing = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.state_lock = threading.Lock()

    @property
    def host(self) -> str:
        """Address and port, as a browser's request names them."""
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is nobody's error."""


class _Request(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Page, state, pictures."""
        if not self._is_ours():
            return self._answer(403, "text/plain", b"ask for this page by its own address")
        url = urlsplit(self.path)
        if url.path in _FILES:
            name, kind = _FILES[url.path]
            return self._answer(200, f"{kind}; charset=utf-8", _read(name))
        if url.path == "/state.json":
            with self.server.state_lock:
                state = self.server.state.now()
            state["run"]["takes_keys"] = self.server.takes_keys
            return self._answer(200, "application/json", json.dumps(state).encode())
        number = url.path.removeprefix("/window/").removesuffix(".jpg")
        if url.path.startswith("/window/") and number.isdigit():
            after = parse_qs(url.query).get("after", ["0"])[0]
            return self._picture(int(number), int(after) if after.isdigit() else 0)
        return self._answer(404, "text/plain", b"there is no such page")

    def do_POST(self) -> None:
        """A key, pressed on the page."""
        origin = self.headers.get("Origin", f"http://{self.server.host}")
        if not self._is_ours() or origin != f"http://{self.server.host}":
            return self._answer(403, "text/plain", b"only the page itself presses keys")
        code = self.path.removeprefix("/key/")
        if not (self.path.startswith("/key/") and code.isdigit() and 0 <= int(code) < 256):
            return self._answer(404, "text/plain", b"there is no such key")
        if not self.server.takes_keys:
            return self._answer(409, "text/plain", b"deterministic runs take no keys")
        self.server.windows.press(int(code))
        return self._answer(204, "text/plain", b"")

    def log_message(self, *arguments: Any) -> None:
        """The script's own output is not to be mixed with ours."""

    def _is_ours(self) -> bool:
        host = self.headers.get("Host", "")
        return host in (self.server.host, self.server.host.replace("127.0.0.1", "localhost"))

    def _picture(self, number: int, after: int) -> None:
        """The window's picture once it has been drawn more than ``after`` times."""
        deadline = real_monotonic() + _PICTURE_WAIT_S
        while real_monotonic() < deadline and not self.server.is_closing:
            shown, picture = self.server.windows.as_jpeg(number, after)
            if picture is not None:
                return self._answer(200, "image/jpeg", picture, {"X-Shown": str(shown)})
            real_sleep(_LOOK_S)
        return self._answer(204, "image/jpeg", b"")

    def _answer(
        self, code: int, kind: str, body: bytes, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(code)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in (headers | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@cache
def _read(name: str) -> bytes:
    return (files(__package__) / name).read_bytes()
