"""Does the converted model still compute what its source computes?

Asked twice on the same random input: the source framework itself (a torch module,
onnx.reference) where that is quick enough, and OpenVINO's reading of the source against the
legalised model, layer by layer. OpenVINO computes in FP32 here, never in its default precision.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright import ir
from oakwright.errors import ConversionMismatch
from oakwright.tensor import Precision

from .plan import PlannedInput
from .rounding import Rounding, measure_rounding
from .sources import Reference, Source

if TYPE_CHECKING:
    import openvino as ov

_PATIENCE_S = 1.5  # what `auto` lets the source framework take
_SEED = 20210400
FP16_ALARM = 0.1  # rounding the weights alone should change outputs by a hundredth at most


@dataclass(frozen=True)
class Verdict:
    """What was compared with what, and how far apart they are (max |a - b| / max |b|)."""

    against: str
    difference: float
    note: str = ""
    fp16_difference: float | None = None  # with the weights rounded to FP16
    rounding: Rounding | None = None  # for quantised models; ``difference`` is then without it


def random_inputs(planned: Sequence[PlannedInput], *, start: float = 0.0) -> dict[str, np.ndarray]:
    """Random values for each input of the IR: bytes for frames, 0..1 for other real inputs.

    Those begin at ``start`` instead: -1 gives -1..0, for a traced model may have kept one branch
    only; 1 gives 1..2, for not every function is defined below.

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
            values[entry.name] = generator.random(shape, np.float32) + np.float32(start)
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
    _check_preprocessing(reading, preprocessed, planned, inputs, tolerance)
    unrounded, dropped = ir.without_rounding(preprocessed)
    everywhere = True
    try:
        agreement = ir.compare(unrounded, legalised, inputs, tolerance=tolerance)
    except ConversionMismatch:
        if not _leaves_its_domain(unrounded, inputs):
            raise
        # The source itself gives no number there (acosh below 1), and ours need not either.
        everywhere, inputs = False, random_inputs(planned, start=1.0)
        agreement = ir.compare(unrounded, legalised, inputs, tolerance=tolerance)
    if dropped:
        reference = source.reference if use_framework else None
        cost = reference.seconds_per_gmac * ir.describe(legalised)["macs"] / 1e9 if reference else 0
        fed = _fed(planned, reading, inputs) if full or cost <= _PATIENCE_S else None
        measured = measure_rounding(reference, fed, preprocessed, legalised, inputs)
        return Verdict(
            "OpenVINO's reading of the source, less its rounding to integers",
            agreement.difference,
            rounding=replace(measured, layers=dropped),
        )
    reference, note = source.reference, ""
    if reference is None or not use_framework:
        return Verdict("OpenVINO's reading of the source", agreement.difference)
    expected_s = reference.seconds_per_gmac * ir.describe(legalised)["macs"] / 1e9
    if expected_s > _PATIENCE_S and not full:
        note = f"{reference.name} would take about {expected_s:.0f} s: ask with --verify full"
        return Verdict("OpenVINO's reading of the source", agreement.difference, note)
    draws = [inputs]
    is_quick = everywhere and expected_s < _PATIENCE_S / 4
    if is_quick and any(v.dtype == np.float32 for v in inputs.values()):
        draws.append(random_inputs(planned, start=-1.0))
    worst = 0.0
    for draw in draws:
        try:
            difference, grown = _against_framework(
                source, reference, reading, legalised, planned, draw, tolerance
            )
        except ConversionMismatch:
            raise
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
        worst, note = max(worst, difference), grown or note
    return Verdict(reference.name, worst, note)


