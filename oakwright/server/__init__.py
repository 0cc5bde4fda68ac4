"""A converter service for a team: blobconverter's HTTP API, our own, and a page."""

from .serve import serve, work
from .settings import Settings

__all__ = ["Settings", "serve", "work"]
