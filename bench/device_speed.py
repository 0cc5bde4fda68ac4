"""Speed of the virtual camera: its frames against its network alone, its start, its memory.

    python bench/device_speed.py [--rounds 24] [--frames 10000] [--dry]

*Throughput*: ColorCamera (free pace) -> NeuralNetwork -> XLinkOut -> host, real-time mode, and
the decompiled model alone in a loop (one infer request, latency hint, the same precision), in one
process, in turn: while one side runs the other waits, the camera in its full blocking queues. Each
round gives a ratio; theirs is the median, so that what else the machine does weighs on both sides
alike. *Start*: processes of their own, from their beginning and from
``dai.Device(pipeline)`` to the first result. *Memory*: what the process holds after so many frames
more than after the first 1000. The network is MobileNetV2 with random weights, converted here.
Writes docs/reference/device-speed.md unless ``--dry``.
"""

from __future__ import annotations

import argparse
import inspect
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import cv2
import depthai as dai
import numpy as np
import openvino as ov

import oakwright
from oakwright.blob import Blob
from oakwright.decompiler import CompiledBlob
from oakwright.device import VirtualOak

PAGE = ROOT / "docs" / "reference" / "device-speed.md"
SIDE, CLASSES = 300, 1000
PRECISIONS = ("f32", "bf16")
# Seconds of one side's turn, and messages taken before the camera's: the queues' 7 to 13 are old.
TURN_S = 0.4
HELD = 24
# The camera is idle, its queues full, when the process uses less than a tenth of a core that long.
IDLE_S, IDLE_SHARE = 0.05, 0.1
RATIO, FIRST_S, GROWTH_MB = 0.85, 2.0, 20.0

HEAD = """# Speed of the virtual camera

Written by `python bench/device_speed.py`. MobileNetV2 (random weights), {side}x{side}, a blob of
{size:.1f} MB for 6 shaves; OpenVINO {version}, {threads} threads, latency hint, one request.

Machine: {machine}.

## Throughput

ColorCamera at free pace over one {shot} picture -> NeuralNetwork -> XLinkOut -> host, real-time
mode, against the decompiled model alone in the same process, in turns of {turn} s. Rates are
medians; *ratio* is the median of the rounds' own, *middle half* their spread. Goal: {ratio}.

| precision | model alone, per second | camera to host, per second | ratio | middle half | rounds |
|---|---|---|---|---|---|
"""


def make_blob(path: Path) -> None:
    """Convert the network; a thousand classes make it one of more than 10 MB."""
    import torch

    from tests.conformance.nets_classifiers import mobilenet_v2

    torch.manual_seed(1)
    model = mobilenet_v2(CLASSES).eval()
    made = oakwright.convert(model, example_input=torch.rand(1, 3, SIDE, SIDE), range="-1..1")
    made.blob.save(path)


def pipeline_of(blob: Path) -> Any:
    """Camera, network, link."""
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(SIDE, SIDE)
    camera.setInterleaved(False)
    network = pipeline.create(dai.node.NeuralNetwork)
    network.setBlobPath(str(blob))
    camera.preview.link(network.input)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("nn")
    network.out.link(link.input)
    return pipeline


@contextmanager
def queue_of(blob: Path, precision: str) -> Iterator[Any]:
    """The host's queue of a camera that runs as fast as it can."""
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    picture = cv2.resize(picture, (1280, 720), interpolation=cv2.INTER_CUBIC)
    with (
        VirtualOak(source=picture, pace="free", precision=precision),
        dai.Device(pipeline_of(blob)) as device,
    ):
        yield device.getOutputQueue("nn", 4, True)


def per_second(step: Any, seconds: float) -> float:
    """How often ``step`` ends in a second."""
    count, started = 0, time.perf_counter()
    while (now := time.perf_counter()) < started + seconds:
        step()
        count += 1
    return count / (now - started)


def settle() -> None:
    """Wait until the process computes nothing."""
    while True:
        used = time.process_time()
        time.sleep(IDLE_S)
        if time.process_time() - used < IDLE_SHARE * IDLE_S:
            return


def alone(blob: Path, precision: str) -> Any:
    """A function that runs the decompiled model once."""
    compiled = CompiledBlob(Blob.open(blob), precision=precision).compiled
    request: ov.InferRequest = compiled.create_infer_request()
    port = compiled.inputs[0]
    shape, kind = list(port.shape), port.element_type.to_dtype()
    data = np.random.default_rng(1).integers(0, 256, shape).astype(kind)
    return lambda: request.infer([data], share_inputs=True)


