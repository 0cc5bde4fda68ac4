"""Convert every hand-written architecture and write docs/reference/architectures.md.

    python bench/architectures.py [name ...]

With names, only those, and the table goes to the screen alone.
"""

from __future__ import annotations

import platform
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch

import oakwright
from tests.conformance.architectures import ARCHITECTURES, Architecture

PAGE = ROOT / "docs" / "reference" / "architectures.md"
SHAVES = 4
HEAD = """# Architectures

Written by `python bench/architectures.py`. Each row is a module of
`tests/conformance/architectures.py` with random weights, converted by `oakwright.convert` for
{shaves} shaves. *Difference* is max |a - b| / max |a| between the module and the legalised model
on a random input, both in F32. *Seconds* are for the whole conversion, verification included,
{machine}. Rules are named `family.rule` after the files in `oakwright/ir/legalise/`.

{done} of {all} are converted; the others are refused with a reason, as expected of them.

| architecture | status | front end | rules | difference | blob bytes | stages | seconds |
|---|---|---|---|---|---|---|---|
"""


def row(architecture: Architecture) -> tuple[bool, str]:
    """Whether it was converted, and its line of the table."""
    start = time.perf_counter()
    try:
        made = oakwright.convert(
            architecture.module(),
            example_input=architecture.inputs(),
            shaves=SHAVES,
            verify="full",
            cache=False,
        )
    except oakwright.OakwrightError as error:
        findings = error.where.get("findings", ())
        reason = findings[0].reason if findings else error.message
        status = "refused" if architecture.expected != "ok" else "FAILED"
        return False, f"| {architecture.name} | {status}: {reason} | | | | | | |"
    seconds = time.perf_counter() - start
    facts = made.manifest
    rules = {}
    for rule, count in facts["rules"].items():
        name = rule[rule.index("(") + 1 : -1]
        rules[name] = rules.get(name, 0) + count
    used = ", ".join(f"{name} {count}" for name, count in sorted(rules.items()))
    front_end = facts["source"]["front_end"].removeprefix("torch.")
    return True, (
        f"| {architecture.name} | ok | {front_end} | {used} "
        f"| {facts['agreement']['difference']:.1e} | {len(made.blobs[SHAVES])} "
        f"| {len(made.blob.stages)} | {seconds:.1f} |"
    )


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    names = sys.argv[1:]
    rows = []
    for architecture in ARCHITECTURES:
        if not names or architecture.name in names:
            rows.append(row(architecture))
            print(rows[-1][1], flush=True)
    if not names:
        machine = f"one thread of {platform.machine()}, other work running"
        done = sum(ok for ok, _ in rows)
        head = HEAD.format(shaves=SHAVES, machine=machine, done=done, all=len(rows))
        PAGE.write_text(head + "\n".join(line for _, line in rows) + "\n")
    if any("FAILED" in line for _, line in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
