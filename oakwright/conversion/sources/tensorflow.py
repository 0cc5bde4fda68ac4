"""TensorFlow: SavedModel folders and frozen graphs, read by OpenVINO; TensorFlow is not needed.

Before OpenVINO sees a file its protobuf is walked with bounds. Field numbers are those of
saved_model.proto, meta_graph.proto and graph.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import UnreadableModel
from oakwright.files import read_bounded

from ..wire import Value, WireError, fields, message, text
from .errors_text import unsupported_by_front_end
from .model import Source

if TYPE_CHECKING:
    import openvino as ov

_LARGEST = 2 << 30  # protobuf's own bound of a message
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


@dataclass
class GraphOutline:
    """The nodes of a TensorFlow graph: name -> operation."""

    nodes: dict[str, str] = field(default_factory=dict)


def from_saved_model(path: Path) -> Source:
    """Read a SavedModel: its folder, or the ``saved_model.pb`` in it.

    Raises UnreadableModel for a damaged folder, UnsupportedModel for operations that OpenVINO
    has no rule for.
    """
    folder = path if path.is_dir() else path.parent
    graph = _outline(folder / "saved_model.pb", _saved_model_graphs)
    uses_variables = any(op in _VARIABLES for op in graph.nodes.values())
    index = folder / "variables" / "variables.index"
    if uses_variables and not index.is_file():
        raise UnreadableModel(
            f"{folder} lacks its weights: there is no {index}",
            remedy="copy the whole folder, `variables` too",
            path=str(folder),
        )
    model = _read(folder, graph)
    _name_plainly(model)
    name = folder.resolve().name
    return Source(model, "saved_model", name, "TensorFlow SavedModel", channels_last=True)


def from_frozen(path: Path) -> Source:
    """Read a frozen GraphDef: binary (``.pb``) or text (``.pbtxt``)."""
    is_text = path.suffix.lower() == ".pbtxt"
    graph = GraphOutline() if is_text else _outline(path, _graph_def)
    if is_text:
        _require_text(path)
    loose = [name for name, op in graph.nodes.items() if op in _VARIABLES]
    if loose:
        raise UnreadableModel(
            f"{path} is not frozen: its variable '{loose[0]}' has its values elsewhere",
            remedy="give the SavedModel folder, or freeze the graph"
            " (convert_variables_to_constants_v2)",
            path=str(path),
        )
    model = _read(path, graph)
    _name_plainly(model)
    return Source(model, "tensorflow", path.stem, "TensorFlow GraphDef", channels_last=True)


def saved_model_files(path: Path) -> list[Path]:
    """Every file a SavedModel's numbers live in, for telling whether it changed."""
    folder = path if path.is_dir() else path.parent
    return [folder / "saved_model.pb", *sorted((folder / "variables").glob("variables.*"))]


def _read(path: Path, graph: GraphOutline) -> ov.Model:
    import openvino as ov

    try:
        model = ov.Core().read_model(str(path))
    except Exception as error:
        nodes = {name: (op, name) for name, op in graph.nodes.items()}
        raise unsupported_by_front_end(error, str(path), nodes) from error
    if not model.outputs:
        raise UnreadableModel(f"{path} has no outputs", remedy="export it again", path=str(path))
    return model


def _name_plainly(model: Any) -> None:
    """``image:0`` is ``image`` to everybody but TensorFlow's graphs; both names are kept."""
    taken = {name for op in model.get_ordered_ops() for o in op.outputs() for name in o.get_names()}
    for port in [*model.inputs, *model.outputs]:
        plain = port.get_any_name().removesuffix(":0") if port.get_names() else ""
        if plain and plain not in taken:
            port.get_tensor().add_names({plain})


def _outline(path: Path, walk: Any) -> GraphOutline:
    data = memoryview(read_bounded(path, _LARGEST))
    graph = GraphOutline()
    try:
        for name, operation in walk(data):
            graph.nodes[name] = operation
        if not graph.nodes:
            raise WireError("it has no nodes")
    except WireError as error:
        raise UnreadableModel(
            f"{path} is no TensorFlow graph, or a damaged one: {error}",
            remedy="export or copy it again; is the file of another kind?",
            path=str(path),
        ) from None
    return graph


def _saved_model_graphs(data: memoryview) -> Iterator[tuple[str, str]]:
    for number, value in fields(data):  # SavedModel: 2 = meta graphs
        if number == 2:
            for inner, graph in message(value):  # MetaGraphDef: 2 = graph_def
                if inner == 2:
                    yield from _graph(graph)


def _graph_def(data: memoryview) -> Iterator[tuple[str, str]]:
    return _graph(data)


def _graph(value: Value) -> Iterator[tuple[str, str]]:
    for number, part in message(value):
        if number == 1:
            yield _node(part)
        elif number == 2:  # the library: 1 = functions, in them 3 = nodes
            for inner, function in message(part):
                if inner == 1:
                    yield from (_node(node) for key, node in message(function) if key == 3)


def _node(value: Value) -> tuple[str, str]:
    name = operation = ""
    for number, part in message(value):
        if number == 1:
            name = _strict(part)
        elif number == 2:
            operation = _strict(part)
        elif number == 5:  # attributes: a map; TensorFlow's parser wants its keys in UTF-8
            for key, entry in message(part):
                if key == 1:
                    _strict(entry)
    if not name or not operation:
        raise WireError("a node without name or operation")
    return name, operation


def _strict(value: Value) -> str:
    """Text that is UTF-8, as protobuf demands: its own parser would complain on stderr."""
    found = text(value)
    if "\N{REPLACEMENT CHARACTER}" in found:
        raise WireError("a name that is no UTF-8")
    return found


def _require_text(path: Path) -> None:
    try:
        content = path.read_text("utf-8")
    except UnicodeDecodeError:
        content = ""
    if "node" not in content or "op:" not in content:
        raise UnreadableModel(
            f"{path} is no TensorFlow graph in text form",
            remedy="give the frozen .pb or the SavedModel folder",
            path=str(path),
        )
