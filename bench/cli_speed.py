"""Speed of the command line: ONNX → blob warm, a cache hit, and their peak memory.

    python bench/cli_speed.py

Whole processes are timed, as a user sees them: median of five after one warm-up. The network is
MobileNetV2 at 224x224 with random weights, exported to ONNX here.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from tests.conformance.nets_classifiers import mobilenet_v2

GOALS = {"convert, nothing cached": 3.0, "convert, cache hit": 0.2}


def timed(words: list[str], runs: int = 5) -> tuple[float, float]:
    """Median seconds and peak resident MB over the children of this process so far."""
    times = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return statistics.median(times[1:]), peak


def export(path: Path) -> None:
    """MobileNetV2 as ONNX, opset 13."""
    net = mobilenet_v2().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.rand(1, 3, 224, 224),), str(path), opset_version=13, dynamo=False
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "mobilenet_v2.onnx")
        export(model)
        tool = [sys.executable, "-m", "oakwright"]
        convert = [*tool, "convert", str(model), "--range", "-1..1", "-o", folder]
        megabytes, load = model.stat().st_size / 1e6, os.getloadavg()[0]
        print(f"MobileNetV2 224, {megabytes:.1f} MB of ONNX; load {load:.1f}")
        print("| what | seconds (median of 5) | goal | peak MB of all children so far |")
        print("|---|---|---|---|")
        hit, peak = timed(convert)  # the warm-up fills the cache
        rows = [("convert, cache hit", hit, peak)]
        cold, peak = timed([*convert, "--no-cache"])
        rows.append(("convert, nothing cached", cold, peak))
        for name, seconds, megabytes in rows:
            print(f"| {name} | {seconds:.2f} | {GOALS[name]} | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
