"""Throughput of decompiled models against the IRs their blobs were compiled from.

    python bench/decompile_speed.py [--seconds 20] [--dry]

Both models run on OpenVINO's CPU plugin in one process with the same precision hint and threads,
one inference each in turn, the order changing every round, so that whatever else the machine
does hits both alike. The ratio is that of the median times (source / decompiled: above 1 the
decompiled model is faster); its spread is the middle half of the rounds. Writes
docs/reference/decompile-speed.md unless ``--dry``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
import openvino as ov

from oakwright.decompiler import decompile
from tests.conformance.stages import CASES, Case, as_stored, difference, from_stored

PAGE = ROOT / "docs" / "reference" / "decompile-speed.md"
GOAL = 0.9
NETWORKS = {
    "MobileNetV2 224": "net_mobilenet_v2_224",
    "ResNet-18 224": "net_resnet_18_224",
    "YOLO-like 416, leaky": "net_yolo_leaky_416",
    "YOLO-like 160x192, SiLU": "net_yolo_silu",
    "SSD-like, with DetectionOutput": "net_ssd",
}
HINTS = ("f32", "bf16")
PASSIVE = ("Parameter", "Result", "Constant", "Convert")

COLUMNS = (
    *("network", "hint", "IR ms", "decompiled ms", "ratio", "middle half", "rounds"),
    *("layers IR", "layers decompiled", "stages", "difference", "decompiling s"),
)

HEAD = """# Speed of decompiled models

Written by `python bench/decompile_speed.py`: throughput of the decompiled model divided by that of
the IR its blob was compiled from (4 shaves), both on OpenVINO {version}'s CPU plugin in one
process, {threads} threads, latency hint, inferences in turn. Goal: {goal}. The IR computes in the
named precision, and so does the decompiled model; the IR takes and gives FP32, the decompiled model
FP16 as its blob does. *Middle half* is the spread over rounds. *Layers* leave out inputs, outputs,
constants and conversions of type. *Difference* is max |a - b| / max |a| between the two models'
results on one random input, for FP32 (in bfloat16 the rounding of either is larger).

Machine: {machine}.

{columns}
{rule}
"""


def compiled(model: ov.Model, hint: str) -> ov.InferRequest:
    """An infer request with the same settings for both sides."""
    settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    return ov.Core().compile_model(model, "CPU", settings).create_infer_request()


def layers(model: ov.Model) -> int:
    """Operations that compute or move something."""
    kinds = Counter(op.get_type_name() for op in model.get_ops())
    return sum(count for kind, count in kinds.items() if kind not in PASSIVE)


def timed(request: ov.InferRequest, inputs: list[np.ndarray]) -> float:
    """Seconds of one inference."""
    started = time.perf_counter()
    request.infer(inputs, share_inputs=True)
    return time.perf_counter() - started


def pair(case: Case, hint: str, seconds: float) -> dict[str, object]:
    """Run source and decompiled model in turn for about ``seconds``."""
    blob, source = case.blob(), case.build()
    started = time.perf_counter()
    lifted = decompile(blob)
    spent = time.perf_counter() - started
    given = case.inputs()
    ours = [as_stored(i, given[i.name]).astype(i.desc.dtype) for i in blob.inputs]
    theirs = [given[p.get_friendly_name()] for p in source.get_parameters()]
    a, b = compiled(source, hint), compiled(lifted, hint)
    for _ in range(3):
        timed(a, theirs)
        timed(b, ours)
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 21:
        if len(times) % 2:
            first = timed(a, theirs)
            times.append((first, timed(b, ours)))
        else:
            second = timed(b, ours)
            times.append((timed(a, theirs), second))
    left, right = np.array(times).T
    low, high = np.percentile(left / right, [25, 75])
    wanted = [np.array(t.data, np.float32) for t in a.output_tensors]
    got = [
        from_stored(info, np.array(t.data, np.float32))
        for info, t in zip(blob.outputs, b.output_tensors, strict=True)
    ]
    return {
        "ir_ms": 1e3 * np.median(left),
        "our_ms": 1e3 * np.median(right),
        "ratio": np.median(left) / np.median(right),
        "low": low,
        "high": high,
        "rounds": len(times),
        "ir_layers": layers(source),
        "our_layers": layers(lifted),
        "stages": len(blob.stages),
        "difference": max(difference(g, w) for g, w in zip(got, wanted, strict=True)),
        "spent": spent,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="per network and hint")
    parser.add_argument("--dry", action="store_true", help="do not write the page")
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    rows, short = [], []
    for title, name in NETWORKS.items():
        for hint in HINTS:
            found = pair(CASES[name], hint, options.seconds)
            apart = f"{found['difference']:.1e}" if hint == "f32" else "–"
            rows.append(
                f"| {title} | {hint} | {found['ir_ms']:.2f} | {found['our_ms']:.2f} "
                f"| {found['ratio']:.3f} | {found['low']:.3f} to {found['high']:.3f} "
                f"| {found['rounds']} | {found['ir_layers']} | {found['our_layers']} "
                f"| {found['stages']} | {apart} | {found['spent']:.2f} |"
            )
            print(rows[-1], flush=True)
            if found["ratio"] < GOAL:
                short.append(f"{title} ({hint})")
    verdict = f"Below {GOAL}: {', '.join(short)}." if short else f"All at {GOAL} or above."
    print(verdict)
    if not options.dry:
        head = HEAD.format(
            version=ov.__version__.partition("-")[0],
            threads=threads,
            goal=GOAL,
            columns=f"| {' | '.join(COLUMNS)} |",
            rule="|---" * len(COLUMNS) + "|",
            machine=f"{platform.machine()}, {threads} cores, shared",
        )
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(head + "\n".join(rows) + f"\n\n{verdict}\n")


if __name__ == "__main__":
    main()
