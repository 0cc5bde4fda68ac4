"""Open any source: one row per kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oakwright.errors import OakwrightError, UnreadableModel, UsageError
from oakwright.ir import read as read_ir

from . import caffe, keras, onnx, paddle, tensorflow, tflite, torch
from .kinds import Kind, detect
from .model import Source

_FILES: dict[Kind, Callable[[Path], Source]] = {
    Kind.SAVED_MODEL: tensorflow.from_saved_model,
    Kind.FROZEN_TF: tensorflow.from_frozen,
    Kind.PADDLE: paddle.from_paddle,
}


def open_source(
    source: Any,
    *,
    example_input: Any = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    output_names: Sequence[str] = (),
) -> Source:
    """Read ``source``, whatever kind it is; see :class:`Kind` for the kinds.

    ``output_names`` are for PyTorch modules, whose outputs have none of their own.

    Raises UnreadableModel or UnsupportedModel; never anything else for a bad file.
    """
    kind = detect(source)
    if output_names and kind is not Kind.TORCH:
        raise UsageError("output_names are for PyTorch modules; other models have names")
    try:
        if kind is Kind.ONNX:
            return onnx.from_onnx(source)
        if kind is Kind.IR:
            path = Path(source)
            return Source(read_ir(path), "ir", path.stem, "OpenVINO IR")
        if kind is Kind.OPENVINO:
            return Source(source.clone(), "openvino", source.get_friendly_name(), "openvino.Model")
        if kind in _FILES:
            return _FILES[kind](Path(source))
        if kind is Kind.CAFFE:
            return caffe.from_caffe(source, shapes)
        if kind is Kind.TFLITE:
            return tflite.from_tflite(source)
        if kind is Kind.KERAS:
            return keras.from_keras(source)
        if kind is Kind.TORCH:
            return torch.from_module(
                source, example_input, shapes=shapes, output_names=output_names
            )
        if kind is Kind.FACTORY:
            return torch.from_factory(str(source), example_input, shapes)
        if kind is Kind.TORCHSCRIPT:
            return torch.from_torchscript(Path(source), example_input, shapes)
        if isinstance(source, (str, Path)):
            return torch.from_pt2(Path(source))
        return torch.from_exported(source)
    except OSError as error:
        raise UnreadableModel(
            f"cannot read {source}: {error.strerror}", path=str(source)
        ) from error
    except UnicodeDecodeError as error:
        raise UnreadableModel(
            f"{source} is damaged: a name in it is no UTF-8",
            remedy="export or download it again",
            path=str(source),
        ) from error
    except MemoryError as error:
        raise UnreadableModel(f"{source} does not fit into memory", path=str(source)) from error
    except OakwrightError:
        raise
