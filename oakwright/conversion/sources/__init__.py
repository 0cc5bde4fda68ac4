"""Where models come from: one file per framework, one shape of result."""

from .kinds import Kind, detect
from .model import Reference, Source
from .open import open_source

__all__ = ["Kind", "Reference", "Source", "detect", "open_source"]
