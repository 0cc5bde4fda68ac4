"""Blob -> graph -> ``openvino.Model``.

Stages are replayed in the order of the file. A loop is unrolled, a batch is unrolled; what comes
out as many equal pieces side by side is put together again by ``simplify``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any, cast

import numpy as np

from oakwright.blob import (
    Blob,
    IOInfo,
    Location,
    LoopEndParams,
    LoopStartParams,
    SliceRule,
    Stage,
    StageType,
)
from oakwright.errors import OakwrightError, RunError

from .dataflow import Memory
from .emit import emit
from .graph import F32, Graph, Value
from .lift import LIFTS
from .lifter import Lifter, parameter
from .ops import concat, convert, slice_axis, transpose
from .simplify import simplify
from .views import View, stored_to_logical

# Loops are unrolled; beyond this a count of iterations is damage, not a network.
MAX_STEPS = 20_000
# The whole memory of an OAK; a blob that asks for more cannot run anywhere.
MAX_ARENA_BYTES = 1 << 30
_STEERING = (StageType.LoopStart, StageType.LoopEnd)


def decompile(blob: Blob | str | PathLike[str]) -> Any:
    """The network of a blob as an ``openvino.Model``::

        model = oakwright.decompile("model.blob")
        openvino.save_model(model, "model.xml")

    ``blob`` is a ``Blob`` or the path of one.

    Inputs and outputs have the blob's names, element types and shapes (axes as the host sends
    them; a batch of n multiplies the outermost). Inside, everything is FP32: results differ
    from the machine's by its FP16 roundings, and numbers beyond 65504 stay finite here where
    the chip makes them infinite.

    Raises RunError naming every stage that cannot be lifted (``stages``: index and type), and
    BlobError for bytes that contradict the format.
    """
    opened = blob if isinstance(blob, Blob) else Blob.open(blob)
    return emit(lift_graph(opened), f"blob-{opened.digest[:12]}")


def lift_graph(blob: Blob, *, simplified: bool = True) -> Graph:
    """The graph behind ``decompile``; unsimplified it mirrors the stages one to one."""
    _refuse(blob)
    with np.errstate(all="ignore"):  # infinities are constants like others here
        return _lifted(blob, simplified)


def _lifted(blob: Blob, simplified: bool) -> Graph:
    lift = Lifter(blob)
    batch = blob.batch_size
    whole = [_input(info, batch) for info in blob.inputs]
    results: list[list[Value]] = [[] for _ in blob.outputs]
    for sample in range(batch):
        lift.memory = Memory()
        for info, value in zip(blob.inputs, whole, strict=True):
            _set_input(lift, info, value, sample, batch)
        for stage in _steps(blob):
            _run(lift, stage)
        for info, values in zip(blob.outputs, results, strict=True):
            values.append(_result(lift, info))
    graph = lift.graph
    graph.inputs = whole
    graph.outputs = [
        (info.name, concat(values, 0)) for info, values in zip(blob.outputs, results, strict=True)
    ]
    if simplified:
        simplify(graph)
    return graph


def _refuse(blob: Blob) -> None:
    """Every stage that has no lift, in one error."""
    missing = {
        stage.index: stage.name
        for stage in blob.walk()
        if not (stage.is_known and (stage.type in LIFTS or stage.type in _STEERING))
    }
    if missing:
        listed = ", ".join(f"{index} ({name})" for index, name in list(missing.items())[:20])
        first, name = next(iter(missing.items()))
        raise RunError(
            f"{len(missing)} stages cannot be decompiled: {listed}",
            remedy="the reference machine may run them",
            stage=first,
            type=name,
            stages=missing,
        )
    for info in (*blob.inputs, *blob.outputs):
        if info.desc.is_dynamic or min(info.desc.strides) < 0:
            raise RunError(f"{info.name} has a shape that is known only at run time")
    if max(blob.bss_bytes, blob.cmx_bytes) > MAX_ARENA_BYTES:
        raise RunError(
            f"the blob asks for {max(blob.bss_bytes, blob.cmx_bytes)} bytes of memory",
            remedy="no device has as much; check that the file is not damaged",
        )
    sizes = [info.size_bytes * blob.batch_size for info in (*blob.inputs, *blob.outputs)]
    if sum(sizes) > MAX_ARENA_BYTES:
        raise RunError(f"inputs and outputs of {sum(sizes)} bytes")


@dataclass(frozen=True)
class _Round:
    """A loop's stage, and the number of the iteration."""

    stage: Stage
    iteration: int


