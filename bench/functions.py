"""The vision functions, measured: agreement of PyTorch, IR and blob, stages and bytes.

    python bench/functions.py            writes docs/reference/functions.md and its picture
    python bench/functions.py NAME...    prints the rows of those

Agreement is max |a - b| / max |b| over all outputs on made-up pictures, `b` being PyTorch in F32.
The blob is run by the reference machine, which rounds to FP16 after every stage as the chip does.
"""

from __future__ import annotations

import os
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
    stages, size = compiled(name)
    known = functions.make(name)
    shapes = ", ".join("x".join(map(str, t.shape)) for t in known.example_input.values())
    line = functions.FUNCTIONS[name].line.replace("|", "\\|")
    beyond = f"{100 * seen.share('blob'):.1g} %" if seen.share("blob") else "0"
    return (
        f"| {name} | {line} | {shapes} {known.precision} | {seen.apart('ir'):.0e} "
        f"| {seen.apart('blob'):.0e} | {beyond} | {stages} | {size} | {same_as_vendor(name)} |"
    )


def compiled(name: str) -> tuple[int, int]:
    """Stages and bytes with the function's own options."""
    known = functions.make(name)
    blob = convert(known, input_precision=known.precision, verify="off").blob
    return len(blob.stages), len(blob.data)


def same_as_vendor(name: str) -> str:
    """Whether the vendor's blob of that name has the same bytes; empty where there is none."""
    from bench.vendor_blobs import rebuilt
    from tests.vendor_models import MODELS

    folder = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data" / "blobs"
    for model in MODELS:
        if model.name == name and (folder / model.file).is_file():
            return "equal" if rebuilt(model) == (folder / model.file).read_bytes() else "differs"
    return ""


HEAD = """# Vision functions

Written by `python bench/functions.py`; a test holds the names, stages and bytes to it. `IR` and
`blob` are max |a - b| / max |b| against PyTorch in F32 on made-up pictures of 96 x 128, the worst
output of each; the blob is run by the reference machine, which rounds to FP16 after every stage.
`off` is the share of the blob's numbers that are wrong by more than 2 % of the largest: in `canny`
and `threshold` pixels at the very limit turn over. Stages and bytes are of the shapes in the
table, for 6 shaves.
`vendor` says whether the vendor's own blob of the function has the same bytes, where there is one.

![each function's input and output](functions.png)

| function | what | inputs | IR | blob | off | stages | bytes | vendor |
|---|---|---|---|---|---|---|---|---|
"""
FOOT = """
Formulas, shapes and sources: `oakwright functions show NAME`. How to use them and write your own:
[Write a vision function](../tasks/write-a-vision-function.md).
"""


def sheet(pictures: list[tuple[str, np.ndarray]], across: int = 6) -> np.ndarray:
    """One picture of all, each 150 pixels wide with its name below."""
    import cv2

    tiles = []
    for name, picture in pictures:
        tile = np.full((140, 160, 3), 255, np.uint8)
        scale = min(150 / picture.shape[1], 112 / picture.shape[0])
        sides = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        small = cv2.resize(picture, sides, interpolation=cv2.INTER_AREA)
        tile[5 : 5 + small.shape[0], 5 : 5 + small.shape[1]] = small
        cv2.putText(tile, name, (5, 134), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0,) * 3, 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % across)
    rows = [np.concatenate(tiles[i : i + across], 1) for i in range(0, len(tiles), across)]
    return np.concatenate(rows)


def as_picture(values: np.ndarray) -> np.ndarray | None:
    """Numbers as bytes HWC, from least to greatest unless they are bytes; None for no picture."""
    planes = values[0] if values.ndim == 4 else values[None] if values.ndim == 2 else values
    if planes.ndim != 3 or min(planes.shape[1:]) < 24:
        return None
    if planes.shape[0] not in (1, 3):
        planes = planes.max(0, keepdims=True)
    low, high = min(planes.min(), 0.0), planes.max()
    if low < 0 or high <= 20:
        planes = (planes - low) / max(high - low, 1e-6) * 255
    picture = planes.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)
    return np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture


def pictures() -> list[tuple[str, np.ndarray]]:
    """The input, then each function's first output, where it is a picture."""
    shown = [("(input)", as_picture(functions.picture(225, 300).astype(np.float32)))]
    for name in functions.FUNCTIONS:
        module = functions.make(name, **options_for(name, {"height": 225, "width": 300}))
        with torch.no_grad():
            result = module(*[torch.from_numpy(a.copy()) for a in module.samples().values()])
        shown.append((name, as_picture(flat(result)[0].numpy())))
    return [(name, picture) for name, picture in shown if picture is not None]


def main() -> None:
    import cv2

    lines = []
    for name in sys.argv[1:] or functions.FUNCTIONS:
        lines.append(row(name))
        print(lines[-1], flush=True)
    if not sys.argv[1:]:
        page = ROOT / "docs" / "reference" / "functions.md"
        page.write_text(HEAD + "\n".join(lines) + "\n" + FOOT)
        cv2.imwrite(
            str(page.with_suffix(".png")), sheet(pictures()), [cv2.IMWRITE_PNG_COMPRESSION, 9]
        )


if __name__ == "__main__":
    main()
