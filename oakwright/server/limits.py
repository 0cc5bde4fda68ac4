"""What is refused before anything reads it: bodies too long, and pages of other sites."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class TooLong(Exception):
    """A body went over the limit while it was read."""


class Limits:
    """ASGI middleware: ``longest`` bytes of body; no writing from another site's page."""

    def __init__(self, app: ASGIApp, longest: int) -> None:
        self.app, self.longest = app, longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        taken, started = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.longest:
                raise TooLong
            return message

        async def guarded(message: Message) -> None:
            nonlocal started
            if taken > self.longest and not started:
                return  # whatever the framework makes of the cut: ours says why
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message["headers"],
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                    (b"content-security-policy", PAGE_RULES.encode()),
                ]
            await send(message)

        with contextlib.suppress(TooLong):
            await self.app(scope, counted, guarded)
        if taken > self.longest and not started:
            await self._too_long()(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.longest:
            return self._too_long()
        origin = headers.get("origin")
        is_foreign = origin is not None and urlsplit(origin).netloc != headers.get("host", "")
        if scope["method"] not in ("GET", "HEAD") and is_foreign:
            return _answer(
                403, "a page of another site may not use this server", "use its own page"
            )
        return None

    def _too_long(self) -> JSONResponse:
        return _answer(
            413,
            f"the upload is larger than {self.longest >> 20} MB",
            "send one model a job, or have the server's limit raised (--upload-mb)",
        )


def _answer(status: int, message: str, remedy: str) -> JSONResponse:
    # `stderr` and its like are what blobconverter's client prints.
    body = {"message": message, "remedy": remedy, "kind": "Refused"}
    return JSONResponse({**body, "stderr": message, "stdout": "", "exit_code": 1}, status)
