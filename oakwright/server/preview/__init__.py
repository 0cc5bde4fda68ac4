"""Short answers while somebody waits: what a model is, will it convert, what does a blob do."""

from .routes import router

__all__ = ["router"]
