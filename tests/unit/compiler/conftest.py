"""The engine, once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from oakwright.compiler import engine_path, install_engine


@pytest.fixture(scope="session")
def engine() -> Path:
    """The engine's folder; fetched into the user's cache where it is not there yet."""
    return engine_path() or install_engine()
