"""The web application as a value: routes, limits, the page."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from oakwright import __version__
from oakwright.errors import OakwrightError

from . import api, compat, preview
from .gate import Gate
from .keys import Keys
from .limits import Limits
from .metrics import Metrics
from .pages import add_pages
from .service import Service

log = logging.getLogger("oakwright.server")


def make_app(service: Service) -> FastAPI:
    """The application; its workers start and stop with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        service.supervisor.start()
        yield
        service.supervisor.stop()

    app = FastAPI(
        title="oakwright",
        version=__version__,
        description="Models to Myriad X blobs. `POST /compile` is blobconverter's own.",
        lifespan=life,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        responses={422: {"model": api.Problem, "description": "not as described here"}},
    )
    metrics = Metrics(service)
    keys = Keys(Path(service.settings.keys)) if service.settings.keys else None
    app.add_middleware(Limits, longest=service.settings.upload_mb << 20)
    app.add_middleware(Gate, keys=keys, requests=metrics.requests)  # the outer one
    app.add_exception_handler(OakwrightError, api.answer)
    app.add_exception_handler(RequestValidationError, api.answer_invalid)
    app.add_exception_handler(Exception, _unknown)
    app.add_exception_handler(HTTPException, _plain)
    app.include_router(compat.router(service))
    app.include_router(api.router(service))
    app.include_router(preview.router(service))

    @app.get("/healthz", tags=["operations"], summary="The server answers")
    def healthz() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/readyz", tags=["operations"], summary="Conversions can be done", responses={503: {}})
    def readyz() -> Response:
        problems = service.problems()
        facts: dict[str, Any] = {"ready": not problems, "problems": problems}
        facts |= {"workers": service.supervisor.living, "without_network_by": service.isolation}
        waiting = {"queued": service.ledger.count("queued")} if not problems else {}
        return JSONResponse({**facts, **waiting}, 503 if problems else 200)

    @app.get("/metrics", tags=["operations"], summary="Numbers for Prometheus")
    def numbers() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    add_pages(app)
    return app


def _unknown(_: Request, error: Exception) -> JSONResponse:
    """A fault of ours: the log has it all, the client learns whom to tell."""
    log.error("a request failed", exc_info=error, extra={"event": "fault"})
    body = {
        "kind": "Server",
        "message": "the server made a mistake",
        "remedy": "tell whoever runs it; its log has the reason",
    }
    return JSONResponse(body, 500)


def _plain(_: Request, error: Exception) -> JSONResponse:
    """The framework's own refusals in our form."""
    assert isinstance(error, HTTPException)
    remedy = {
        404: "/ is the page, /docs the API",
        405: "/docs says how it is asked",
        409: "nothing is left to cancel; its result stays",
    }
    body = {
        "kind": "HTTP",
        "message": str(error.detail),
        "remedy": remedy.get(error.status_code, ""),
    }
    return JSONResponse(body, error.status_code, headers=error.headers)
