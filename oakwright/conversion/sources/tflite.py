"""TFLite files, float and quantised; their integer inputs and outputs become real numbers.

The truth is asked of LiteRT (``ai_edge_litert``), TFLite's own interpreter, where it is installed.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright.errors import UnreadableModel
from oakwright.files import read_bounded

from .errors_text import unsupported_by_front_end
from .model import Reference, Source
from .real_ports import make_ports_real

if TYPE_CHECKING:
    import openvino as ov

_LARGEST = 2 << 30  # a flatbuffer's offsets have 31 bits


def from_tflite(source: Any) -> Source:
    """Read a ``.tflite`` file or its bytes.

    Inputs and outputs in int8 or int16 become the real numbers they stand for; uint8 inputs stay
    bytes. Notes say which. Raises UnreadableModel, UnsupportedModel.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        where, name, data = str(path), path.stem, read_bounded(path, _LARGEST)
        model = _read(path, where)
    else:
        where, name, data = "the given TFLite bytes", "model", bytes(source)
        with tempfile.TemporaryDirectory(prefix="oakwright-") as folder:
            aside = Path(folder) / "model.tflite"  # the front end reads files only
            aside.write_bytes(data)
            model = _read(aside, where).clone()
    notes = make_ports_real(model)
    return Source(
        model=model,
        kind="tflite",
        name=name,
        front_end="TFLite",
        reference=_reference(data, model),
        notes=tuple(notes),
        channels_last=True,
    )


def _read(path: Path, where: str) -> ov.Model:
    import openvino as ov

    try:
        model = ov.Core().read_model(str(path))
    except Exception as error:
        raise unsupported_by_front_end(error, where) from error
    for node in model.get_ops():  # names that are no text show here, not in the middle of the work
        node.get_friendly_name()
        for port in node.outputs():
            port.get_names()
    if not model.inputs or not model.outputs:
        raise UnreadableModel(f"{where} has no inputs or no outputs", path=where)
    return model


def _reference(data: bytes, model: ov.Model) -> Reference | None:
    """LiteRT with its plain kernels, fed and read in real numbers."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        return None
    names = [port.get_names() for port in model.inputs]
    outputs = [(port.get_names(), port.get_element_type().is_real()) for port in model.outputs]

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        from ai_edge_litert import interpreter as litert

        # Delegates fuse and reorder on their own; the plain kernels are the definition.
        engine = litert.Interpreter(
            model_content=data,
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        details = engine.get_input_details()
        order = [_index(details, wanted, i) for i, wanted in enumerate(names)]
        for at, array in zip(order, arrays, strict=True):
            engine.resize_tensor_input(details[at]["index"], array.shape)
        engine.allocate_tensors()
        for at, array in zip(order, arrays, strict=True):
            engine.set_tensor(details[at]["index"], _quantised(array, details[at]))
        engine.invoke()
        results = engine.get_output_details()
        values = []
        for i, (wanted, is_real) in enumerate(outputs):
            detail = results[_index(results, wanted, i)]
            value = engine.get_tensor(detail["index"])
            values.append(_real(value, detail) if is_real else value)
        return values

    return Reference("LiteRT", run, seconds_per_gmac=0.3)


def _index(details: Sequence[dict[str, Any]], names: set[str], otherwise: int) -> int:
    for index, detail in enumerate(details):
        if detail["name"] in names:
            return index
    return otherwise


def _quantised(array: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    """Real numbers in the integers a quantised input takes; integers as they are."""
    kind, (scale, zero) = np.dtype(detail["dtype"]), detail["quantization"]
    if not scale or kind.kind not in "iu" or array.dtype.kind != "f":
        return array.astype(kind)
    bounds = np.iinfo(kind)
    rounded = np.clip(np.round(array / scale) + zero, bounds.min, bounds.max)
    return np.asarray(rounded, kind)


def _real(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    if not scale or value.dtype.kind == "f":
        return value
    return np.asarray((value.astype(np.float32) - zero) * scale, np.float32)
