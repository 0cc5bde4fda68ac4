"""A module as an ONNX file of the opset that was asked for, made small."""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oakwright.conversion import require_torch
from oakwright.errors import ModelError, UsageError


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file: its bytes, its opset, layers before and after they were simplified.

    ``simplified_by`` is the package that did it, empty where neither is installed.
    """

    data: bytes
    opset: int
    layers_before: int
    layers: int
    simplified_by: str


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
    given = example_input if example_input is not None else getattr(module, "example_input", None)
    if given is None:
        raise UsageError(
            f"{type(module).__name__} needs an example input", key="example_input",
            remedy="give it an attribute example_input, or pass one",
        )  # fmt: skip
    named = dict(given) if isinstance(given, dict) else {}
    tensors = tuple(named.values()) or (given if isinstance(given, tuple) else (given,))
    buffer = io.BytesIO()
    was_training = module.training
    module.eval()
    try:
        # The tracing exporter is deprecated, and the one that writes opset 12 as asked.
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tensors,
                buffer,
                opset_version=opset,
                do_constant_folding=True,
                input_names=list(named) or None,
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
    return OnnxFile(model.SerializeToString(), opset_of(model), before, len(model.graph.node), by)


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators that a ``ModelProto`` says it uses."""
    return int(
        next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    )


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
