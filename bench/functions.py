"""The vision functions, measured: agreement of PyTorch, IR and blob, stages and bytes.

    python bench/functions.py            writes docs/reference/functions.md and its picture
    python bench/functions.py NAME...    prints the rows of those

Agreement is max |a - b| / max |b| over all outputs on made-up pictures, `b` being PyTorch in F32.
The blob is run by the reference machine, which rounds to FP16 after every stage as the chip does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
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
SHARED = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data"
VIDEO = SHARED / "media" / "masks.mp4"


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


def measure(
    name: str, given: Callable[[Any], Mapping[str, np.ndarray]] | None = None, **options: Any
) -> Measured:
    """``given``: makes the inputs of the module; its own sample inputs otherwise."""
    module = functions.make(name, **options)
    samples = given(module) if given is not None else module.samples()
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


def takes_pictures(module: Any) -> bool:
    """Whether every input is frames of bytes, or a row of them."""
    shapes = [tuple(tensor.shape) for tensor in module.example_input.values()]
    return module.precision == "U8" and all(len(s) == 2 or s[-3] == 3 for s in shapes)


def from_video(path: Path) -> Callable[[Any], dict[str, np.ndarray]]:
    """Inputs that were filmed: frames a fifth of a second apart; of rows, such a frame in grey."""
    import cv2

    def samples(module: Any) -> dict[str, np.ndarray]:
        video, made = cv2.VideoCapture(str(path)), {}
        for name, tensor in module.example_input.items():
            for _ in range(6):
                is_there, frame = video.read()
                assert is_there, f"{path} is too short"
            shape = tuple(tensor.shape)
            if len(shape) == 2:
                side = int(np.ceil(np.sqrt(shape[1])))
                small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
                values = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).reshape(-1)[: shape[1]]
            else:
                small = cv2.resize(frame, shape[:-3:-1], interpolation=cv2.INTER_AREA)
                values = small.transpose(2, 0, 1)
            made[name] = values.reshape(shape).astype(np.float32)
        return made

    return samples


def flat(result: Any) -> list[torch.Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def row(name: str) -> str:
    seen = measure(name, **options_for(name, SMALL))
    stages, size = compiled(name)
    known = functions.make(name)
    shapes = ", ".join("x".join(map(str, t.shape)) for t in known.example_input.values())
    line = functions.FUNCTIONS[name].line.replace("|", "\\|")
    return (
        f"| {name} | {line} | {shapes} {known.precision} | {seen.apart('ir'):.0e} "
        f"| {seen.apart('blob'):.0e} | {percent(seen)} | {filmed(name)} | {stages} | {size} "
        f"| {same_as_vendor(name)} |"
    )


def percent(seen: Measured) -> str:
    return f"{100 * seen.share('blob'):.1g} %" if seen.share("blob") else "0"


def filmed(name: str) -> str:
    """How far off the blob is on a video's frames; empty without one, or without pictures."""
    if not VIDEO.is_file() or not takes_pictures(functions.make(name)):
        return ""
    seen = measure(name, from_video(VIDEO), **options_for(name, SMALL))
    share = f", {percent(seen)}" if seen.share("blob") else ""
    return f"{seen.apart('blob'):.0e}{share}"


def compiled(name: str) -> tuple[int, int]:
    """Stages and bytes with the function's own options."""
    known = functions.make(name)
    blob = convert(known, input_precision=known.precision, verify="off").blob
    return len(blob.stages), len(blob.data)


def same_as_vendor(name: str) -> str:
    """Whether the vendor's blob of that name has the same bytes; empty where there is none."""
    from bench.vendor_blobs import rebuilt
    from tests.vendor_models import MODELS

    folder = SHARED / "blobs"
    for model in MODELS:
        if model.name == name and (folder / model.file).is_file():
            return "equal" if rebuilt(model) == (folder / model.file).read_bytes() else "differs"
    return ""


HEAD = """# Vision functions

Written by `python bench/functions.py`; a test holds the names, stages and bytes to it. `IR` and
`blob` are max |a - b| / max |b| against PyTorch in F32 on made-up pictures of 96 x 128, the worst
output of each; the blob is run by the reference machine, which rounds to FP16 after every stage.
`off` is the share of the blob's numbers that are wrong by more than 2 % of the largest: in `canny`
and `threshold` pixels at the very limit turn over. `filmed` is `blob`, and `off` where there is
any, of frames of a video (`masks.mp4` of the corpus): `match` is off where a window is nearly flat
and near white or black, whose deviation FP16 hardly knows. Stages and bytes are of the shapes in
the table, for 6 shaves.
`vendor` says whether the vendor's own blob of the function has the same bytes, where there is one.

![each function's output on its sample inputs](functions.png)

| function | what | inputs | IR | blob | off | filmed | stages | bytes | vendor |
|---|---|---|---|---|---|---|---|---|---|
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
    # One corner is a thousand times another.
    if np.abs(planes).max() > 1000 * np.median(np.abs(planes)) > 0:
        planes = np.cbrt(planes)
    low, high = np.percentile(planes, (0.5, 99.5))
    low = min(low, 0.0)
    if low < -1 or high <= 100:
        planes = (planes - low) / max(high - low, 1e-6) * 255
    picture = planes.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)
    return np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture


def of_numbers(results: list[np.ndarray]) -> np.ndarray:
    """A few numbers as text, a line for each of the first output's."""
    import cv2

    picture = np.full((225, 300, 3), 60, np.uint8)
    columns = [np.atleast_1d(values.squeeze()) for values in results]
    for i, row in enumerate(list(zip(*columns, strict=True))[:5]):
        text = ": ".join(f"{value:.4g}" for value in reversed(row))
        at = (20, 45 + 40 * i)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1, (255,) * 3, 2, cv2.LINE_AA)
    return picture


def of_peaks(maps: np.ndarray, scores: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The first heat map, enlarged, with a ring around each of its peaks."""
    import cv2

    height, width = maps.shape[2:]
    grey = cv2.resize((maps[0, 0] * 255).astype(np.uint8), (width * 4, height * 4))
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    for score, place in zip(scores[0, 0], places[0, 0].astype(int), strict=True):
        if score > 0:
            at = (int(place % width) * 4 + 2, int(place // width) * 4 + 2)
            cv2.circle(picture, at, 9, (60, 220, 255), 2, cv2.LINE_AA)
    return picture


def pictures() -> list[tuple[str, np.ndarray]]:
    """The input, then what each function makes of its sample inputs."""
    shown = [("(input)", functions.picture(225, 300).transpose(1, 2, 0))]
    for name in functions.FUNCTIONS:
        sides = {} if name == "peaks" else {"height": 225, "width": 300}
        module = functions.make(name, **options_for(name, sides))
        with torch.no_grad():
            result = module(*[torch.from_numpy(a.copy()) for a in module.samples().values()])
        results = [r.numpy() for r in flat(result)]
        if name == "peaks":
            picture = of_peaks(module.samples()["input"], *results)
        else:
            picture = as_picture(results[0])
        shown.append((name, of_numbers(results) if picture is None else picture))
    return shown


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
