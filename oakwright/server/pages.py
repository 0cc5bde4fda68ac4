"""The web pages: files of the folder ``page``, read once, served under names known beforehand."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from starlette.responses import Response

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# Pages by their address; every other file of the folder lies below /page/.
_PAGES = {"index.html": "/", "api.html": "/docs"}


def add_pages(app: FastAPI) -> None:
    """Serve the pages and what belongs to them."""
    for entry in (files("oakwright.server") / "page").iterdir():
        suffix = entry.name[entry.name.rfind(".") :]
        if suffix in _KINDS:
            address = _PAGES.get(entry.name, f"/page/{entry.name}")
            _add(app, address, entry.read_bytes(), _KINDS[suffix])


def _add(app: FastAPI, address: str, content: bytes, kind: str) -> None:
    def page() -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    app.add_api_route(address, page, include_in_schema=False)
