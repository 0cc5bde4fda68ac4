"""Blob -> model -> blob: how much of the second blob is the first.

    python bench/decompile_round_trip.py [--dry]

Each network is compiled, decompiled, legalised, and compiled again for as many shaves and with
the blob's own input and output types. Outputs of both blobs are compared through their decompiled
models. Where the second blob has the same stages (types and parameters, in order), its bytes are
counted against the first's. Writes docs/reference/decompile-round-trip.md unless ``--dry``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np

from oakwright.blob import Blob
from oakwright.compiler import CompileOptions, compile_ir
from oakwright.decompiler import CompiledBlob
from oakwright.ir import legalise, serialise
from tests.conformance.stages import CASES, as_stored, difference

PAGE = ROOT / "docs" / "reference" / "decompile-round-trip.md"
NETWORKS = [
    "hw_conv_3x3",
    "hw_conv_7x7",
    "deconv_4x4_stride_2",
    "net_batch_3",
    "net_squeeze_excite",
    "net_ssd_heads",
    "net_ssd",
    "net_unet_96",
    "net_densenet",
    "net_shufflenet",
    "net_attention",
    "net_yolo_silu",
    "net_yolo_regions",
    "net_yolo_leaky_416",
    "net_resnet_64",
    "net_resnet_18_224",
    "net_mobilenet_v2_96",
    "net_mobilenet_v2_224",
]
HEAD = """# Round trip: blob to model to blob

Written by `python bench/decompile_round_trip.py`. A blob is decompiled, and the model legalised
and compiled with the same options. *Same stages*: the second blob has the same stage types with
the same parameters in the same order; only then are bytes compared, place by place. *Difference* is
max |a - b| / max |a| between the outputs of the two blobs.

What keeps bytes from being equal: weights that were scaled by a power of two or hold a folded
factor round differently; places in memory and the order of constants may differ.

| network | stages | again | same stages | bytes | equal bytes | difference |
|---|---|---|---|---|---|---|
"""


def again(blob: Blob, shaves: int) -> tuple[Blob, CompiledBlob]:
    """The decompiled model, compiled as the blob was."""
    network = CompiledBlob(blob)
    options = CompileOptions(
        shaves=shaves,
        input_precisions={i.name: i.desc.precision for i in blob.inputs},
        output_precisions={o.name: o.desc.precision for o in blob.outputs},
    )
    return Blob.from_bytes(compile_ir(*serialise(legalise(network.model).model), options)), network


def row(name: str) -> str:
    """One line of the table."""
    case = CASES[name]
    first = case.blob()
    second, network = again(first, case.options.shaves)
    inputs = case.inputs()
    given = {i.name: as_stored(i, inputs[i.name]) for i in first.inputs}
    wanted, got = network.infer(given), CompiledBlob(second).infer(given)
    apart = max(difference(got[n], wanted[n]) for n in wanted)
    programs = [[(s.type, s.params) for s in blob.walk()] for blob in (first, second)]
    alike = programs[0] == programs[1]
    equal = "–"
    if alike:
        a, b = (np.frombuffer(bytes(blob), np.uint8) for blob in (first, second))
        size = min(a.size, b.size)
        equal = f"{100 * (a[:size] == b[:size]).sum() / max(a.size, b.size):.2f} %"
    return (
        f"| {name} | {len(first.stages)} | {len(second.stages)} | {'yes' if alike else 'no'} "
        f"| {first.size} | {equal} | {apart:.1e} |"
    )


def main() -> None:
    """Measure, print, write."""
    rows = []
    for name in NETWORKS:
        rows.append(row(name))
        print(rows[-1], flush=True)
    if "--dry" not in sys.argv:
        PAGE.write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
