"""Running a model on OpenVINO's CPU plugin, in F32 whatever the processor would rather do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import openvino as ov
from openvino import Output

from oakwright.errors import UsageError

from .legalise import port_names

# The CPU plugin computes in bf16 by default on processors that have it.
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
# Intermediate results are asked for in groups, so that a large model does not fill the memory.
_CHUNK_BYTES = 256 * 1024 * 1024


def run_on_cpu(model: ov.Model, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """All outputs in the model's order. ``inputs`` goes by the names of `port_names`."""
    compiled = ov.Core().compile_model(model, "CPU", EXACT)
    values = compiled(in_order(model, inputs))
    return [np.array(values[index]) for index in range(len(model.outputs))]


def in_order(model: ov.Model, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The inputs as a list, each in the type the model wants."""
    names = port_names(model).inputs
    missing = [name for name in names if name not in inputs]
    if missing or len(inputs) != len(names):
        raise UsageError(
            f"the model has the inputs {', '.join(names)}; given were {', '.join(inputs)}",
            remedy="give one array for each input, by its name",
        )
    ordered = []
    for name, port in zip(names, model.inputs, strict=True):
        array = np.asarray(inputs[name], order="C")
        wanted = tuple(port.get_shape())
        if array.shape != wanted:
            raise UsageError(
                f"input {name} has the shape {wanted}; given was {array.shape}",
                remedy="bring the array into the model's shape",
            )
        ordered.append(array.astype(port.get_element_type().to_dtype(), copy=False))
    return ordered


def chunks(tensors: Sequence[Output]) -> Iterator[Sequence[Output]]:
    """Tensors of static shape in groups of bounded size, order kept."""
    group: list[Output] = []
    size = 0
    for tensor in tensors:
        wanted = int(np.prod(list(tensor.get_shape()), dtype=np.int64)) * 4
        if group and size + wanted > _CHUNK_BYTES:
            yield group
            group, size = [], 0
        group.append(tensor)
        size += wanted
    if group:
        yield group


def tensors_of(
    model: ov.Model, wanted: Sequence[Output], inputs: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The values of any tensors inside ``model``, which stays as it is."""
    results = [ov.opset1.result(tensor) for tensor in wanted]
    try:
        probe = ov.Model(results, model.get_parameters(), "probe")
        values = ov.Core().compile_model(probe, "CPU", EXACT)(list(inputs))
        return [np.array(values[index]) for index in range(len(wanted))]
    finally:
        for tensor, result in zip(wanted, results, strict=True):
            tensor.remove_target_input(result.input(0))
