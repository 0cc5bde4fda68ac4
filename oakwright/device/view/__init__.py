"""The live page: a script's windows and its pipeline, with rates, in a browser on this machine."""

from .page import LivePage

__all__ = ["LivePage"]
