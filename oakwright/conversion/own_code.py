"""PyTorch and the user's own Python: imported when they are asked for, refused clearly."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from oakwright.errors import UnreadableModel, UsageError


def require_torch() -> Any:
    """The torch package, or a clear error with the extra that brings it."""
    try:
        import torch
    except ImportError as error:
        raise UsageError(
            "this model needs PyTorch, which is not installed",
            remedy="pip install 'oakwright[torch]'",
        ) from error
    return torch


def frozen_branches(told: Sequence[warnings.WarningMessage]) -> list[str]:
    """Notes on decisions that tracing froze: they hold for inputs like the example only."""
    notes = []
    for entry in told:
        text = str(entry.message)
        if entry.category.__name__ == "TracerWarning" and "might cause the trace" in text:
            place = f"{Path(entry.filename).name}:{entry.lineno}"
            notes.append(
                f"warning: at {place} the model decides by a tensor's value; only what the example"
                " input took is in the result"
            )
    return list(dict.fromkeys(notes))


def import_place(place: str) -> Any:
    """Import ``file.py`` or ``package.module``: the user's own code, which is run.

    Raises UnreadableModel where there is none or it fails.
    """
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise UnreadableModel(f"there is no file {path}", path=place)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        load: Callable[[], Any] = lambda: spec.loader.exec_module(module)  # type: ignore[union-attr]  # noqa: E731
    elif Path(place).is_file():
        raise UnreadableModel(
            f"{place} is no Python file", remedy="its name ends in .py", path=place
        )
    else:
        if "" not in sys.path:
            sys.path.insert(0, "")  # as `python -m` has it: modules of the current folder
        load = lambda: importlib.import_module(place)  # noqa: E731
    try:
        imported = load()
    except (Exception, SystemExit) as error:
        raise UnreadableModel(
            f"importing {place} failed: {type(error).__name__}: {error}",
            remedy="give package.module:factory or file.py:factory",
            path=place,
        ) from error
    return imported if imported is not None else module
