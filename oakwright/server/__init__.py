"""A converter service for a team: blobconverter's HTTP API, our own, and a page."""

from .keys import make_key
from .serve import serve, work
from .settings import Settings

__all__ = ["Settings", "make_key", "serve", "work"]
