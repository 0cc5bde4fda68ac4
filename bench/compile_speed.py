"""How long does a blob take, beside the engine as it comes? Paired, in one run.

    python bench/compile_speed.py [--write-docs]

Times a whole ``compile_ir``, child process included, with and without the engine's wait for a
USB stick, in turns; then all 16 shave counts of MobileNetV2 both ways (the stock engine one after
the other, as its machine-wide lock makes them). Results go to ``bench-output/compile-speed.json``
and, with ``--write-docs``, to ``docs/reference/compile-speed.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from compile_networks import NETWORKS, ir_bytes

from oakwright.compiler import CompileOptions
from oakwright.compiler.process import run_all

ROOT = Path(__file__).parents[1]
PAIRED = ("tiny", "residual", "unet", "mobilenet_v2")
TARGET = 15.0  # times faster, for a small blob and for many


def timed(ir: tuple[bytes, bytes], options: list[CompileOptions]) -> tuple[float, int, list[bytes]]:
    """Seconds for all of it, the most memory one child held (MiB), the blobs."""
    started = time.monotonic()
    made = run_all(*ir, options)
    seconds = time.monotonic() - started
    return seconds, max(m.peak_kb for m in made) >> 10, [m.blob for m in made]


def paired(name: str, rounds: int) -> dict[str, object]:
    """Stock and ours in turns, so that the machine's load meets both alike."""
    ir = ir_bytes(NETWORKS[name]())
    stock, ours = [], []
    for _ in range(rounds):
        stock.append(timed(ir, [CompileOptions(skip_device_wait=False)]))
        ours.append(timed(ir, [CompileOptions()]))
    assert all(run[2] == stock[0][2] for run in stock + ours), "the bytes differ"
    stock_s = statistics.median(run[0] for run in stock)
    ours_s = statistics.median(run[0] for run in ours)
    return {
        "network": name,
        "blob_kb": len(ours[0][2][0]) >> 10,
        "stock_s": round(stock_s, 3),
        "ours_s": round(ours_s, 3),
        "times": round(stock_s / ours_s, 1),
        "peak_mb": max(run[1] for run in ours),
        "rounds": rounds,
    }


def all_shaves(name: str) -> dict[str, object]:
    """The 16 blobs of one network, both ways."""
    ir = ir_bytes(NETWORKS[name]())
    seconds, peak, blobs = timed(ir, [CompileOptions(shaves=n) for n in range(1, 17)])
    stock = [timed(ir, [CompileOptions(shaves=n, skip_device_wait=False)]) for n in range(1, 17)]
    assert blobs == [run[2][0] for run in stock], "the bytes differ"
    stock_s = sum(run[0] for run in stock)
    return {
        "network": f"{name}, 16 shave counts",
        "blob_kb": sum(map(len, blobs)) >> 10,
        "stock_s": round(stock_s, 3),
        "ours_s": round(seconds, 3),
        "times": round(stock_s / seconds, 1),
        "peak_mb": peak,
        "rounds": 1,
    }


def machine() -> dict[str, object]:
    """What it ran on, and how busy that was."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }


def as_text(report: dict) -> str:
    """The report as a page of documentation."""
    facts = report["machine"]
    lines = [
        "# How fast a blob is made",
        "",
        "<!-- written by bench/compile_speed.py --write-docs -->",
        "",
        "Seconds from IR bytes to blob bytes, the compile process included. *Stock* is the same",
        "engine with its wait for a USB stick; both were measured in turns, and every pair of",
        "blobs was equal to the byte. Memory is the most that one compile process held.",
        "",
        "| network | blob, KiB | stock, s | oakwright, s | times faster | peak memory, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        cells = (row[k] for k in ("network", "blob_kb", "stock_s", "ours_s", "times", "peak_mb"))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    load, rounds = facts["load_before"], report["rows"][0]["rounds"]
    lines += [
        "",
        f"Measured on {facts['cores']} cores ({facts['processor']}), Python {facts['python']},",
        f"with a load of {load} from other work before the run; single blobs are the median of",
        f"{rounds} rounds. The networks have random weights (`bench/compile_networks.py`).",
        "16 shave counts go through as many processes at a time as there are cores.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of each pair")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    report: dict = {"machine": machine(), "rows": []}
    run_all(*ir_bytes(NETWORKS["tiny"]()), [CompileOptions()])  # fetch and warm
    for row in (*(paired(n, options.rounds) for n in PAIRED), all_shaves("mobilenet_v2")):
        report["rows"].append(row)
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    output = ROOT / "bench-output" / "compile-speed.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n")
    if options.write_docs:
        page = ROOT / "docs" / "reference" / "compile-speed.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(as_text(report))
    # One large blob is mostly compiling, which is the same work both ways.
    judged = [row for row in report["rows"] if row["network"] != "mobilenet_v2"]
    return 0 if all(row["times"] >= TARGET for row in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
