"""Vision functions as small networks: picked by name, or the user's own, exported to a blob.

The table needs nothing; whatever makes or exports a function needs PyTorch, and imports it then.
"""

from __future__ import annotations

from pathlib import Path

from .export import Exported, convert_function, describe, export
from .make import function_class, make, options_of
from .onnx_export import OnnxFile, opset_of, to_onnx
from .overflow import degree_of, made_safe, overflows
from .picture import picture
from .table import FUNCTIONS, Row

# A DepthAI script that runs any function's blob on the camera's preview.
PREVIEW_SCRIPT = Path(__file__).with_name("preview_script.py")

__all__ = [
    "FUNCTIONS",
    "PREVIEW_SCRIPT",
    "Exported",
    "OnnxFile",
    "Row",
    "convert_function",
    "degree_of",
    "describe",
    "export",
    "function_class",
    "made_safe",
    "make",
    "opset_of",
    "options_of",
    "overflows",
    "picture",
    "to_onnx",
]
