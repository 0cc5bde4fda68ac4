"""Cutting outputs off and freezing inputs of an openvino model, in place or anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov

from oakwright.errors import UsageError
from oakwright.ir import port_names

from .options import ConvertOptions


def cut_outputs(model: ov.Model, names: Sequence[str]) -> ov.Model:
    """A model that ends in the named tensors or layers (``layer:1`` for a second output)."""
    ends = []
    for name in names:
        output = _find(model, name)
        if output.get_node().get_type_name() == "Result":
            output = output.get_node().input_value(0)
        ends.append((name, output))
    results = []
    for name, output in ends:
        if name not in output.get_names():
            output.get_tensor().add_names({name})
        result = _result(output)
        result.set_friendly_name(name)
        results.append(result)
    reached = _ancestors([output.get_node() for _, output in ends])
    parameters = [p for p in model.get_parameters() if p.get_friendly_name() in reached]
    return ov.Model(results, parameters, model.get_friendly_name())


def _result(output: Any) -> Any:
    from openvino import opset8

    return opset8.result(output)


def _find(model: ov.Model, name: str) -> Any:
    layer, _, index = name.rpartition(":")
    for op in model.get_ordered_ops():
        for output in op.outputs():
            if name in output.get_names():
                return output
        if op.get_friendly_name() == name and op.get_output_size():
            return op.output(0)
        is_port = layer and op.get_friendly_name() == layer and index.isdigit()
        if is_port and int(index) < op.get_output_size():
            return op.output(int(index))
    close = [n for n in _all_names(model) if name.lower() in n.lower()][:5]
    raise UsageError(
        f"the model has no tensor or layer '{name}' to cut at",
        remedy=f"near it: {', '.join(close)}" if close else "list them with `oakwright inspect`",
        key="outputs",
    )


def _all_names(model: ov.Model) -> list[str]:
    return [op.get_friendly_name() for op in model.get_ordered_ops()]


def _ancestors(nodes: list[Any]) -> set[str]:
    seen: set[str] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if node.get_friendly_name() in seen:
            continue
        seen.add(node.get_friendly_name())
        todo += [value.get_node() for value in node.input_values()]
    return seen


def freeze_inputs(model: ov.Model, options: ConvertOptions) -> dict[str, np.ndarray]:
    """Put constants in place of inputs that are to be frozen; gives their values by name."""
    frozen = {}
    known = dict(zip(port_names(model).inputs, model.inputs, strict=True))
    for entry in options.inputs:
        if entry.freeze is None:
            continue
        if entry.name not in known:
            raise UsageError(
                f"the model has no input '{entry.name}' to freeze",
                remedy=f"its inputs are {', '.join(known)}",
                key="freeze",
            )
        port = known[entry.name]
        shape = tuple(port.shape)
        values = np.asarray(entry.freeze, port.element_type.to_dtype())
        if values.size not in (1, int(np.prod(shape))):
            raise UsageError(
                f"input '{entry.name}' of shape {list(shape)} cannot be frozen to {values.size}"
                " values",
                remedy="give one value, or one for each element",
                key="freeze",
            )
        full = np.broadcast_to(values.ravel(), shape or (1,)) if values.size == 1 else values
        full = full.reshape(shape)
        constant = ov.op.Constant(np.ascontiguousarray(full))
        node = port.get_node()
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(constant.output(0))
        model.remove_parameter(node)
        frozen[entry.name] = full
    if frozen:
        if not model.inputs:
            raise UsageError("every input is frozen: nothing is left to run", key="freeze")
        model.validate_nodes_and_infer_types()
    return frozen
