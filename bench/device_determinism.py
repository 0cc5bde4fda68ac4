"""Determinism of the virtual camera: each script five times, the same bits every time.

    python bench/device_determinism.py [FOLDER] [--runs 5] [--seconds 0.6] [--jobs 2] [--dry]

Every script of FOLDER (bench/scripts, whose networks are converted here, unless one is given) runs
in processes of its own, deterministic. Compared is the hash over everything the host took from the
device: stream, class, number, time and contents of each message, in order. One more run sees
another scene; its hash must be another where the script has a camera. Writes
docs/reference/determinism.md unless ``--dry``, ``--only`` or another folder is given.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from oakwright.device import Settings, run_script

SCRIPTS = ROOT / "bench" / "scripts"
PAGE = ROOT / "docs" / "reference" / "determinism.md"
SOURCE, OTHER_SOURCE = "scene", "pattern"
# Scripts whose streams follow no camera.
BLIND = ("network_inputs", "script_clock")
LIMIT_S = 240.0

HEAD = """# Determinism of the virtual camera

Written by `python bench/device_determinism.py`: {scripts} scripts, {runs} runs each of
{seconds:g} s of virtual time, {jobs} at a time. *Hash* is over everything the host took from the
device: stream, class, number, time and contents of every message, in order. *Another scene* says
whether one more run, with another source, had another hash: that the hash sees what is in the
messages.

{summary}

| script | nodes | messages | hash | runs alike | another scene |
|---|---|--:|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """A script's hashes; ``other``: that of another scene; ``reason``: why there are none."""

    script: str
    nodes: tuple[str, ...]
    messages: int
    digests: tuple[str | None, ...]
    other: str | None
    reason: str = ""

    @property
    def is_same(self) -> bool:
        """Whether all runs were alike."""
        return not self.reason and len(set(self.digests)) == 1 and None not in self.digests

    @property
    def is_good(self) -> bool:
        """Whether, besides, another scene was another hash."""
        blind = Path(self.script).stem in BLIND
        return self.is_same and self.messages > 0 and (blind or self.other not in self.digests)

    def as_markdown(self) -> str:
        """A line of the table."""
        alike = f"{len(self.digests)} of {len(self.digests)}" if self.is_same else "**no**"
        blind = Path(self.script).stem in BLIND
        other = "has no camera" if blind else "differs" if self.is_good else "**same**"
        shown = self.reason or f"`{(self.digests[0] or '')[:16]}`"
        return (
            f"| {self.script} | {', '.join(self.nodes)} | {self.messages} | {shown} "
            f"| {alike} | {other} |"
        )


def make_networks(folder: Path) -> None:
    """The networks that bench/scripts use, compiled."""
    import oakwright
    from bench.colour_detector import colour_ssd
    from bench.example_stand_ins import grid_yolo

    corpus = ROOT / "tests" / "corpus" / "blobs"
    shutil.copyfile(corpus / "blur--6.blob", folder / "blur.blob")
    shutil.copyfile(corpus / "arithmetic--4.blob", folder / "arithmetic.blob")
    outputs = {"conv_16": (16, 255), "conv_32": (32, 255)}
    models = {"ssd": colour_ssd(300, 300), "yolo": grid_yolo(416, 416, outputs, is_v8=False)}
    for name, model in models.items():
        made = oakwright.convert(model, shaves=6, input_precision="U8")
        (folder / f"{name}.blob").write_bytes(made.blobs[6])


def run(script: Path, models: Path, seconds: float, runs: int, jobs: int = 1) -> Row:
    """One script, ``runs`` times and once with the other source."""
    with ThreadPoolExecutor(jobs) as pool:
        sources = [SOURCE] * runs + [OTHER_SOURCE]
        ended = list(
            pool.map(
                lambda source: run_script(
                    script,
                    [str(models)],
                    Settings(
                        source=source, deterministic=True, seconds=seconds, patience_s=LIMIT_S
                    ),
                    limit_s=LIMIT_S,
                    capture=True,
                ),
                sources,
            )
        )
    digests = tuple(e.report.get("digest") for e in ended)
    bad = next((e for e in ended if not e.is_clean), None)
    reports = [e.report for e in ended if e.is_clean] or [{}]
    titles = [title for device in reports[0].get("devices", []) for title in device["nodes"]]
    nodes = sorted({title.partition("(")[0] for title in titles} - {"XLinkOut"})
    taken = sum(stream["taken"] for stream in reports[0].get("streams", {}).values())
    reason = f"{bad.outcome}: {bad.message}".splitlines()[0] if bad else ""
    return Row(script.name, tuple(nodes), taken, digests[:-1], digests[-1], reason)


def main() -> int:
    """Run, print, write; 1 where a script was not the same every time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SCRIPTS, help="where scripts are")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.6, help="virtual time of each run")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side")
    parser.add_argument("--only", default="", help="part of the scripts' names")
    parser.add_argument("--dry", action="store_true", help="do not write the page")
    options = parser.parse_args()
    scripts = [
        path
        for path in sorted(options.folder.rglob("*.py"))
        if not path.name.startswith("_") and options.only in path.name
    ]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        models = Path(name)
        if options.folder == SCRIPTS:
            make_networks(models)
        for script in scripts:
            rows.append(run(script, models, options.seconds, options.runs, options.jobs))
            print(rows[-1].as_markdown(), flush=True)
    good = [row for row in rows if row.is_good]
    summary = f"{len(good)} of {len(rows)} scripts are the same bits every time."
    print(summary)
    if options.folder == SCRIPTS and not options.dry and not options.only:
        head = HEAD.format(
            scripts=len(rows),
            runs=options.runs,
            seconds=options.seconds,
            jobs=options.jobs,
            summary=summary,
        )
        PAGE.write_text(head + "".join(f"{row.as_markdown()}\n" for row in rows))
    return int(len(good) < len(rows))


if __name__ == "__main__":
    sys.exit(main())
