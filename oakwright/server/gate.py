"""Who comes in: the key of a request, its client's name, and a line about it when it is over."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oakwright.errors import UsageError

from .keys import Keys, has_key
from .metrics import Requests
from .who import current

log = logging.getLogger("oakwright.server.requests")

# What anyone may ask: is it alive, and the page, which asks for the key itself.
_OPEN = ("/healthz", "/readyz", "/", "/docs", "/favicon.ico")
_OPEN_BELOW = ("/page/",)


class Gate:
    """ASGI middleware: ``keys`` None lets everyone in, each address a client of its own."""

    def __init__(self, app: ASGIApp, keys: Keys | None, requests: Requests) -> None:
        self.app, self.keys, self.requests = app, keys, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = scope["client"][0] if scope.get("client") else "local"
        client: str | None = host
        started, status = time.monotonic(), 500
        # Whoever watches servers asks with HEAD: as GET, of which the HTTP server sends no body.
        is_head = scope["method"] == "HEAD" and not scope["path"].endswith("/events")
        asked = {**scope, "method": "GET"} if is_head else scope

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self.keys is not None:
                client, refusal = self._who(self.keys, Headers(scope=scope))
                if refusal is not None and not _is_open(scope["path"]):
                    await refusal(scope, receive, noted)
                    return
            token = current.set(client or host)
            try:
                await self.app(asked, receive, noted)
            finally:
                current.reset(token)
        finally:
            took = time.monotonic() - started
            route = getattr(asked.get("route"), "path", "other")
            self.requests.note(scope["method"], route, status, took)
            facts = {
                "event": "request",
                "method": scope["method"],
                "path": scope["path"][:200],
                "status": status,
                "seconds": round(took, 4),
                "client": client or "",
                "from": host,
            }
            text = "%s %s %d"
            log.info(text, scope["method"], ascii(scope["path"][:200]), status, extra=facts)

    def _who(self, keys: Keys, headers: Headers) -> tuple[str | None, JSONResponse | None]:
        """The client's name, or why it does not come in."""
        try:
            client = keys.owner(headers)
        except UsageError as error:  # the file was spoilt since the start
            log.error("nobody comes in: %s", error.message, extra={"event": "keys"})
            return None, _no_keys()
        return client, None if client else _refused(has_one=has_key(headers))


def _no_keys() -> JSONResponse:
    message, remedy = (
        "the server cannot read its keys",
        "tell whoever runs it: its log has the line",
    )
    return JSONResponse(_body(message, remedy), 503, {"Retry-After": "10"})


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_BELOW)


def _refused(*, has_one: bool) -> JSONResponse:
    message = "this server asks for a key"
    remedy = "send it as `Authorization: Bearer KEY`, or in the address: http://me:KEY@host:8000"
    if has_one:
        message = "the key that was sent is none of this server's"
        remedy = "ask whoever runs the server for one (oakwright serve-key)"
    challenge = {"WWW-Authenticate": 'Bearer realm="oakwright"'}
    return JSONResponse(_body(message, remedy), 401, challenge)


def _body(message: str, remedy: str) -> dict[str, Any]:
    """A refusal; `stderr` and its like are what blobconverter's client prints."""
    body = {"kind": "Refused", "message": message, "remedy": remedy, "stderr": message}
    return {**body, "stdout": "", "exit_code": 1}
