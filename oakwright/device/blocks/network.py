"""Running a blob: arrays by input name in, arrays by output name out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from oakwright.blob import Blob
from oakwright.decompiler import CompiledBlob
from oakwright.tensor import TensorSpec


class NetworkRunner(Protocol):
    """Something that runs a network; not by two threads at once."""

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """What goes in: shapes and axes as the bytes lie in memory."""
        ...

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """What comes out."""
        ...

    @property
    def shaves(self) -> int:
        """What the blob was compiled for."""
        ...

    def infer(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once."""
        ...


class DecompiledNetwork:
    """A blob decompiled and run by OpenVINO's CPU plugin.

    Raises RunError or BlobError where the blob cannot be run.
    """

    def __init__(self, blob: Blob, *, precision: str, threads: int | None = None) -> None:
        config = {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
        self._compiled = CompiledBlob(blob, precision=precision, config=config)
        self.inputs = [_batched(info.spec, blob.batch_size) for info in blob.inputs]
        self.outputs = [_batched(info.spec, blob.batch_size) for info in blob.outputs]
        self.shaves = blob.shaves

    def infer(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See NetworkRunner."""
        return self._compiled.infer(inputs)


def _batched(spec: TensorSpec, batch: int) -> TensorSpec:
    """A blob's tensors are described for one of its batch; its memory holds all."""
    if batch == 1 or not spec.shape:
        return spec
    return replace(spec, shape=(spec.shape[0] * batch, *spec.shape[1:]))
