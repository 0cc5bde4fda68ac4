"""What FP16 weights do to a detector's numbers: each rounded by itself, and as a blob has them.

    python bench/fp16_weights.py best.pth ANNOTATIONS ROOT

Offsets and scores, before DetectionOutput, of the first pictures; mean |difference| from the same
network in float32. OpenVINO's CPU plugin computes all in float32; only the weights differ:
rounded one by one; with offsets centred (``ir/legalise/centre.py``); with depthwise filters
balanced as well (``ir/balance.py``); and those of the blob, which takes bytes and has mean and
scale in its first filter.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov

from oakwright import conversion, dataset, ir, training
from oakwright.ir.balance import balance_filters
from oakwright.ir.legalise.centre import centre_offsets
from oakwright.training.graph import in_order
from oakwright.training.pictures import Pictures
from tests.unit.ir.half import as_half

PICTURES = 12


def main(checkpoint: str, annotations: str, root: str) -> None:
    detector = training.open_detector(checkpoint)
    data, model = dataset.read(annotations, root, detector.classes), detector.template.model
    kept = Pictures(data, model)
    stack = np.stack([kept[i] for i in range(min(PICTURES, len(data)))])
    frames = stack[..., ::-1] if model.color == "RGB" else stack
    planes = np.ascontiguousarray(frames.transpose(0, 3, 1, 2)).astype(np.float32)
    mean, scale = (np.array(v, np.float32).reshape(3, 1, 1) for v in in_order(model, "BGR"))
    normal = (planes - mean) / scale
    with tempfile.TemporaryDirectory() as place:
        training.export(checkpoint, place, training.ExportOptions())
        core = ov.Core()
        exact = core.read_model(Path(place) / "model.xml")
        wanted = run(exact, normal)
        print("| weights | offsets, mean difference | times less | scores | times less |")
        print("|---|---|---|---|---|")
        first = None
        for name, rewrites in (
            ("each rounded by itself", ()),
            ("offsets centred", (centre_offsets,)),
            ("and depthwise filters balanced", (centre_offsets, balance_filters)),
        ):
            off = gaps(wanted, run(half(exact, rewrites), normal))
            first = first or off
            print(row(name, off, first), flush=True)
        bytes_in = conversion.InputOptions.of(
            mean=mean.ravel().tolist(), scale=scale.ravel().tolist(), precision="U8"
        )
        asked = conversion.ConvertOptions(inputs=(bytes_in,), to="ir")
        made = conversion.convert(Path(place) / "model.xml", options=asked, cache=False)
        blob = core.read_model(made.xml, made.bin)
        ir.as_stored(blob)
        assert first is not None
        print(row("the blob's", gaps(wanted, run(blob, planes)), first))


def half(exact: ov.Model, rewrites: tuple[Callable[[ov.Model], object], ...]) -> ov.Model:
    """A copy, rewritten, with all its numbers as they are stored in a blob."""
    work = exact.clone()
    for rewrite in rewrites:
        rewrite(work)
    return as_half(work)


def run(model: ov.Model, pictures: np.ndarray) -> list[np.ndarray]:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = [list(compiled([picture[None]]).values()) for picture in pictures]
    return [np.concatenate(values) for values in zip(*found, strict=True)]


def gaps(wanted: list[np.ndarray], found: list[np.ndarray]) -> list[float]:
    return [float(np.abs(a - b).mean()) for a, b in zip(wanted, found, strict=True)]


def row(name: str, off: list[float], first: list[float]) -> str:
    cells = [f"{gap:.6f} | {before / gap:.1f}" for gap, before in zip(off, first, strict=True)]
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print("name a checkpoint, annotations and their root; nothing was measured")
    else:
        main(*sys.argv[1:4])
