"""The machine: takes a blob's stages one after the other and runs each on its memory.

This is the definition of what a blob computes. It is written to be read and to be traced; the
decompiler is the fast way, and is tested against it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from oakwright.blob import Blob, Buffer, IOInfo, Location, Stage, StageType
from oakwright.errors import RunError

from . import loops, trace
from .kernels import KERNELS, UNSUPPORTED, Array, Tensor
from .memory import Memory, form_of, round_to

STEERING = (StageType.LoopStart, StageType.LoopEnd)
# Far beyond any real network; a damaged count of iterations must not run for ever.
MOST_STEPS = 1 << 24
MOST_SAMPLES = 1 << 16


class Machine:
    """A blob and its memory; the arenas stay as they are between runs, as on the device::

        machine = Machine(blob)
        outputs = machine.run({"data": frame})

    Raises RunError at once, naming every stage that has no kernel, or for absurd memory sizes.
    """

    def __init__(self, blob: Blob) -> None:
        _refuse_without_kernel(blob)
        if not 1 <= blob.batch_size <= MOST_SAMPLES:
            raise RunError(
                f"cannot run: a batch of {blob.batch_size}", remedy="check that the file is whole"
            )
        self.blob = blob
        self.memory = Memory(blob)

    def run(
        self, inputs: Mapping[str, Array], *, tracer: trace.Tracer = trace.discard
    ) -> dict[str, Array]:
        """Run the whole batch. Arrays have the shapes and axes of ``blob.inputs[i].spec``.

        With a batch of n the first dimension of each array is n times that of the file. Numbers
        of any type are taken: those for a float input are rounded to its type, those for an
        integer input must be representable. Outputs come by name, in their own types.
        """
        blob = self.blob
        samples = {info.name: self._accept(info, inputs) for info in blob.inputs}
        _refuse_unknown_names(blob, inputs)
        results: dict[str, list[Array]] = {info.name: [] for info in blob.outputs}
        for sample in range(blob.batch_size):
            for info in blob.inputs:
                self.memory.tensor(Location.INPUT, info)[...] = samples[info.name][sample]
            tracer(trace.RunStart(blob, sample))
            self._run_stages(tracer)
            tracer(trace.RunEnd(sample))
            for info in blob.outputs:
                results[info.name].append(self.memory.tensor(Location.OUTPUT, info).copy())
        return {name: np.concatenate(parts) for name, parts in results.items()}

    def _run_stages(self, tracer: trace.Tracer) -> None:
        """Record, kernel, next record; the end of a loop may go back to its start."""
        stages, running = self.blob.stages, list[loops.Loop]()
        at = 0
        for step in range(MOST_STEPS):
            if at == len(stages):
                return
            stage = stages[at]
            if stage.type is StageType.LoopStart:
                loops.enter(running, stage, at)
            for each in stage.walk():  # injected ones run beside it and depend on nothing there
                self._run_stage(each, step, running, tracer)
            at = loops.leave(running, at) if stage.type is StageType.LoopEnd else at + 1
        raise RunError(f"stopped after {MOST_STEPS} steps", remedy="check that the file is whole")

    def _run_stage(
        self, stage: Stage, step: int, running: list[loops.Loop], tracer: trace.Tracer
    ) -> None:
        """Run one record; whatever is wrong with it is told with its index and type."""
        tracer(trace.StageStart(step, stage, self._seen(stage, stage.inputs, tracer)))
        try:
            with np.errstate(all="ignore"):  # infinities and NaN are results like others here
                if stage.type in STEERING and not stage.is_injected:
                    loops.move(self.memory, stage, running)
                else:
                    self._run_kernel(stage)
        except (ValueError, IndexError, ArithmeticError, MemoryError) as error:
            raise RunError(
                f"{stage} failed: {error}", stage=stage.index, type=stage.name
            ) from error
        tracer(trace.StageEnd(step, stage, self._seen(stage, stage.outputs, tracer)))

    def _run_kernel(self, stage: Stage) -> None:
        """Read, compute, round, write."""
        if stage.type not in KERNELS:
            raise ValueError("a loop inside a single step")
        inputs: list[Tensor | None] = [self.memory.read(buffer) for buffer in stage.inputs]
        if stage.type is StageType.MyriadXHwOp:
            # Its ops refer to operands by their number in the whole list of buffers.
            read = {id(b): tensor for b, tensor in zip(stage.inputs, inputs, strict=True)}
            inputs = [read.get(id(buffer)) for buffer in stage.buffers]
        forms = [form_of(buffer) for buffer in stage.outputs]
        results = KERNELS[StageType(stage.type)](stage.params, inputs, forms)
        results = results if isinstance(results, list) else [results]
        for buffer, values in zip(stage.outputs, results, strict=True):
            self.memory.write(buffer, values)

    def _seen(
        self, stage: Stage, buffers: tuple[Buffer, ...], tracer: trace.Tracer
    ) -> dict[str, Array]:
        """Copies of operands by role, axes as stored, for a tracer that listens."""
        if tracer is trace.discard:
            return {}
        return {
            role: self.memory.view(buffer).copy()
            for role, buffer in stage.operands.items()
            if buffer in buffers
        }

    def _accept(self, info: IOInfo, inputs: Mapping[str, Array]) -> list[Array]:
        """One array per sample, in the type of the input."""
        if info.name not in inputs:
            raise RunError(
                f"no array for input '{info.name}'", remedy=f"give {info.spec}", input=info.name
            )
        array, batch = np.asarray(inputs[info.name]), self.blob.batch_size
        expected = (info.desc.shape[0] * batch, *info.desc.shape[1:])
        if array.shape != expected:
            raise RunError(
                f"input '{info.name}' has shape {array.shape}, the blob takes {expected}",
                remedy=f"the axes are {info.desc.axes}, in {info.desc.precision.value}",
                input=info.name,
            )
        if array.dtype.kind not in "biuf":
            raise RunError(f"input '{info.name}' is of {array.dtype}, not numbers", input=info.name)
        values = round_to(array, info.desc.dtype)
        if values.dtype.kind in "iu" and not np.array_equal(values, array):
            raise RunError(
                f"input '{info.name}' has values that {info.desc.precision.value} cannot hold",
                remedy="round or scale them first",
                input=info.name,
            )
        return np.split(values, batch)


def run(
    blob: Blob, inputs: Mapping[str, Array], *, tracer: trace.Tracer = trace.discard
) -> dict[str, Array]:
    """Run a blob once on zeroed memory; see ``Machine.run``."""
    return Machine(blob).run(inputs, tracer=tracer)


def _refuse_without_kernel(blob: Blob) -> None:
    """Raise RunError with every stage that cannot run, and why, before anything runs."""
    missing = {}
    for stage in blob.walk():
        if stage.type not in KERNELS and stage.type not in STEERING:
            reason = "the format has no such type"
            if isinstance(stage.type, StageType):
                reason = UNSUPPORTED[stage.type]
            missing[f"{stage}: {reason}"] = stage
    if missing:
        first = next(iter(missing.values()))
        raise RunError("cannot run: " + "; ".join(missing), stage=first.index, type=first.name)


def _refuse_unknown_names(blob: Blob, inputs: Mapping[str, Array]) -> None:
    names = [info.name for info in blob.inputs]
    for name in inputs:
        if name not in names:
            raise RunError(
                f"the blob has no input '{name}'", remedy=f"it has: {', '.join(names)}", input=name
            )
