"""ONNX files, bytes and ``onnx.ModelProto``; the onnx package is only asked for the truth."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import UnreadableModel, UnsupportedModel
from oakwright.files import read_bounded
from oakwright.ir import Finding

from ..onnx_file import OnnxOutline, external_paths, outline
from .errors_text import unsupported_by_front_end
from .model import Reference, Source
from .onnx_functions import half_read_operators, unread_operators, written_out

if TYPE_CHECKING:
    import numpy as np

_LARGEST = 8 << 30


def from_onnx(source: Any, name: str = "") -> Source:
    """Read an ONNX model from a path, bytes or a ``ModelProto``.

    Raises UnreadableModel for damaged files and external data outside the model's folder,
    UnsupportedModel for operations the front end has no rule for.
    """
    import openvino as ov

    if hasattr(source, "SerializeToString"):
        source = source.SerializeToString()
    if isinstance(source, (str, Path)):
        path = Path(source)
        where, name = str(path), name or path.stem
        data = read_bounded(path, _LARGEST)
        found = outline(data, where)
        external_paths(found, path.parent)
        read: Any = str(path)
    else:
        data = bytes(source)
        where, name = "the given ONNX bytes", name or "model"
        found = outline(data, where)
        if found.external_files:
            raise UnreadableModel(
                f"{where} refer to external data files", remedy="give the model's path", path=where
            )
        read = data
    core, original = ov.Core(), read
    notes: tuple[str, ...] = ()
    half_read = half_read_operators(found.ops, found.opsets.get("ai.onnx", 0))
    try:
        if half_read:
            read, notes = _write_out(read, half_read)
            if not notes:
                raise _half_read(where, found, half_read)
        model = core.read_model(read)
    except UnsupportedModel:
        raise
    except Exception as error:
        read, notes = _write_out(read, unread_operators(error))
        try:
            if not notes:
                raise error
            model = core.read_model(read)
        except Exception as second:
            raise unsupported_by_front_end(second, where, found.nodes) from second
    names = [name for name in found.inputs if name not in found.initializers]
    if "DFT" in found.ops and len(model.inputs) < len(names):
        raise _axis_unread(where, found)
    _keep_input_names(model, names)
    return Source(
        model=model,
        kind="onnx",
        name=name,
        front_end=f"ONNX opset {found.opsets.get('ai.onnx', '?')}",
        reference=_reference(source, original),
        notes=notes,
        origins={output: name for output, (_, name) in found.nodes.items() if name},
    )


def _write_out(read: Any, operators: set[str]) -> tuple[Any, tuple[str, ...]]:
    """The model with ``operators`` written out, and a note that says so; as it was without one."""
    made = written_out(read, operators)
    if made is None:
        return read, ()
    note = f"{', '.join(sorted(made[1]))}: written out as ONNX defines it, for OpenVINO to read"
    return made[0], (note,)


def _half_read(where: str, found: OnnxOutline, operators: set[str]) -> UnsupportedModel:
    return _misread(
        where,
        found,
        operators,
        "what it can do since this opset OpenVINO's front end passes over, and it could not be"
        " written out as ONNX defines it",
        "install the onnx package, or export for an older opset",
    )


def _axis_unread(where: str, found: OnnxOutline) -> UnsupportedModel:
    """The front end takes the default for an axis or length it cannot know, without a word."""
    reason = "its axis or length is an input of the model, which OpenVINO's front end passes over"
    return _misread(where, found, {"DFT"}, reason, "make axis and length constants")


def _misread(
    where: str, found: OnnxOutline, operators: set[str], reason: str, remedy: str
) -> UnsupportedModel:
    findings = [
        Finding(name or output, op, output, reason, remedy)
        for output, (op, name) in found.nodes.items()
        if op in operators
    ]
    lines = "\n".join(f"  - {finding}" for finding in findings)
    return UnsupportedModel(
        f"{where}: this would not be read as it is meant\n{lines}",
        remedy=remedy,
        findings=tuple(findings),
    )


def _keep_input_names(model: Any, names: Sequence[str]) -> None:
    """Give inputs the graph's names: the front end renames one that a Dropout or Max reads first.

    It keeps their order; where it dropped an input that nobody reads, the tensor still has all
    names that it had.
    """
    if len(names) == len(model.inputs):
        pairs = list(zip(model.inputs, names, strict=True))
    else:
        known = [(port, sorted(port.get_names() & set(names))) for port in model.inputs]
        pairs = [(port, found[0]) for port, found in known if len(found) == 1]
    for port, name in pairs:
        port.get_tensor().add_names({name})
        port.get_node().set_friendly_name(name)


def _reference(source: Any, read: Any) -> Reference | None:
    """ONNX's own reference evaluator, where the onnx package is installed."""
    if importlib.util.find_spec("onnx") is None:
        return None

    def evaluate(arrays: Sequence[np.ndarray], everything: bool) -> dict[str, np.ndarray]:
        import numpy as np
        import onnx
        from onnx.reference import ReferenceEvaluator

        from .onnx_mended import mended_operators

        proto = onnx.load(read) if isinstance(read, str) else onnx.load_from_string(read)
        weights = {tensor.name for tensor in proto.graph.initializer}
        names = [value.name for value in proto.graph.input if value.name not in weights]
        wanted = [value.name for value in proto.graph.output]
        if everything:
            wanted = [out for node in proto.graph.node for out in node.output if out]
            extra = set(wanted) - {value.name for value in proto.graph.output}
            proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(extra))
        evaluator = ReferenceEvaluator(proto, new_ops=mended_operators())
        feed = dict(zip(names, arrays, strict=True))
        results = evaluator.run(wanted, feed)
        values = {name: np.asarray(result) for name, result in zip(wanted, results, strict=True)}
        return {**feed, **values} if everything else values

    return Reference(
        "onnx.reference",
        lambda arrays: list(evaluate(arrays, False).values()),
        seconds_per_gmac=4.0,
        intermediates=lambda arrays: evaluate(arrays, True),
    )
