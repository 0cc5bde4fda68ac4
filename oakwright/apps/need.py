"""Packages an application needs and the core does not: imported late, missed by name."""

from __future__ import annotations

import importlib
from typing import Any

from oakwright.errors import UsageError

# module -> the extra that brings it
_EXTRAS = {"depthai": "depthai", "cv2": "opencv"}


def need(module: str) -> Any:
    """The module, imported now. Raises UsageError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"an application needs the package {module}, which cannot be imported: {error}",
            remedy=f"pip install 'oakwright[{_EXTRAS[module]}]'",
            key=module,
        ) from error
