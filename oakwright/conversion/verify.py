"""Does the converted model still compute what its source computes?

Asked twice on the same random input: the source framework itself (a torch module,
onnx.reference) where that is quick enough, and OpenVINO's reading of the source against the
legalised model, layer by layer. OpenVINO computes in FP32 here, never in its default precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright import ir
from oakwright.errors import ConversionMismatch
from oakwright.tensor import Precision

from .plan import PlannedInput
from .sources import Source

if TYPE_CHECKING:
    import openvino as ov

_PATIENCE_S = 1.5  # what `auto` lets the source framework take
_SEED = 20210400


@dataclass(frozen=True)
class Verdict:
    """What was compared with what, and how far apart they are (max |a - b| / max |b|)."""

    against: str
    difference: float
    note: str = ""


def random_inputs(planned: Sequence[PlannedInput]) -> dict[str, np.ndarray]:
    """Random values for each input of the IR: bytes for frames, 0..1 for other real inputs.

    Shapes are the IR's (planar); integers are 0 or 1, which any index accepts.
    """
    generator = np.random.default_rng(_SEED)
    values = {}
    for entry in planned:
        shape = entry.ir_shape
        if entry.precision is Precision.U8:
            values[entry.name] = generator.integers(0, 256, shape).astype(np.float32)
        elif entry.precision is Precision.I32:
            values[entry.name] = generator.integers(0, 2, shape).astype(np.int32)
        else:
            values[entry.name] = generator.random(shape, np.float32)
    return values


def verify(
    source: Source,
    reading: ov.Model,
    preprocessed: ov.Model,
    legalised: ov.Model,
    planned: Sequence[PlannedInput],
    *,
    use_framework: bool,
    full: bool,
    tolerance: float,
) -> Verdict:
    """Compare; ``reading`` is the source as OpenVINO read it, ``preprocessed`` has mean and scale.

    Raises ConversionMismatch naming the first layer that differs.
    """
    inputs = random_inputs(planned)
    agreement = ir.compare(preprocessed, legalised, inputs, tolerance=tolerance)
    reference, note = source.reference, ""
    if reference is None or not use_framework:
        return Verdict("OpenVINO's reading of the source", agreement.difference)
    expected_s = reference.seconds_per_gmac * ir.describe(legalised)["macs"] / 1e9
    if expected_s > _PATIENCE_S and not full:
        note = f"{reference.name} would take about {expected_s:.0f} s: ask with --verify full"
        return Verdict("OpenVINO's reading of the source", agreement.difference, note)
    fed = []
    for entry, port in zip(planned, reading.inputs, strict=True):
        kind = port.element_type.to_dtype()
        fed.append(np.ascontiguousarray(entry.apply(inputs[entry.name])).astype(kind))
    try:
        wanted = reference.run(fed)
    except Exception as error:
        if full:
            raise ConversionMismatch(
                f"{reference.name} cannot run the source: {error}",
                remedy="use --verify auto to compare with OpenVINO's reading only",
                layer="",
                difference=float("nan"),
            ) from error
        note = f"{reference.name} cannot run it ({type(error).__name__})"
        return Verdict("OpenVINO's reading of the source", agreement.difference, note)
    got = ir.run_on_cpu(legalised, inputs)
    worst = 0.0
    for index, (a, b) in enumerate(zip(got, wanted, strict=True)):
        name = ir.port_names(legalised).outputs[index]
        difference = _difference(a, b)
        if not difference <= tolerance:
            layer = _first_difference(source, reading, fed, tolerance, name)
            if layer is None:
                note = (
                    f"'{name}' differs by {difference:.1g}, but each layer agrees on"
                    f" {reference.name}'s own values: it only grew on random input"
                )
                continue
            raise ConversionMismatch(
                f"layer '{layer}': OpenVINO reads it differently from {reference.name}"
                f" (output '{name}' differs by {difference:.2g}, allowed is {tolerance:g})",
                remedy="rewrite that layer in the model, or check with --verify off that the"
                " result is still what you want",
                layer=layer,
                difference=difference,
            )
        worst = max(worst, difference)
    return Verdict(reference.name, worst, note)


def _difference(got: np.ndarray, wanted: np.ndarray) -> float:
    """max |a - b| / max |b|, whatever the shapes, as long as they hold as many values."""
    if got.size != np.asarray(wanted).size:
        return float("inf")
    if not got.size:
        return 0.0
    return ir.relative_difference(np.asarray(wanted).ravel(), np.asarray(got).ravel())


def _first_difference(
    source: Source, reading: ov.Model, fed: Sequence[np.ndarray], tolerance: float, output: str
) -> str | None:
    """The first layer that computes something else than the framework from the same values.

    A difference that merely grew on the way (a saturated softmax) belongs to no layer: None.
    Where the framework cannot tell its intermediate values, the output's own name.
    """
    locate = source.reference.intermediates if source.reference else None
    if locate is None:
        return output
    theirs = locate(fed)
    probe = reading.clone()
    known: dict[str, Any] = {}  # the framework's name of a value -> ours, layers in order
    for op in probe.get_ordered_ops():
        for port in op.outputs():
            shared = port.get_names() & theirs.keys()
            if shared and op.get_type_name() not in ("Parameter", "Constant", "Result"):
                known[min(shared)] = port
    values = ir.tensors_of(probe, list(known.values()), fed)
    for (name, port), value in zip(known.items(), values, strict=True):
        if _difference(value, theirs[name]) <= tolerance:
            continue
        if not _difference(_alone(port, theirs), theirs[name]) <= tolerance:
            return str(port.get_node().get_friendly_name())
    return None


def _alone(port: Any, theirs: Mapping[str, np.ndarray]) -> np.ndarray:
    """A value computed by its own layers only, from the framework's values before them."""
    import openvino as ov

    parameters, feed, seen = [], [], set()
    todo = [port.get_node()]
    undo = []
    while todo:
        node = todo.pop()
        if node.get_name() in seen:
            continue
        seen.add(node.get_name())
        for entry in node.inputs():
            before = entry.get_source_output()
            shared = before.get_names() & theirs.keys()
            if shared and before.get_node().get_type_name() != "Constant":
                value = np.asarray(theirs[min(shared)])
                parameter = ov.opset1.parameter(list(value.shape), value.dtype)
                parameters.append(parameter)
                feed.append(value)
                entry.replace_source_output(parameter.output(0))
                undo.append((entry, before))
            else:
                todo.append(before.get_node())
    result = ov.opset1.result(port)
    try:
        (value,) = ir.tensors_of(ov.Model([result], parameters, "alone"), [port], feed)
    finally:
        port.remove_target_input(result.input(0))
        for entry, before in undo:
            entry.replace_source_output(before)
    return value
