"""The vision functions, measured: agreement of PyTorch, IR and blob, stages and bytes.

    python bench/functions.py            writes docs/reference/functions.md and its picture
    python bench/functions.py NAME...    prints the rows of those

Agreement is max |a - b| / max |b| over all outputs on made-up pictures, `b` being PyTorch in F32.
The blob is run by the reference machine, which rounds to FP16 after every stage as the chip does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
import openvino as ov
import torch

from oakwright import functions, ir, machine
from oakwright.conversion import convert

SMALL = {"height": 96, "width": 128}


@dataclass(frozen=True)
class Measured:
    """One function: outputs of each way by position, agreement, stages, bytes."""

    name: str
    samples: Mapping[str, np.ndarray]
    torch: list[np.ndarray]
    ir: list[np.ndarray]
    blob: list[np.ndarray]
    stages: int
    size: int

    def apart(self, which: str) -> float:
        """Of ``ir`` or ``blob``: how far from PyTorch, the worst output."""
        pairs = zip(self.torch, getattr(self, which), strict=True)
        return max(gap(a, b) for a, b in pairs)

    def share(self, which: str, beyond: float = 0.02) -> float:
        """The share of numbers that are apart by more than that."""
        pairs = list(zip(self.torch, getattr(self, which), strict=True))
        return max(float((np.abs(a - b) > beyond * np.abs(a).max()).mean()) for a, b in pairs)


def gap(wanted: np.ndarray, got: np.ndarray) -> float:
    return float(np.abs(wanted - got).max() / max(np.abs(wanted).max(), 1e-6))


def options_for(name: str, sides: Mapping[str, int]) -> dict[str, Any]:
    known = functions.options_of(functions.function_class(name))
    return {key: value for key, value in sides.items() if key in known}


def measure(name: str, **options: Any) -> Measured:
    module = functions.make(name, **options)
    samples = module.samples()
    with torch.no_grad():
        result = module(*[torch.from_numpy(a.copy()) for a in samples.values()])
    wanted = [r.numpy().astype(np.float32) for r in flat(result)]
    made = convert(module, input_precision=module.precision)
    model = ov.Core().read_model(made.xml, made.bin)
    names = [port["name"] for port in made.manifest["outputs"]]
    by_ir = ir.run_on_cpu(model, samples)
    by_blob = machine.run(made.blob, samples)
    return Measured(
        name,
        samples,
        wanted,
        [np.asarray(a, np.float32).reshape(w.shape) for a, w in zip(by_ir, wanted, strict=True)],
        [
            by_blob[n].astype(np.float32).reshape(w.shape)
            for n, w in zip(names, wanted, strict=True)
        ],
        len(made.blob.stages),
        len(made.blob.data),
    )


def flat(result: Any) -> list[torch.Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def row(name: str) -> str:
    seen = measure(name, **options_for(name, SMALL))
    known = functions.make(name)
    full = convert(known, input_precision=known.precision).blob
    shapes = ", ".join("x".join(map(str, t.shape)) for t in known.example_input.values())
    beyond = seen.share("blob")
    return (
        f"| {name} | {functions.FUNCTIONS[name].line} | {shapes} {known.precision} "
        f"| {seen.apart('ir'):.0e} | {seen.apart('blob'):.0e} | {100 * beyond:.2g} % "
        f"| {len(full.stages)} | {len(full.data)} |"
    )


if __name__ == "__main__":
    for name in sys.argv[1:] or functions.FUNCTIONS:
        print(row(name), flush=True)
