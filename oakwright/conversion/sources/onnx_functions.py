"""ONNX operators written out as the functions that ONNX defines them by.

Many newer operators (SwiGLU, Celu, Attention with a window ...) come with a definition in older
ones. Where OpenVINO's front end does not know an operator, or knows less of it than the model
uses, the onnx package puts its definition there.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection
from typing import Any

_UNREAD = re.compile(r"(?:No conversion rule found for operations|Conversion is failed for): (.+)")
# Operators the front end reads up to a version; what they can do since then it passes over.
_READ_UNTIL = {"Attention": 24}
_DOMAIN = "oakwright.defined"


def unread_operators(error: Exception) -> set[str]:
    """Operators that the front end's exception says it cannot read, without their domain."""
    named = [part for text in _UNREAD.findall(str(error)) for part in text.split(",")]
    return {re.sub(r"-\d+$", "", name.strip().rpartition(".")[2]) for name in named}


def half_read_operators(operators: Collection[str], opset: int) -> set[str]:
    """Operators of a model whose newest attributes the front end passes over."""
    return {op for op, last in _READ_UNTIL.items() if op in operators and opset > last}


def written_out(read: str | bytes, operators: Collection[str]) -> tuple[bytes, set[str]] | None:
    """The model with those operators that have a definition written out, and which these were.

    None where the onnx package is missing, where none of them has a definition, or where onnx
    cannot tell the types that the definition depends on.
    """
    if not operators or importlib.util.find_spec("onnx") is None:
        return None
    import onnx
    from onnx import inliner, shape_inference

    model = onnx.load(read) if isinstance(read, str) else onnx.load_from_string(read)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    # An operator of somebody's own domain has no definition here, unless the model brings one.
    wanted = {
        (n.domain, n.op_type)
        for n in model.graph.node
        if n.op_type in operators and onnx.defs.has(n.op_type, versions.get(n.domain, 1), n.domain)
    }
    if not wanted:
        return None
    # Definitions may depend on types, and of a weight that is no input nobody has said its own.
    for weight in model.graph.initializer:
        info = onnx.helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims)
        model.graph.value_info.append(info)
    try:
        model = shape_inference.infer_shapes(model)
        _define(model, wanted)
        model = inliner.inline_local_functions(model)
        model = inliner.inline_selected_functions(
            model, sorted(wanted), exclude=False, inline_schema_functions=True
        )
    except (RuntimeError, ValueError, TypeError):
        return None
    done = {kind for _, kind in wanted} - {node.op_type for node in model.graph.node}
    return (model.SerializeToString(), done) if done else None


def _define(model: Any, wanted: Collection[tuple[str, str]]) -> None:
    """Where a definition depends on types, make each such node a call of a function of its own.

    onnx's inliner can do that itself, but not for a node that leaves an optional input out.
    """
    import onnx

    graph = model.graph
    types = {p.name: p.type for p in (*graph.input, *graph.value_info, *graph.output)}
    versions = {entry.domain: entry.version for entry in model.opset_import}
    for number, node in enumerate(graph.node):
        if (node.domain, node.op_type) not in wanted:
            continue
        version = versions[node.domain]
        schema = onnx.defs.get_schema(node.op_type, version, domain=node.domain)
        known = [at for at in schema.context_dependent_function_opset_versions if at <= version]
        if not known:
            continue
        given = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        # The definition asks for attributes that a node may leave at their defaults.
        said = {attribute.name for attribute in node.attribute}
        full = onnx.NodeProto()
        full.CopyFrom(node)
        for name, attribute in schema.attributes.items():
            if name not in said and attribute.default_value.name:
                full.attribute.append(attribute.default_value)
        function = onnx.FunctionProto()
        function.ParseFromString(
            schema.get_context_dependent_function_with_opset_version(
                max(known), full.SerializeToString(), given
            )
        )
        function.domain, function.name = _DOMAIN, f"{node.op_type}_{number}"
        model.functions.append(function)
        node.domain, node.op_type = function.domain, function.name
        del node.attribute[:]
    if model.functions and _DOMAIN not in versions:
        model.opset_import.append(onnx.helper.make_opsetid(_DOMAIN, 1))
