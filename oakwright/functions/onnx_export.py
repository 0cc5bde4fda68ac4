"""A module as an ONNX file of the opset that was asked for, made small."""

from __future__ import annotations

import importlib.util
import inspect
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oakwright.conversion import frozen_branches, require_torch
from oakwright.errors import ModelError, UsageError

# What PyTorch's tracing exporter writes.
_OPSETS = (7, 20)


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file: its bytes, its opset, layers before and after they were simplified.

    ``simplified_by`` is the package that did it, empty where neither is installed. ``notes``: what
    PyTorch warned of, as far as it changes the result.
    """

    data: bytes
    opset: int
    layers_before: int
    layers: int
    simplified_by: str
    notes: tuple[str, ...] = ()


def to_onnx(
    module: Any,
    example_input: Any = None,
    *,
    opset: int = 12,
    simplify: bool = True,
    output_names: Sequence[str] = (),
) -> OnnxFile:
    """Export ``module`` by ``torch.onnx.export`` with constants folded.

    ``example_input``: a tensor, a tuple or a dict by argument name; the module's own if not
    given. PyTorch can write another opset than the one asked for and say so only in its log:
    the file that was written is asked. Simplified by onnxslim or onnxsim, if one is installed.

    Raises UsageError without torch or onnx, ModelError where the export fails or has another
    opset.
    """
    torch, onnx = require_torch(), _require_onnx()
    if not _OPSETS[0] <= opset <= _OPSETS[1]:
        raise UsageError(
            f"PyTorch does not write opset {opset}",
            remedy=f"ask for one of {_OPSETS[0]} to {_OPSETS[1]}",
            key="opset",
        )
    given = example_input if example_input is not None else getattr(module, "example_input", None)
    if given is None:
        raise UsageError(
            f"{type(module).__name__} needs an example input", key="example_input",
            remedy="give it an attribute example_input, or pass one",
        )  # fmt: skip
    names, tensors = _named(module, given)
    buffer = io.BytesIO()
    was_training = module.training
    module.eval()
    try:
        # The tracing exporter is deprecated, and the one that writes opset 12 as asked.
        with warnings.catch_warnings(record=True) as told, torch.no_grad():
            warnings.simplefilter("always")
            torch.onnx.export(
                module,
                tensors,
                buffer,
                opset_version=opset,
                do_constant_folding=True,
                input_names=names,
                output_names=list(output_names) or None,
                dynamo=False,
            )
    except Exception as error:
        raise ModelError(
            f"PyTorch cannot export {type(module).__name__} at opset {opset}: "
            f"{str(error).strip().splitlines()[0][:200] if str(error).strip() else error!r}",
            remedy="try another --opset, or convert the module itself, without ONNX",
        ) from error
    finally:
        module.train(was_training)
    model = onnx.load_model_from_string(buffer.getvalue())
    written = opset_of(model)
    if written != opset:
        raise ModelError(
            f"PyTorch wrote opset {written} where {opset} was asked for",
            remedy=f"ask for --opset {written}",
            opset=written,
        )
    before = len(model.graph.node)
    model, by = _simplified(model) if simplify else (model, "")
    notes = tuple(frozen_branches(told))
    data, layers = model.SerializeToString(), len(model.graph.node)
    return OnnxFile(data, opset_of(model), before, layers, by, notes)


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators that a ``ModelProto`` says it uses."""
    return int(
        next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    )


def _named(module: Any, given: Any) -> tuple[list[str] | None, tuple[Any, ...]]:
    """Names of the inputs, those of forward's arguments where it has names, and their tensors."""
    if isinstance(given, dict):
        return list(given), tuple(given.values())
    tensors = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    try:
        entries = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):  # a ScriptModule has no signature
        return None, tensors
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [entry.name for entry in entries if entry.kind in plain]
    return (names[: len(tensors)] if len(names) >= len(tensors) else None), tensors


def _simplified(model: Any) -> tuple[Any, str]:
    if importlib.util.find_spec("onnxslim"):
        import onnxslim

        return onnxslim.slim(model), "onnxslim"
    if importlib.util.find_spec("onnxsim"):
        import onnxsim

        smaller, is_equal = onnxsim.simplify(model)
        if not is_equal:
            raise ModelError("onnxsim's result does not compute what it was given")
        return smaller, "onnxsim"
    return model, ""


def _require_onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise UsageError(
            "writing ONNX needs the onnx package", remedy="pip install 'oakwright[onnx]'"
        ) from error
    return onnx
