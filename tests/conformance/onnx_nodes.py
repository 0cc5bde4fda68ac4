"""ONNX's own node tests, each brought through conversion, engine and decompiler.

In scope is every case with a float input whose inputs and outputs are tensors of static shape.
A node test feeds everything at run time, also what a network holds as numbers: weights, axes,
shapes, pads. So a case is tried with as little held constant as it takes (`HELD`): nothing;
its integers and booleans; everything but its first float input.

A blob that disagrees is a fault whatever was held; so is an error that is none of ours.
"""

from __future__ import annotations

import functools
import json
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

EXPECTED = Path(__file__).with_name("onnx_nodes.json")
SHAVES = 4
HELD = ("nothing", "integers", "parameters")
TOLERANCE = 0.005
"""max |a - b| / max |b|: inputs, weights and outputs have FP16's 11 bits, and errors add up."""
COARSE = 0.02
"""The same where ONNX's own outputs are bfloat16 (8 bits)."""
_FLOATS = ("float32", "float16", "float64", "bfloat16")
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Case:
    """One node test: the model as ONNX gives it, inputs and outputs in the graph's order."""

    name: str
    operator: str
    model: Any
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]

    def held(self, how: str) -> tuple[bool, ...]:
        """Which inputs are constants; the same as for an earlier entry of `HELD` where none is."""
        real = [is_float(value) for value in self.inputs]
        if how == "nothing":
            return tuple(False for _ in real)
        if how == "integers":
            return tuple(not each for each in real)
        first = real.index(True)
        return tuple(i != first for i in range(len(real)))


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    ``result``: ``agrees``, or the first thing that stood in its way: ``refused`` (the check, with
    a reason), ``unread`` (the front end), ``differs`` (verification refused it), ``engine`` (a
    CompileError), ``unrun`` (neither decompiler nor machine runs it); and two that are faults:
    ``wrong`` (a blob that disagrees) and ``crash`` (an error that is none of ours).
    ``held``: what was constant. ``rules``: the legaliser's rules it took.
    """

    result: str
    held: str
    reason: str = ""
    rules: tuple[str, ...] = ()

    @property
    def is_fault(self) -> bool:
        """Whether this must never happen."""
        return self.result in ("wrong", "crash")


def is_float(value: np.ndarray) -> bool:
    """Whether a value is a tensor of a float type that people compute in."""
    return str(getattr(value, "dtype", "")) in _FLOATS


@functools.cache
def cases() -> dict[str, Case]:
    """Every case in scope by name, in ONNX's order."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    made = {}
    for case in found:
        ((inputs, outputs),) = case.data_sets
        if _in_scope(case.model.graph, inputs):
            name = case.name.removeprefix("test_")
            made[name] = Case(
                name,
                _operator(case),
                case.model,
                tuple(np.asarray(value) for value in inputs),
                tuple(np.asarray(value) for value in outputs),
            )
    # A case that ONNX writes out as its function stands with the operator it defines.
    return {
        name: Case(name, _origin(made, case), case.model, case.inputs, case.outputs)
        for name, case in made.items()
    }


def _in_scope(graph: Any, inputs: Sequence[Any]) -> bool:
    ports = [*graph.input, *graph.output]
    return (
        all(port.type.WhichOneof("value") == "tensor_type" for port in ports)
        and all(d.HasField("dim_value") for p in ports for d in p.type.tensor_type.shape.dim)
        and any(is_float(value) for value in inputs)
    )


def _operator(case: Any) -> str:
    node = case.model.graph.node[0]
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return domain + str(node.op_type)


def _origin(made: dict[str, Case], case: Case) -> str:
    plain = made.get(case.name.partition("_expanded")[0])
    return plain.operator if plain else case.operator


def attempt(case: Case) -> list[Outcome]:
    """The outcomes of a case, one for each way of holding inputs until one agrees."""
    outcomes: list[Outcome] = []
    tried: set[tuple[bool, ...]] = set()
    for how in HELD:
        held = case.held(how)
        if held in tried:
            continue
        tried.add(held)
        outcomes.append(_attempt(case, how, held))
        if outcomes[-1].result == "agrees":
            break
    return outcomes


def final(outcomes: Sequence[Outcome]) -> Outcome:
    """The one that counts: a fault, else agreement, else what stood in the last one's way."""
    return next((each for each in outcomes if each.is_fault), outcomes[-1])


def _attempt(case: Case, how: str, held: Sequence[bool]) -> Outcome:
    from oakwright import conversion
    from oakwright.errors import (
        CompileError,
        ConversionMismatch,
        EngineNotFound,
        OakwrightError,
        RunError,
        UnsupportedModel,
    )

    try:
        made = conversion.convert(
            with_constants(case, held),
            options=conversion.ConvertOptions(shaves=(SHAVES,), timeout_s=_TIMEOUT_S),
            cache=False,
        )
        reason = _difference(case, held, made)
    except EngineNotFound:
        raise  # nothing about the case
    except ConversionMismatch as error:
        return Outcome("differs", how, _short(error.message))
    except UnsupportedModel as error:
        findings = error.where.get("findings", ())
        unread = "OpenVINO cannot read" in error.message
        first = f"{findings[0].op.partition('-')[0]}: {findings[0].reason}" if findings else ""
        return Outcome("unread" if unread else "refused", how, _short(first or error.message))
    except CompileError as error:
        return Outcome("engine", how, _short(error.message))
    except RunError as error:
        return Outcome("unrun", how, _short(error.message))
    except OakwrightError as error:
        return Outcome("unread", how, _short(error.message))
    except Exception as error:
        return Outcome("crash", how, _short(f"{type(error).__name__}: {error}"))
    rules = tuple(
        sorted({r[r.index("(") + 1 : -1] for r in made.manifest["rules"]}),
    )
    return Outcome("wrong" if reason else "agrees", how, reason, rules)


