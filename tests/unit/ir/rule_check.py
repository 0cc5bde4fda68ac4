"""One question asked of every rule: same numbers, older opsets, and does the engine take it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import Node, Output

from oakwright.ir import Legalised, legalise, serialise

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def parameter(shape: Sequence[int], dtype: Any = np.float32, name: str = "x") -> Node:
    node = ov.opset1.parameter(list(shape), dtype=np.dtype(dtype), name=name)
    node.output(0).get_tensor().set_names({name})
    return node


def model_of(result: Node | Output | Sequence[Node | Output], *parameters: Node) -> ov.Model:
    results = result if isinstance(result, (list, tuple)) else [result]
    return ov.Model(list(results), list(parameters), "one_layer")


def run(model: ov.Model, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    compiled = ov.Core().compile_model(model, "CPU", F32)
    values = compiled(list(inputs))
    return [np.array(values[i]) for i in range(len(model.outputs))]


def difference(wanted: np.ndarray, got: np.ndarray) -> float:
    """Greatest |a - b| over greatest |a|; infinite where the two differ in what is not finite."""
    wanted, got = wanted.astype(np.float64), got.astype(np.float64)
    if wanted.shape != got.shape:
        return np.inf
    finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~finite], got[~finite], equal_nan=True):
        return np.inf
    if not finite.any():
        return 0.0
    gap = np.abs(wanted[finite] - got[finite]).max()
    return float(gap / max(np.abs(wanted[finite]).max(), 1e-6))


def check(
    model: ov.Model,
    inputs: Sequence[np.ndarray],
    rule: str,
    *,
    tolerance: float = 1e-6,
    compiles: bool = True,
    oracle: Sequence[np.ndarray] | None = None,
) -> Legalised:
    """Legalise ``model`` and hold it against itself on the same ``inputs``.

    ``rule`` is ``family.rule`` as the journal has it and must have been applied. ``oracle``
    replaces the original's outputs where OpenVINO's CPU plugin cannot be asked.
    """
    legal = legalise(model)
    assert not [f for f in legal.findings if f.severity == "error"], legal.findings
    assert rule in {entry.rule for entry in legal.applied}, legal.applied
    for node in legal.model.get_ordered_ops():
        assert node.type_info.version_id in {f"opset{i}" for i in range(1, 8)}, node
    wanted = run(model, inputs) if oracle is None else list(oracle)
    got = run(legal.model, inputs)
    for a, b in zip(wanted, got, strict=True):
        gap = difference(a, b)
        assert gap <= tolerance, f"{gap} > {tolerance}"
    if compiles:
        compile_with_engine(legal.model)
    return legal


def compile_with_engine(model: ov.Model, **options: Any) -> bytes:
    """The blob's bytes; skips the test where there is no engine on this machine."""
    from oakwright.compiler import CompileOptions, compile_ir
    from oakwright.errors import EngineNotFound

    try:
        return compile_ir(*serialise(model), CompileOptions(shaves=4, **options))
    except EngineNotFound as error:
        pytest.skip(str(error))


def in_fp16(model: ov.Model, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first output, every intermediate value rounded to FP16 as on the chip."""
    values: dict[str, list[np.ndarray]] = {}
    half = np.float16
    with np.errstate(all="ignore"):
        for node in model.get_ordered_ops():
            kind = node.get_type_name()
            if kind == "Parameter":
                out = inputs[node.get_friendly_name()].astype(half)
            elif kind == "Constant":
                out = np.asarray(node.get_data())
                out = out.astype(half) if out.dtype.kind == "f" else out
            else:
                args = [values[v.get_node().get_name()][v.get_index()] for v in node.input_values()]
                if kind == "Result":
                    return args[0]
                out = _FP16[kind](node.get_attributes(), *args)
            values[node.get_name()] = [out]
    raise AssertionError("no Result")


def _wide(function: Any) -> Any:
    return lambda _, *args: function(*[a.astype(np.float32) for a in args]).astype(np.float16)


_FP16: dict[str, Any] = {
    "Add": _wide(np.add),
    "Subtract": _wide(np.subtract),
    "Multiply": _wide(np.multiply),
    "Divide": _wide(np.divide),
    "Maximum": _wide(np.maximum),
    "Minimum": _wide(np.minimum),
    "Sqrt": _wide(np.sqrt),
    "Exp": _wide(np.exp),
    "Log": _wide(np.log),
    "Tanh": _wide(np.tanh),
    "Floor": _wide(np.floor),
    "Round": _wide(np.rint),
    "Sigmoid": _wide(lambda x: 1 / (1 + np.exp(-x))),
    "Clamp": lambda a, x: np.clip(x, np.float16(a["min"]), np.float16(a["max"])),
    "Greater": lambda _, a, b: a > b,
    "Less": lambda _, a, b: a < b,
    "Select": lambda _, c, a, b: np.where(c, a, b),
}
