"""What commands that run a DepthAI script have in common."""

from __future__ import annotations

# Imports inside a script that this package serves on this machine.
ALIASES = (("blobconverter", "oakwright.blobconverter"),)


def limit_for(limit_s: float | None, seconds: float | None, *, deterministic: bool) -> float | None:
    """Real seconds a script may take: one that never asks anything of the camera must end too."""
    if limit_s is None and seconds is not None and not deterministic:
        return seconds + 10
    return limit_s