def _steps(blob: Blob) -> Iterator[_Round]:
    """Stages in the order in which they run, loops unrolled."""
    stages = blob.stages
    running: list[tuple[int, int]] = []  # place of LoopStart, iteration
    at = 0
    for _ in range(MAX_STEPS):
        if at >= len(stages):
            return
        stage = stages[at]
        if stage.type is StageType.LoopStart and (not running or running[-1][0] != at):
            running.append((at, 0))
        if stage.type is StageType.LoopEnd and not running:
            raise _failed(stage, "the end of a loop that did not start")
        yield _Round(stage, running[-1][1] if running else 0)
        if stage.type is StageType.LoopEnd:
            start, iteration = running.pop()
            if iteration + 1 < cast(LoopStartParams, stages[start].params).iterations:
                running.append((start, iteration + 1))
                at = start
                continue
        at += 1
    raise RunError(f"more than {MAX_STEPS} steps", remedy="check that the file is not damaged")


def _run(lift: Lifter, step: _Round) -> None:
    stage = step.stage
    before = [stage.injected] if stage.injected is not None else []
    for each in [*before, stage]:
        lift.stage = each.index
        try:
            if each.type is StageType.LoopStart:
                _cut(lift, each, step.iteration)
            elif each.type is StageType.LoopEnd:
                _paste(lift, each, step.iteration)
            else:
                LIFTS[StageType(each.type)](lift, each)
        except OakwrightError as error:
            if isinstance(error, RunError) and "stage" not in error.where:
                raise _failed(each, error.message, error.remedy) from error
            raise
        except (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError) as error:
            raise _failed(each, str(error)) from error


def _failed(stage: Stage, reason: str, remedy: str = "") -> RunError:
    return RunError(f"{stage}: {reason}", remedy=remedy, stage=stage.index, type=stage.name)


def _cut(lift: Lifter, stage: Stage, iteration: int) -> None:
    """LoopStart: this round's slice of each source into its destination."""
    params = cast(LoopStartParams, stage.params)
    for rule, source, destination in zip(params.rules, stage.inputs, stage.outputs, strict=True):
        place = _slice_of(View.of(source), View.of(destination), source, rule, iteration)
        lift.write(destination, lift.read_view(source, place))


def _paste(lift: Lifter, stage: Stage, iteration: int) -> None:
    """LoopEnd: each source into this round's slice of its destination."""
    params = cast(LoopEndParams, stage.params)
    sources = stage.inputs[1:] if params.is_dynamic else stage.inputs
    for rule, source, destination in zip(params.rules, sources, stage.outputs, strict=True):
        place = _slice_of(View.of(destination), View.of(source), destination, rule, iteration)
        lift.write(destination, lift.read(source), place)


def _slice_of(whole: View, part: View, buffer: Any, rule: SliceRule, iteration: int) -> View:
    from .views import logical_axis

    if not 0 <= rule.axis < buffer.desc.rank or len(part.shape) != len(whole.shape):
        raise RunError(f"slices along axis {rule.axis} of {buffer}")
    axis = logical_axis(buffer.desc, rule.axis)
    size, length = part.shape[axis], whole.shape[axis]
    first = rule.start + length if rule.start < 0 else rule.start
    if rule.stride < 0:
        first -= size - 1
    first += iteration * rule.stride
    if not 0 <= first <= length - size:
        raise RunError(f"round {iteration} takes {size} at {first} of {length}")
    return whole.narrowed(axis, first, size)


def _io_view(info: IOInfo, location: Location) -> View:
    desc = info.desc
    order = stored_to_logical(desc)
    return View(
        (location, info.index),
        0,
        tuple(desc.shape[i] for i in order),
        tuple(desc.numpy_strides[i] for i in order),
        desc.element_bytes,
    )


def _input(info: IOInfo, batch: int) -> Value:
    shape = (info.desc.shape[0] * batch, *info.desc.shape[1:])
    return parameter(shape, info.desc.dtype, info.name)


def _set_input(lift: Lifter, info: IOInfo, whole: Value, sample: int, batch: int) -> None:
    """An input's memory holds its sample; FP16 is widened once."""
    rows = info.desc.shape[0]
    value = slice_axis(whole, 0, sample * rows, (sample + 1) * rows) if batch > 1 else whole
    value = transpose(value, stored_to_logical(info.desc))
    if info.desc.dtype.kind == "f":
        value = convert(value, F32)
    lift.memory.write(_io_view(info, Location.INPUT), value)


def _result(lift: Lifter, info: IOInfo) -> Value:
    """What an output's memory holds in the end, axes as they lie."""
    desc = info.desc
    held = np.dtype(np.float32) if desc.dtype.kind == "f" else desc.dtype
    value = lift.memory.read(_io_view(info, Location.OUTPUT), held)
    value = transpose(value, np.argsort(stored_to_logical(desc)).tolist())
    return convert(value, desc.dtype)
