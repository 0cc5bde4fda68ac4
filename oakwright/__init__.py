"""oakwright: any model to a Myriad X blob and back, on your own machine.

The names below are the public face; each is loaded on first use, so that ``import oakwright``
costs nothing. Everything else is reached through its room (``oakwright.blob``, ``oakwright.ir``,
...) and is public where the room's ``__all__`` says so.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

# `import openvino` reports itself to its makers unless the package that does it is missing. For
# this process it is: a None here makes that import fail, and OpenVINO then uses its own stub.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# name -> where it lives
_FACE = {
    "Blob": "oakwright.blob",
    "BlobError": "oakwright.errors",
    "CompileError": "oakwright.errors",
    "ConvertOptions": "oakwright.conversion",
    "InputOptions": "oakwright.conversion",
    "ModelError": "oakwright.errors",
    "OakwrightError": "oakwright.errors",
    "VirtualOak": "oakwright.device",
    "check": "oakwright.conversion",
    "compile": "oakwright.conversion",
    "convert": "oakwright.conversion",
    "decompile": "oakwright.decompiler",
    "run": "oakwright.decompiler",
}

__all__ = ["__version__", *_FACE]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'oakwright' has no attribute '{name}'")
    value = getattr(importlib.import_module(_FACE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