def _check_preprocessing(
    reading: ov.Model,
    preprocessed: ov.Model,
    planned: Sequence[PlannedInput],
    inputs: Mapping[str, np.ndarray],
    tolerance: float,
) -> None:
    """Mean, scale, order and layout inside the model against the same done in numpy before it."""
    if not any(entry.preprocess() for entry in planned):
        return
    names = ir.port_names(reading).inputs
    fed = dict(zip(names, _fed(planned, reading, inputs), strict=True))
    wanted = _values_before_detections(reading, fed)
    got = _values_before_detections(preprocessed, inputs)
    for a, b in zip(got, wanted, strict=True):
        if not (difference := _difference(a, b)) <= tolerance:
            raise ConversionMismatch(
                "with mean, scale, colour order and layout inside, the model computes something"
                f" else than with the same done before it: by {difference:.2g}, allowed is"
                f" {tolerance:g}",
                remedy="this is a fault of oakwright: report it, and do that step on the host",
                layer="",
                difference=difference,
            )


def _fed(
    planned: Sequence[PlannedInput], reading: ov.Model, inputs: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """What the source is fed for these inputs of the IR."""
    return [
        np.ascontiguousarray(entry.apply(inputs[entry.name])).astype(port.element_type.to_dtype())
        for entry, port in zip(planned, reading.inputs, strict=True)
    ]


def _leaves_its_domain(model: ov.Model, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether some output is no number for these inputs; False where they cannot be run at all."""
    try:
        return any(np.isnan(value).any() for value in ir.run_on_cpu(model, inputs))
    except RuntimeError:
        return False


def _against_framework(
    source: Source,
    reference: Reference,
    reading: ov.Model,
    legalised: ov.Model,
    planned: Sequence[PlannedInput],
    inputs: Mapping[str, np.ndarray],
    tolerance: float,
) -> tuple[float, str]:
    """The largest difference of any output, and a note where it only grew on the way."""
    fed = _fed(planned, reading, inputs)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # an overflow in the framework is no news to the user
        wanted = reference.run(fed)
    got = ir.run_on_cpu(legalised, inputs)
    worst, note = 0.0, ""
    for name, a, b in zip(ir.port_names(legalised).outputs, got, wanted, strict=True):
        difference = _difference(a, b)
        if not difference <= tolerance:
            layer = _first_difference(source, reading, fed, tolerance, name)
            if layer is not None:
                raise ConversionMismatch(
                    f"layer '{layer}': the converted model computes something else than"
                    f" {reference.name} (output '{name}' differs by {difference:.2g}, allowed is"
                    f" {tolerance:g})",
                    remedy="rewrite that layer in the model; if the model takes decisions in"
                    " Python (if, for), only the branch of the example was recorded",
                    layer=layer,
                    difference=difference,
                )
            note = (
                f"every layer agrees on {reference.name}'s own values; the difference of"
                f" '{name}' only grew on random input"
            )
        worst = max(worst, difference)
    return worst, note


def fp16_difference(
    preprocessed: ov.Model, xml: bytes, weights: bytes, planned: Sequence[PlannedInput]
) -> float:
    """max |a - b| / max |b| over all outputs, the IR, weights as stored, against the source."""
    import openvino as ov

    inputs = random_inputs(planned)
    unrounded, _ = ir.without_rounding(preprocessed)
    wanted = _values_before_detections(unrounded, inputs)
    stored = ov.Core().read_model(xml, weights)
    ir.as_stored(stored)
    got = _values_before_detections(stored, inputs)
    return max((_difference(a, b) for a, b in zip(got, wanted, strict=True)), default=0.0)


def _values_before_detections(
    model: ov.Model, inputs: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """All outputs; boxes and scores for a DetectionOutput, whose rows swap places at a whiff."""
    ports = []
    for result in model.get_results():
        node = result.input_value(0).get_node()
        is_head = node.get_type_name() == "DetectionOutput"
        ports += list(node.input_values())[:2] if is_head else [result.input_value(0)]
    names = ir.port_names(model).inputs
    fed = [
        # OpenVINO takes numpy's scalars for vectors of one.
        np.asarray(inputs[name], port.element_type.to_dtype())
        for name, port in zip(names, model.inputs, strict=True)
    ]
    return ir.tensors_of(model, ports, fed)


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
