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
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from compile_networks import NETWORKS, ir_bytes

from oakwright.compiler import CompileOptions
from oakwright.compiler.process import run_all

ROOT = Path(__file__).parents[1]
PAIRED = ("tiny", "residual", "unet", "mobilenet_v2")
TARGET = 15.0  # times faster, for a small blob and for many


@dataclass(frozen=True)
class Run:
    """One timed call: wall and processor seconds, MiB the largest child held, the blobs."""

    seconds: float
    cpu: float
    peak_mb: int
    blobs: list[bytes]


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(ir: tuple[bytes, bytes], options: list[CompileOptions]) -> Run:
    started, cpu = time.monotonic(), cpu_of_children()
    made = run_all(*ir, options)
    seconds, cpu = time.monotonic() - started, cpu_of_children() - cpu
    return Run(seconds, cpu, max(m.peak_kb for m in made) >> 10, [m.blob for m in made])


def row(name: str, stock: list[Run], ours: list[Run], total: bool) -> dict[str, object]:
    """One line of the table: medians of rounds, or of ``stock`` the total."""
    assert {b for r in stock for b in r.blobs} == {b for r in ours for b in r.blobs}, "bytes differ"
    middle = sum if total else statistics.median
    stock_s, ours_s = middle(r.seconds for r in stock), statistics.median(r.seconds for r in ours)
    return {
        "network": name,
        "blob_kb": sum(map(len, ours[0].blobs)) >> 10,
        "stock_s": round(stock_s, 2),
        "ours_s": round(ours_s, 2),
        "times": round(stock_s / ours_s, 1),
        "stock_cpu_s": round(middle(r.cpu for r in stock), 2),
        "ours_cpu_s": round(statistics.median(r.cpu for r in ours), 2),
        "peak_mb": max(r.peak_mb for r in ours),
        "rounds": len(ours),
    }


def paired(name: str, rounds: int) -> dict[str, object]:
    """Stock and ours in turns, so that the machine's load meets both alike."""
    ir = ir_bytes(NETWORKS[name]())
    stock, ours = [], []
    for _ in range(rounds):
        stock.append(timed(ir, [CompileOptions(skip_device_wait=False)]))
        ours.append(timed(ir, [CompileOptions()]))
    return row(name, stock, ours, total=False)


def all_shaves(name: str) -> dict[str, object]:
    """The 16 blobs of one network, both ways."""
    ir = ir_bytes(NETWORKS[name]())
    counts = range(1, 17)
    stock, ours = [], []
    for count in counts:
        if count % 4 == 1:  # ours in between, so that the machine's load meets both alike
            ours.append(timed(ir, [CompileOptions(shaves=n) for n in counts]))
        stock.append(timed(ir, [CompileOptions(shaves=count, skip_device_wait=False)]))
    return row(f"{name}, 16 shave counts", stock, ours, total=True)


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
        "blobs was equal to the byte. Processor time is that of all compile processes: what the",
        "work takes, whatever else the machine does (the stock engine spins while it waits, so its",
        "own falls on a busy machine). Memory is the most that one compile process held.",
        "",
        "| network | blob, KiB | stock, s | oakwright, s | times faster "
        "| processor: stock, s | oakwright, s | peak memory, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        keys = ("network", "blob_kb", "stock_s", "ours_s", "times")
        cells = (row[key] for key in (*keys, "stock_cpu_s", "ours_cpu_s", "peak_mb"))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    load, rounds = facts["load_before"], report["rows"][0]["rounds"]
    lines += [
        "",
        f"Measured on {facts['cores']} cores ({facts['processor']}), Python {facts['python']},",
        f"with a load of {load} from other work before the run; all times are medians, of",
        f"{rounds} rounds for single blobs. The networks have random weights",
        "(`bench/compile_networks.py`). 16 shave counts go through as many processes at a time as",
        "there are cores.",
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
