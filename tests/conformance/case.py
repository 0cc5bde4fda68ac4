"""One conformance case: a network, its blob, its reference, and the metric."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openvino as ov

from oakwright.blob import DEFAULT_ORDERS, Blob, DataType, IOInfo, StageType, TensorDesc
from oakwright.compiler import CompileOptions, compile_ir
from oakwright.ir import serialise

from .builder import Net, output_names

# One rounding to FP16, and the worst that a case may have at all.
ONE_ROUNDING, WORST = 5e-4, 4e-3

T = StageType


@dataclass(frozen=True)
class Case:
    """A network, what stages its blob must have, and how it is compiled."""

    name: str
    make: Callable[[Net], Any] = field(compare=False)
    covers: tuple[StageType, ...]
    options: CompileOptions
    slow: bool = False

    def net(self) -> Net:
        """The builder, after the network is made."""
        return _built(self.name)[0]

    def build(self) -> ov.Model:
        """The source, with constants that FP16 holds exactly."""
        return _built(self.name)[1]

    def inputs(self, seed: int = 0) -> dict[str, np.ndarray]:
        """An array for every input."""
        rng = np.random.default_rng([seed, len(self.name)])
        return {name: make(rng) for name, make in self.net().generators.items()}

    def blob(self) -> Blob:
        """The compiled network."""
        return _blob(self.name)

    def reference(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What OpenVINO's CPU plugin computes in f32."""
        model = self.build()
        compiled = _core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        results = compiled(
            {p.get_friendly_name(): inputs[p.get_friendly_name()] for p in model.get_parameters()}
        )
        return {n: np.array(results[i]) for i, n in enumerate(output_names(model))}

    def __str__(self) -> str:
        return self.name


@functools.cache
def _core() -> ov.Core:
    return ov.Core()


@functools.lru_cache(maxsize=4)
def _built(name: str) -> tuple[Net, ov.Model]:
    net = Net(name)
    return net, net.model(CASES[name].make(net))


@functools.cache  # some 100 MB in all: the suites that use the cases share what is compiled
def _blob(name: str) -> Blob:
    case = CASES[name]
    return Blob.from_bytes(compile_ir(*serialise(case.build()), case.options))


def as_stored(info: IOInfo, array: np.ndarray) -> np.ndarray:
    """An array in OpenVINO's order of axes as the blob stores that input (NHWC ...)."""
    order = [_axes(array.ndim).index(letter) for letter in info.desc.axes]
    return np.ascontiguousarray(array.transpose(order))


def from_stored(info: IOInfo, array: np.ndarray) -> np.ndarray:
    """The way back: an output of the blob in OpenVINO's order of axes."""
    order = [info.desc.axes.index(letter) for letter in _axes(array.ndim)]
    return np.ascontiguousarray(array.transpose(order))


def _axes(rank: int) -> str:
    return TensorDesc(DataType.FP16, DEFAULT_ORDERS[rank], (1,) * rank, (0,) * rank).axes


def difference(got: np.ndarray, wanted: np.ndarray) -> float:
    """max |got - wanted| / max |wanted|, infinite where they differ in shape or finiteness."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    if got.size != wanted.size:
        return float("inf")
    got = got.reshape(wanted.shape)
    finite = np.isfinite(wanted) & (np.abs(wanted) <= 65504)
    if not np.isfinite(got[finite]).all():
        return float("inf")
    scale = np.abs(wanted[finite]).max(initial=0)
    apart = np.abs(got[finite] - wanted[finite]).max(initial=0)
    return float(apart / scale) if scale else float(apart)


CASES: dict[str, Case] = {}


def case(name: str, *covers: StageType, options: CompileOptions | None = None, slow: bool = False):
    """Enter a function of a Net into the table."""

    def enter(make: Callable[[Net], Any]) -> Callable[[Net], Any]:
        assert name not in CASES, name
        CASES[name] = Case(name, make, covers, options or CompileOptions(), slow)
        return make

    return enter


def names(*, slow: bool | None = None) -> Sequence[str]:
    """Names of cases: all, the slow or the fast ones."""
    return [n for n, c in CASES.items() if slow is None or c.slow == slow]
