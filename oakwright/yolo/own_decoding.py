"""The model's own decoding, cut out of it: a function from raw head tensors to boxes.

Exports carry the arithmetic that turns raw tensors into boxes. Asked with chosen numbers, it says
which rule it follows, which anchors it uses and in which order its rows come, whatever exporter
wrote it down and however.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from openvino import Output

from .layout import Scale

_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
_MOST_CANDIDATES = 16
_FEWEST_NUMBERS = 4  # a row without four numbers holds no box


@dataclass(frozen=True)
class OwnDecoding:
    """Tensors downstream of every head that may hold one row for a box, the last one first.

    ``keys`` are the head tensors it is a function of.
    """

    shapes: tuple[tuple[int, ...], ...]
    keys: tuple[str, ...]
    _run: Any

    def __call__(self, heads: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Values of all candidates for the given head tensors, by `Scale.keys`."""
        results = self._run([heads[key] for key in self.keys])
        return [np.array(results[index]) for index in range(len(self.shapes))]


def own_decoding(model: ov.Model, scales: Sequence[Scale]) -> OwnDecoding | None:
    """Cut ``model`` behind its heads; None where nothing there holds rows. ``model`` is kept."""
    copy = model.clone()
    twin = dict(
        zip(
            (op.get_name() for op in model.get_ordered_ops()),
            copy.get_ordered_ops(),
            strict=True,
        )
    )
    heads: list[Output] = [
        twin[tensor.get_node().get_name()].output(tensor.get_index())
        for scale in scales
        for tensor in scale.tensors
    ]
    candidates = _candidates(copy, heads, scales)
    if not candidates:
        return None
    from openvino import opset8

    stand_ins = []
    for tensor in heads:
        stand_in = opset8.parameter(list(tensor.shape), np.float32)
        for target in tensor.get_target_inputs():
            target.replace_source_output(stand_in.output(0))
        stand_ins.append(stand_in)
    results = [opset8.result(tensor) for tensor in candidates]
    rest = _parameters_above(results, {node.get_name() for node in stand_ins})
    cut = ov.Model(results, [*stand_ins, *rest], "decoding")
    compiled = ov.Core().compile_model(cut, "CPU", _EXACT)
    idle = [np.zeros(list(p.shape), p.get_element_type().to_dtype()) for p in rest]
    shapes = tuple(tuple(int(d) for d in result.shape) for result in results)
    keys = tuple(key for scale in scales for key in scale.keys)
    return OwnDecoding(shapes, keys, lambda arrays: compiled([*arrays, *idle]))


def _candidates(copy: ov.Model, heads: Sequence[Output], scales: Sequence[Scale]) -> list[Output]:
    sources: dict[str, int] = {}
    for index, tensor in enumerate(heads):
        name = tensor.get_node().get_name()
        sources[name] = sources.get(name, 0) | 1 << index
    everything = (1 << len(heads)) - 1
    cells = sum(scale.cells for scale in scales)
    reached: dict[str, int] = {}
    found = []
    for op in copy.get_ordered_ops():
        mask = sources.get(op.get_name(), 0)
        for value in op.input_values():
            mask |= reached.get(value.get_node().get_name(), 0)
        reached[op.get_name()] = mask
        is_behind_all = mask == everything and op.get_name() not in sources
        if not is_behind_all or op.get_type_name() == "Result":
            continue
        for output in op.outputs():
            shape = output.get_partial_shape()
            if shape.is_dynamic or not output.get_element_type().is_real():
                continue
            dims = [int(d) for d in output.shape if int(d) != 1]
            if len(dims) == 2 and any(
                dims[i] % cells == 0 and dims[1 - i] >= _FEWEST_NUMBERS for i in (0, 1)
            ):
                found.append(output)
    return found[::-1][:_MOST_CANDIDATES]


def _parameters_above(results: Sequence[Any], known: set[str]) -> list[Any]:
    """Inputs of the original model that the cut part still reads (for their shape, usually)."""
    seen: set[str] = set()
    todo, found = list(results), []
    while todo:
        node = todo.pop()
        if node.get_name() in seen:
            continue
        seen.add(node.get_name())
        if node.get_type_name() == "Parameter" and node.get_name() not in known:
            found.append(node)
        todo += [value.get_node() for value in node.input_values()]
    return found


def as_rows(values: np.ndarray, boxes: int) -> np.ndarray | None:
    """Values as [boxes, numbers], or None where the shape is another."""
    squeezed = values.reshape([d for d in values.shape if d != 1])
    if squeezed.ndim != 2:
        return None
    if squeezed.shape[0] == boxes and squeezed.shape[1] != boxes:
        return squeezed
    return squeezed.T if squeezed.shape[1] == boxes else None