def _short(text: str) -> str:
    # OpenVINO numbers layers anew in every process, and differences depend on the machine.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else "no reason given"
    return re.sub(r"_\d{3,}", "", re.sub(r"differs by [\w.+-]+", "differs", first))[:200]


def with_constants(case: Case, held: Sequence[bool]) -> Any:
    """The case's model with the chosen inputs as initializers."""
    import onnx
    from onnx import numpy_helper

    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    # Before version 4 of the file format an initializer had to be an input as well.
    model.ir_version = max(model.ir_version, 4)
    ports = list(model.graph.input)
    del model.graph.input[:]
    for port, value, constant in zip(ports, case.inputs, held, strict=True):
        if constant and value.dtype == object:  # a type numpy does not have: ONNX's own tensor
            tensor = onnx.TensorProto()
            tensor.CopyFrom(value.item())
            tensor.name = port.name
            model.graph.initializer.append(tensor)
        elif constant:
            model.graph.initializer.append(numpy_helper.from_array(value, port.name))
        else:
            model.graph.input.append(port)
    return model


def _difference(case: Case, held: Sequence[bool], made: Any) -> str:
    """How far the blob's outputs are from ONNX's, said where that is too far; else nothing.

    Where FP16 inputs alone move a result (a comparison, a rounding), ONNX's reference evaluator
    on the rounded inputs is asked.
    """
    ports = [port.name for port in case.model.graph.input]
    names = [port.name for port in case.model.graph.output]
    read = {info.name: info for info in made.blob.inputs}
    feed = {}
    for name, value in zip(ports, case.inputs, strict=True):
        if name in read:
            feed[name] = _as_input(value).reshape(read[name].spec.shape)
    got = _run(made.blob, feed)
    gap = _worst(names, got, case.outputs)
    bound = COARSE if any(str(v.dtype) == "bfloat16" for v in case.outputs) else TOLERANCE
    if gap <= bound:
        return ""
    rounded = _rounded_reference(case, held)
    if rounded is not None and _worst(names, got, rounded) <= bound:
        return ""
    return f"differs by {gap:.2g} of the largest value"


def _as_input(value: np.ndarray) -> np.ndarray:
    if is_float(value):
        with np.errstate(over="ignore"):
            return value.astype(np.float16)
    if value.dtype.kind in "iu":
        return np.clip(value, -(2**31), 2**31 - 1).astype(np.int32)
    return value.astype(np.uint8)


def _run(blob: Any, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from oakwright import machine
    from oakwright.decompiler import CompiledBlob
    from oakwright.errors import RunError

    try:
        return CompiledBlob(blob).infer(feed)
    except RunError:
        return machine.run(blob, feed)


def _worst(names: Sequence[str], got: dict[str, np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    by_plain = {name.partition(":")[0]: value for name, value in got.items()}
    worst = 0.0
    for name, value in zip(names, wanted, strict=True):
        ours = by_plain.get(name)
        if ours is None or ours.size != np.size(value):
            return math.inf
        worst = max(worst, relative_gap(ours.reshape(np.shape(value)), np.asarray(value)))
    return worst


def relative_gap(got: np.ndarray, wanted: np.ndarray) -> float:
    """max |a - b| / max |b|; infinite where what is not finite differs (FP16 ends at 65504)."""
    a, b = got.astype(np.float64), wanted.astype(np.float64)
    a, b = np.clip(a, -65504, 65504), np.clip(b, -65504, 65504)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return math.inf
    there = ~np.isnan(b)
    if not there.any():
        return 0.0
    return float(np.abs(a - b)[there].max() / max(np.abs(b[there]).max(), 1e-3))


def _rounded_reference(case: Case, held: Sequence[bool]) -> list[np.ndarray] | None:
    from onnx.reference import ReferenceEvaluator

    feed = {}
    ports = [port.name for port in case.model.graph.input]
    for name, value, constant in zip(ports, case.inputs, held, strict=True):
        round_it = is_float(value) and not constant
        with np.errstate(over="ignore"):
            feed[name] = value.astype(np.float16).astype(value.dtype) if round_it else value
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return [np.asarray(each) for each in ReferenceEvaluator(case.model).run(None, feed)]
    except Exception:
        return None  # the evaluator does not know it: the comparison with what is given stands


def expected() -> dict[str, dict[str, str]]:
    """The outcome of every case (``result``, ``held``) as it was when the table was written."""
    return dict(json.loads(EXPECTED.read_text())["cases"])


def expected_for() -> str:
    """The version of onnx whose cases these are."""
    return str(json.loads(EXPECTED.read_text())["onnx"])


def write_expected(outcomes: dict[str, Outcome]) -> None:
    """Keep outcomes, a line for each case."""
    import onnx

    lines = [
        f"{json.dumps(name)}: {json.dumps({'result': outcome.result, 'held': outcome.held})}"
        for name, outcome in sorted(outcomes.items())
    ]
    cases_text = ",\n".join(lines)
    EXPECTED.write_text(
        f'{{\n"onnx": {json.dumps(onnx.__version__)},\n"cases": {{\n{cases_text}\n}}\n}}\n'
    )
