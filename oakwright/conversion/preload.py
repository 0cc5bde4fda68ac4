"""What conversions load late, loaded at once: for a process that others are forked from."""

from __future__ import annotations

import contextlib
from importlib import import_module

# Without what not every model needs and is large: PyTorch, TensorFlow, Keras.
_OURS = (
    *("plan", "surgery", "verify", "rounding"),
    *("sources", "sources.onnx", "sources.onnx_functions", "sources.onnx_mended"),
)
_OTHERS = ("numpy", "openvino", "openvino.passes", "onnx", "onnx.inliner", "onnx.shape_inference")
# Its operators are read when the first of them is asked for.
_OPERATORS = ("onnx.reference", "onnx.reference.ops._op_list")


def preload() -> None:
    """Load what a conversion of a usual model needs. Starts no inference, reads no model."""
    from oakwright import blob, compiler, ir  # noqa: F401

    for name in _OURS:
        import_module(f"oakwright.conversion.{name}")
    for name in (*_OTHERS, *_OPERATORS):
        with contextlib.suppress(ImportError):  # an extra that is not there
            import_module(name)
