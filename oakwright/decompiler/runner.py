"""Running a blob fast: its decompiled model on OpenVINO's CPU plugin."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from oakwright.blob import Blob, IOInfo
from oakwright.errors import RunError, UsageError

from .decompile import decompile

PRECISIONS = ("f32", "bf16", "f16")
HINTS = ("LATENCY", "THROUGHPUT")


class CompiledBlob:
    """A blob ready to run, as often as wanted::

        network = CompiledBlob("model.blob")
        outputs = network.infer({"data": frame})

    ``precision`` is what the CPU computes in: f32 agrees with the reference machine to FP16's
    rounding, bf16 is faster where the CPU has it and coarser. ``hint`` LATENCY runs one request
    on all threads. ``config`` goes to the CPU plugin as it is. One object, one request: give
    each thread its own, or use ``compiled`` (the ``openvino.CompiledModel``).

    Results are not rounded to FP16 between the layers: where the chip overflows to infinity,
    numbers stay finite here. ``oakwright.machine`` has that.

    Raises RunError for stages that cannot be decompiled, BlobError for damaged bytes.
    """

    def __init__(
        self,
        blob: Blob | str | PathLike[str],
        *,
        precision: str = "f32",
        hint: str = "LATENCY",
        config: Mapping[str, Any] | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise UsageError(f"'{precision}' is no precision", remedy=f"one of {PRECISIONS}")
        if hint not in HINTS:
            raise UsageError(f"'{hint}' is no hint", remedy=f"one of {HINTS}")
        import openvino as ov

        self.blob = blob if isinstance(blob, Blob) else Blob.open(blob)
        self.model = decompile(self.blob)
        settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": hint}
        try:
            self.compiled = ov.Core().compile_model(
                self.model, "CPU", settings | dict(config or {})
            )
            self._request = self.compiled.create_infer_request()
        except RuntimeError as error:
            raise RunError(
                f"the CPU plugin refuses the decompiled model: {_first_line(error)}",
                remedy="the reference machine may run it",
            ) from error
        self._expected = {info.name: self._shape(info) for info in self.blob.inputs}

    def infer(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run once; an array for each input name, shapes and axes as ``blob.inputs[i].spec``.

        With a batch of n the outermost dimension is n times that of the spec. Numbers of any
        type are taken: those for a float input are rounded to its type, those for an integer
        input must be representable. Results come by name, in the blob's types, as own copies.
        """
        if not isinstance(inputs, Mapping):
            raise UsageError(
                f"the inputs are arrays by name, not {type(inputs).__name__}",
                remedy=f"give {{{next(iter(self._expected), 'name')!r}: array}}",
            )
        unknown = sorted(set(inputs) - set(self._expected))
        if unknown:
            raise RunError(
                f"the blob has no input {', '.join(map(repr, unknown))}",
                remedy=f"it has {', '.join(map(repr, self._expected))}",
            )
        arrays = [self._accept(info, inputs) for info in self.blob.inputs]
        self._request.infer(arrays, share_inputs=True)
        return {
            info.name: np.array(self._request.get_output_tensor(i).data)
            for i, info in enumerate(self.blob.outputs)
        }

    def _shape(self, info: IOInfo) -> tuple[int, ...]:
        return (info.desc.shape[0] * self.blob.batch_size, *info.desc.shape[1:])

    def _accept(self, info: IOInfo, inputs: Mapping[str, Any]) -> np.ndarray:
        if info.name not in inputs:
            raise RunError(
                f"no array for input '{info.name}'", remedy=f"give {info.spec}", input=info.name
            )
        array, expected = np.asarray(inputs[info.name]), self._expected[info.name]
        if array.shape != expected:
            raise RunError(
                f"input '{info.name}' has shape {array.shape}, the blob takes {expected}",
                remedy=f"the axes are {info.desc.axes}, in {info.desc.precision.value}",
                input=info.name,
            )
        if array.dtype == info.desc.dtype:
            return np.ascontiguousarray(array)
        if array.dtype.kind not in "biuf":
            raise RunError(f"input '{info.name}' is of {array.dtype}, not numbers", input=info.name)
        with np.errstate(over="ignore", invalid="ignore"):
            values = array.astype(info.desc.dtype)
        if values.dtype.kind in "iu" and not np.array_equal(values, array):
            raise RunError(
                f"input '{info.name}' has values that {info.desc.precision.value} cannot hold",
                remedy="round or scale them first",
                input=info.name,
            )
        return np.ascontiguousarray(values)


def run(
    blob: Blob | str | PathLike[str], inputs: Mapping[str, Any], *, precision: str = "f32"
) -> dict[str, np.ndarray]:
    """Run a blob once on the CPU: input arrays by name in, output arrays by name out::

        outputs = oakwright.run("model.blob", {"images": frame})

    Each call decompiles the blob; for many inputs make one ``CompiledBlob``. Errors and types
    as there. (``oakwright.machine.run`` is the slow definition, FP16 roundings included.)
    """
    return CompiledBlob(blob, precision=precision).infer(inputs)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
