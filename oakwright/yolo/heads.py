"""Find a detector's heads: its last convolutions, by the grids they work on."""

from __future__ import annotations

import openvino as ov
from openvino import Node, Output

from oakwright.errors import UnsupportedModel

from .layout import Scale

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
# What may follow a convolution and still be part of it: bias, folded scales, type changes.
_PART_OF_IT = ("Add", "Subtract", "Multiply", "Convert", "FakeQuantize")
_MOST_SCALES = 6
_MOST_TENSORS = 3


def find_scales(model: ov.Model) -> tuple[Scale, ...]:
    """The grids of a one-stage detector, finest first, with their raw tensors in graph order.

    Raises UnsupportedModel where the model does not end as such detectors do.
    """
    grids: dict[tuple[int, int], list[Output]] = {}
    for node in _last_convolutions(model):
        tensor = _with_bias(node)
        shape = tensor.get_partial_shape()
        if shape.is_dynamic or len(shape) != 4 or shape[0].get_length() != 1:
            raise _not_a_detector(f"'{node.get_friendly_name()}' has the shape {shape}")
        rows, columns = int(tensor.shape[2]), int(tensor.shape[3])
        grids.setdefault((rows, columns), []).append(tensor)
    if not grids:
        raise _not_a_detector("it has no convolution")
    counts = {len(tensors) for tensors in grids.values()}
    if len(grids) > _MOST_SCALES or len(counts) > 1 or max(counts) > _MOST_TENSORS:
        found = ", ".join(
            f"{rows}x{columns}: {[int(t.shape[1]) for t in tensors]} channels"
            for (rows, columns), tensors in grids.items()
        )
        raise _not_a_detector(f"its last convolutions are {found}")
    scales = [Scale(rows, columns, tuple(tensors)) for (rows, columns), tensors in grids.items()]
    return tuple(sorted(scales, key=lambda scale: -scale.cells))


def find_regions(model: ov.Model) -> list[Node]:
    """RegionYolo layers: Model Optimizer's way of writing a v2 to v4 head."""
    return [op for op in model.get_ordered_ops() if op.get_type_name() == "RegionYolo"]


def _not_a_detector(why: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"the model does not end like a YOLO detector: {why}",
        remedy="detection exports have one to three last convolutions for each of up to six"
        " grids; for segmentation, pose or other models use `oakwright convert`",
        findings=(),
    )


def _last_convolutions(model: ov.Model) -> list[Node]:
    """Convolutions that no other convolution reads, in order; distribution means do not count."""
    means = {op.get_name() for op in model.get_ordered_ops() if _is_mean_of_distribution(op)}
    reaches: dict[str, bool] = {}  # node -> whether a convolution lies downstream of it
    found = []
    for op in reversed(model.get_ordered_ops()):
        below = any(
            reaches.get(target.get_node().get_name(), False)
            for output in op.outputs()
            for target in output.get_target_inputs()
        )
        is_convolution = op.get_type_name() in _CONVOLUTIONS and op.get_name() not in means
        if is_convolution and not below:
            found.append(op)
        reaches[op.get_name()] = below or is_convolution
    return found[::-1]


def _is_mean_of_distribution(op: Node) -> bool:
    """A 1x1 convolution to one channel with the weights 0, 1, 2, ..."""
    if op.get_type_name() != "Convolution":
        return False
    weights = op.input_value(1).get_node()
    if weights.get_type_name() == "Convert":
        weights = weights.input_value(0).get_node()
    if weights.get_type_name() != "Constant":
        return False
    shape = tuple(weights.output(0).shape)
    if len(shape) != 4 or shape[0] != 1 or shape[2:] != (1, 1):
        return False
    return [round(float(v), 3) for v in weights.data.reshape(-1)] == [*range(shape[1])]


def _with_bias(node: Node) -> Output:
    """The convolution's output with what is added and multiplied per channel."""
    tensor = node.output(0)
    while True:
        readers = list(tensor.get_target_inputs())
        if len(readers) != 1:
            return tensor
        reader = readers[0].get_node()
        if reader.get_type_name() not in _PART_OF_IT:
            return tensor
        others = [v for v in reader.input_values() if v.get_node().get_name() != node.get_name()]
        for value in others:
            if value == tensor:
                continue
            shape = tuple(value.shape)
            per_channel = len(shape) <= 4 and all(
                d == 1 for axis, d in enumerate((1,) * (4 - len(shape)) + shape) if axis != 1
            )
            if not _is_constant(value) or not per_channel:
                return tensor
        node, tensor = reader, reader.output(0)


def _is_constant(value: Output) -> bool:
    node = value.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant")
