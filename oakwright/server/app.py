"""The web application as a value: routes, limits, the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from oakwright import __version__
from oakwright.errors import OakwrightError

from . import api, compat, preview
from .limits import Limits
from .pages import add_pages
from .service import Service


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
    )
    app.add_middleware(Limits, longest=service.settings.upload_mb << 20)
    app.add_exception_handler(OakwrightError, api.answer)
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
        facts = {"ready": not problems, "problems": problems, "workers": service.supervisor.living}
        waiting = {"queued": service.ledger.count("queued")} if not problems else {}
        return JSONResponse({**facts, **waiting}, 503 if problems else 200)

    add_pages(app)
    return app


def _plain(_: Request, error: Exception) -> JSONResponse:
    """The framework's own refusals in our form."""
    assert isinstance(error, HTTPException)
    body = {"kind": "HTTP", "message": str(error.detail), "remedy": ""}
    return JSONResponse(body, error.status_code, headers=error.headers)
