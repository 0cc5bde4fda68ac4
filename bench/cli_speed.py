"""Speed of the command line: ONNX → blob warm, a cache hit, and their peak memory.

    python bench/cli_speed.py [--write-docs]

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
        convert = [*tool, "convert", str(model), "--range=-1..1", "-o", folder]
        hit, _ = timed(convert)  # the warm-up fills the cache
        cold, peak = timed([*convert, "--no-cache"])
        lines = [
            f"MobileNetV2 224x224, {model.stat().st_size / 1e6:.1f} MB of ONNX with random weights;"
            f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}. Whole processes, median of 5."
            f" The most that one of them held: {peak:.0f} MB.",
            "",
            "| command | seconds | goal |",
            "|---|---|---|",
            f"| `oakwright convert`, verified against onnx.reference | {cold:.2f} | 3.0 |",
            f"| `oakwright convert`, cache hit | {hit:.2f} | 0.2 |",
        ]
    print("\n".join(lines))
    if "--write-docs" in sys.argv:
        head = (
            "# Speed of the command line\n\n<!-- written by bench/cli_speed.py --write-docs -->\n"
        )
        page = Path(__file__).parents[1] / "docs" / "reference" / "cli-speed.md"
        page.write_text(head + "\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
