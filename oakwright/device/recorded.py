"""Where a recording lies and how it was made, for who only starts a run: loads nothing heavy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MANIFEST = "recording.json"
# Larger ones describe no recording.
MOST_MANIFEST_BYTES = 64 << 20


def partial_of(folder: Path) -> Path:
    """Where a recording lies until it is complete."""
    return folder.with_name(f"{folder.name}.partial")


def is_recording(folder: Path) -> bool:
    """Whether there is a finished recording in a folder."""
    return (folder / MANIFEST).is_file()


def recorded_facts(folder: Path) -> dict[str, Any]:
    """How the recorded run was made; empty where that cannot be read, which the run then says."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MOST_MANIFEST_BYTES:
            return {}
        found = json.loads(path.read_text())["settings"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return dict(found) if isinstance(found, dict) else {}