def throughput(blob: Path, precision: str, rounds: int) -> dict[str, float]:
    """Both sides in turn."""
    model = alone(blob, precision)
    with queue_of(blob, precision) as queue:
        found = []
        for _ in range(rounds + 2):
            settle()
            reference = per_second(model, TURN_S)
            for _ in range(HELD):
                queue.get()
            found.append((reference, per_second(queue.get, TURN_S)))
    left, right = np.array(found[2:]).T
    low, middle, high = np.percentile(right / left, [25, 50, 75])
    return {
        "model": float(np.median(left)),
        "camera": float(np.median(right)),
        "ratio": float(middle),
        "low": float(low),
        "high": float(high),
    }


def resident_mb() -> float:
    """What the process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def memory(blob: Path, frames: int) -> tuple[float, float]:
    """MB held after the first 1000 frames, and how many more after ``frames`` more."""
    with queue_of(blob, "bf16") as queue:
        for _ in range(1000):
            queue.get()
        before = resident_mb()
        for _ in range(frames):
            queue.get()
        return before, resident_mb() - before


FIRST = """
import time
from pathlib import Path
from typing import Any
import depthai as dai

SIDE = {side}

{function}

pipeline = pipeline_of(Path({blob!r}))
opened = time.clock_gettime(time.CLOCK_MONOTONIC)
with dai.Device(pipeline) as device:
    device.getOutputQueue("nn").get()
    ended = time.clock_gettime(time.CLOCK_MONOTONIC)
print("first", ended, ended - opened)
"""


def first_frame(blob: Path, folder: Path, runs: int = 7) -> tuple[float, float]:
    """Median seconds to a script's first result: from its process's start, from the device's."""
    script = folder / "first.py"
    function = inspect.getsource(pipeline_of)
    script.write_text(FIRST.format(side=SIDE, blob=str(blob), function=function))
    command = [sys.executable, "-m", "oakwright", "device", "run", str(script)]
    times = []
    for _ in range(runs):
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        line = next(x for x in done.stdout.splitlines() if x.startswith("first "))
        ended, opened = (float(x) for x in line.split()[1:])
        times.append((ended - started, opened))
    return tuple(statistics.median(t) for t in zip(*times, strict=True))  # type: ignore[return-value]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=24, help="turns of each side")
    parser.add_argument("--frames", type=int, default=10000, help="for the memory's growth")
    parser.add_argument("--blob", type=Path, help="a blob made before, instead of converting")
    parser.add_argument("--dry", action="store_true", help="do not write the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blob = options.blob or folder / "mobilenet_v2.blob"
        if not blob.exists():
            make_blob(blob)
        # First, while the process holds nothing else.
        held, growth = memory(blob, options.frames)
        rows, missed = [], []
        for precision in PRECISIONS:
            found = throughput(blob, precision, options.rounds)
            rows.append(
                f"| {precision} | {found['model']:.1f} | {found['camera']:.1f} "
                f"| {found['ratio']:.3f} | {found['low']:.3f} to {found['high']:.3f} "
                f"| {options.rounds} |"
            )
            print(rows[-1], flush=True)
            missed += [f"ratio ({precision})"] if found["ratio"] < RATIO else []
        whole, opening = first_frame(blob, folder)
        missed += ["first frame"] if whole >= FIRST_S else []
        missed += ["memory"] if growth >= GROWTH_MB else []
        rows += [
            "",
            "## First result",
            "",
            f"`oakwright device run script.py`: {whole:.2f} s from the process's start to the"
            f" network's first result, of them {opening:.2f} s from `dai.Device(pipeline)` on"
            f" (median of 7). Goal: {FIRST_S:g} s.",
            "",
            "## Memory",
            "",
            f"{held:.0f} MB after 1000 frames, PyTorch that made the network included;"
            f" {growth:+.1f} MB after {options.frames} more. Goal: below {GROWTH_MB:g} MB.",
            "",
            f"Missed: {', '.join(missed)}." if missed else "All goals are met.",
        ]
        print("\n".join(rows[len(PRECISIONS) :]))
        head = HEAD.format(
            side=SIDE,
            size=blob.stat().st_size / 1e6,
            version=ov.__version__.partition("-")[0],
            threads=len(os.sched_getaffinity(0)),
            machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, shared",
            shot="1280x720",
            turn=TURN_S,
            ratio=RATIO,
        )
    if not options.dry:
        PAGE.write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
