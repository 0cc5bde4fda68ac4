"""An ONNX file's outline, read from the protobuf wire format with bounds.

Rule of this file: nothing here trusts a length. It needs no onnx package, touches tensors only
to find the files that external data lives in, and is what stands between a hostile file and the
real parser. Field numbers are those of onnx.proto3 (ModelProto, GraphProto, NodeProto,
AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from oakwright.errors import UnreadableModel

from .wire import Value, WireError, fields, message, packed, text

_DEEPEST = 32  # nested subgraphs; real models have two or three
_MOST_ELEMENTS = 1 << 32


@dataclass
class OnnxOutline:
    """What an ONNX file is made of, without its numbers."""

    ir_version: int = 0
    producer: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    ops: Counter[str] = field(default_factory=Counter)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    external_files: set[str] = field(default_factory=set)
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)  # output -> (operation, name)
    _has_graph: bool = False


def outline(data: bytes | memoryview, where: str) -> OnnxOutline:
    """Read the outline of an ONNX model; ``where`` names it in errors.

    Raises UnreadableModel for anything that is not a whole ONNX model.
    """
    found = OnnxOutline()
    try:
        for number, value in fields(memoryview(data)):
            if number == 1 and isinstance(value, int):
                found.ir_version = value
            elif number == 2:
                found.producer = text(value)
            elif number == 7:
                found._has_graph = True
                _graph(value, found, 0, top=True)
            elif number == 8:
                _opset(value, found)
            elif number == 25:  # local functions
                for inner, node in message(value):
                    if inner == 7:
                        _node(node, found, 1)
    except WireError as error:
        raise UnreadableModel(
            f"{where} is no ONNX model, or a damaged one: {error}",
            remedy="export or download it again; is the file of another kind?",
            path=where,
        ) from None
    if not found._has_graph or not found.opsets:
        raise UnreadableModel(
            f"{where} is no ONNX model: it has no {'opset' if found._has_graph else 'graph'}",
            remedy="oakwright reads ONNX, OpenVINO IR (.xml), PyTorch (.pt2, TorchScript,"
            " package.module:factory), TensorFlow, TFLite, Paddle and Caffe: is the suffix right?",
            path=where,
        )
    return found


def _opset(value: Value, found: OnnxOutline) -> None:
    domain, version = "", 0
    for number, part in message(value):
        if number == 1:
            domain = text(part)
        elif number == 2 and isinstance(part, int):
            version = part
    found.opsets[domain or "ai.onnx"] = version


def _graph(value: Value, found: OnnxOutline, depth: int, *, top: bool) -> None:
    if depth > _DEEPEST:
        raise WireError(f"subgraphs nested deeper than {_DEEPEST}")
    for number, part in message(value):
        if number == 1:
            _node(part, found, depth)
        elif number == 5:
            name = _tensor(part, found)
            if top:
                found.initializers.add(name)
        elif number in (11, 12) and top:
            names = found.inputs if number == 11 else found.outputs
            names.extend(text(entry) for inner, entry in message(part) if inner == 1)
        elif number == 15:  # sparse initializer: values and indices are tensors
            for inner, tensor in message(part):
                if inner in (1, 2):
                    _tensor(tensor, found)


def _node(value: Value, found: OnnxOutline, depth: int) -> None:
    name, operation, outputs = "", "", []
    for number, part in message(value):
        if number == 2:
            outputs.append(text(part))
        elif number == 3:
            name = text(part)
        elif number == 4:
            operation = text(part)
        elif number == 5:
            for inner, attribute in message(part):
                if inner in (5, 10):
                    _tensor(attribute, found)
                elif inner in (6, 11):
                    _graph(attribute, found, depth + 1, top=False)
    found.ops[operation] += 1
    for output in outputs:
        found.nodes.setdefault(output, (operation, name))


def _tensor(value: Value, found: OnnxOutline) -> str:
    name, elements = "", 1
    for number, part in message(value):
        if number == 1:
            for size in [part] if isinstance(part, int) else packed(part):
                elements *= max(size, 1)
        elif number == 8:
            name = text(part)
        elif number == 13:
            entry = dict(message(part))
            if text(entry.get(1, memoryview(b""))) == "location":
                found.external_files.add(text(entry.get(2, memoryview(b""))))
    if elements > _MOST_ELEMENTS:
        raise WireError(f"tensor '{name}' claims {elements} elements")
    return name


def external_paths(found: OnnxOutline, folder: Path) -> list[Path]:
    """Files the model's external data lives in, all of them inside ``folder``.

    Raises UnreadableModel for a location that leads elsewhere or is missing.
    """
    paths = []
    root = folder.resolve()
    for location in sorted(found.external_files):
        pure = PurePosixPath(location.replace("\\", "/"))
        path = (root / pure).resolve()
        if pure.is_absolute() or ".." in pure.parts or not path.is_relative_to(root):
            raise UnreadableModel(
                f"the model's external data points outside its folder: '{location}'",
                remedy="save the model again with its data file beside it",
                path=location,
            )
        if not path.is_file():
            raise UnreadableModel(
                f"the model's external data file '{location}' is missing",
                remedy=f"put it into {folder}",
                path=location,
            )
        paths.append(path)
    return paths
