"""Brings every node test of ONNX to a blob and writes docs/reference/onnx-operations.md.

    python bench/onnx_conformance.py [--jobs 2] [OPERATOR or CASE ...]

With names only these are tried and printed; the page and the list of outcomes
(tests/conformance/onnx_nodes.json) are written by a run over everything. With --journal FILE
outcomes are kept as they come, and a run that was broken off goes on where it ended.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.conformance.onnx_nodes import (
    COARSE,
    SHAVES,
    TOLERANCE,
    Outcome,
    attempt,
    cases,
    final,
    write_expected,
)

PAGE = ROOT / "docs" / "reference" / "onnx-operations.md"
PATIENCE_S = 180

HEAD = """# ONNX operations

Written by `python bench/onnx_conformance.py`. Each row is an operator of ONNX with the cases of
its own test suite (`onnx.backend.test`, onnx {onnx}) that have a float input and tensors of
static shape: {all} cases of {operators} operators, those included that ONNX writes out as the
operator's defining function. Each case is converted for {shaves} shaves, compiled, decompiled
and run on OpenVINO's CPU plugin in FP32 (where a stage cannot be decompiled, on oakwright's
machine), and compared with the outputs that ONNX gives: max |a - b| / max |b| is at most
{tolerance:g} ({coarse:g} where ONNX's own outputs are bfloat16), for inputs, weights and outputs
are FP16. Where rounding the inputs to FP16 alone moves the result (a comparison, a step),
ONNX's evaluator on the rounded inputs is the reference.

**{agree} of {all} cases ({percent:.1f} %) become a blob that agrees.** {nothing} of them as ONNX
feeds them, everything at run time; {integers} with their integers and booleans (axes, shapes,
pads, indices) held constant, and {parameters} with everything held but the first float input,
as weights and limits are in a network. {wrong} blobs disagree; {crash} cases end in anything but
a clear error.

The columns count cases. *agrees*: as ONNX feeds it + integers constant + parameters constant.
*rules*: what the legaliser had to rewrite. *why not*: what stands in the way of the others.

| operator | cases | agrees | rules | why not |
|---|---|---|---|---|
"""


def try_case(name: str) -> tuple[str, list[Outcome], float]:
    """One case in a worker process; a hang becomes a crash."""
    start = time.perf_counter()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(PATIENCE_S)
    try:
        outcomes = attempt(cases()[name])
    except TimeoutError as error:
        outcomes = [Outcome("crash", "nothing", str(error))]
    finally:
        signal.alarm(0)
    return name, outcomes, time.perf_counter() - start


def _one_core() -> None:
    """Cases side by side, not threads: these models are too small to be shared out."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def _too_long(*_: object) -> None:
    raise TimeoutError(f"still busy after {PATIENCE_S} s")


def attempts(names: Sequence[str], jobs: int) -> Iterator[tuple[str, list[Outcome], float]]:
    """All cases, as they get done; one that kills its process is tried alone, then given up."""
    left, alone = list(names), False
    while left:
        batch = left[:1] if alone else left
        done = set()
        with ProcessPoolExecutor(1 if alone else jobs, initializer=_one_core) as pool:
            futures = {pool.submit(try_case, name): name for name in batch}
            for future in as_completed(futures):
                try:
                    yield future.result()
                    done.add(futures[future])
                except BrokenProcessPool:
                    if alone:
                        reason = "its process died"
                        yield futures[future], [Outcome("crash", "nothing", reason)], 0.0
                        done.add(futures[future])
        alone = not alone and len(done) < len(batch)
        left = [name for name in left if name not in done]


def page(outcomes: dict[str, Outcome]) -> str:
    """The page of the docs."""
    import onnx

    known = cases()
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for name, outcome in outcomes.items():
        groups[known[name].operator].append(outcome)
    held = Counter(o.held for o in outcomes.values() if o.result == "agrees")
    results = Counter(o.result for o in outcomes.values())
    head = HEAD.format(
        onnx=onnx.__version__,
        all=len(outcomes),
        operators=len(groups),
        shaves=SHAVES,
        tolerance=TOLERANCE,
        coarse=COARSE,
        agree=results["agrees"],
        percent=100 * results["agrees"] / len(outcomes),
        nothing=held["nothing"],
        integers=held["integers"],
        parameters=held["parameters"],
        wrong=results["wrong"] or "No",
        crash=results["crash"] or "no",
    )
    return head + "".join(_row(op, groups[op]) for op in sorted(groups, key=str.lower))


def _row(operator: str, outcomes: Sequence[Outcome]) -> str:
    good = [each for each in outcomes if each.result == "agrees"]
    held = Counter(each.held for each in good)
    counts = " + ".join(str(held[how]) for how in ("nothing", "integers", "parameters"))
    rules = ", ".join(sorted({rule for each in good for rule in each.rules}))
    reasons = Counter(f"{o.result}: {o.reason}" for o in outcomes if o.result != "agrees")
    why = "; ".join(
        (f"{count}× " if count > 1 else "") + reason.replace("|", "\\|").rstrip(".")
        for reason, count in reasons.most_common()
    )
    return f"| {operator} | {len(outcomes)} | {counts} | {rules} | {why} |\n"


def _kept(journal: Path | None) -> dict[str, Outcome]:
    if journal is None or not journal.is_file():
        return {}
    kept = (json.loads(line) for line in journal.read_text().splitlines())
    return {name: Outcome(**{**each, "rules": tuple(each["rules"])}) for name, each in kept}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="operators or cases; all by default")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--journal", type=Path)
    arguments = parser.parse_args()
    wanted = set(arguments.names)
    names = [n for n, c in cases().items() if not wanted or wanted & {n, c.operator}]
    outcomes = _kept(arguments.journal)
    left = sorted((n for n in names if n not in outcomes), key=lambda n: "_expanded" in n)
    for name, tried, seconds in attempts(left, arguments.jobs):
        outcomes[name] = final(tried)
        if arguments.journal:
            with arguments.journal.open("a") as file:
                file.write(json.dumps([name, asdict(outcomes[name])]) + "\n")
        if wanted or outcomes[name].result != "agrees":
            for each in tried:
                text = f"{each.result:8} {each.held:10} {each.reason}"
                print(f"{name:48} {seconds:5.1f} s  {text}", flush=True)
    print(Counter(each.result for each in outcomes.values()))
    if not wanted:
        write_expected(outcomes)
        PAGE.write_text(page({name: outcomes[name] for name in names}))
    return int(any(each.is_fault for each in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
