"""Run a folder of depthai-python's examples with no camera and write docs/reference/examples.md.

    python bench/examples.py EXAMPLES [--overlay FOLDER] [--jobs 2] [--only PART] [--out PAGE]
        [--rows FILE]

EXAMPLES is `examples/` of a checkout of luxonis/depthai-python. Networks and files that the
examples look for are made by bench/example_stand_ins.py, unless a folder of them is given; what
single scripts need stands in bench/examples.yaml.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench import example_stand_ins
from oakwright.device import Plan, Row, as_markdown, bench_scripts, read_needs
from oakwright.files import write_aside

PAGE = ROOT / "docs" / "reference" / "examples.md"
NEEDS = ROOT / "bench" / "examples.yaml"
HEAD = """# DepthAI's own examples

<!-- written by bench/examples.py -->

`examples/` of luxonis/depthai-python, run unmodified with `oakwright device bench` and no camera,
those apart that work on a camera's memory (bootloader, flash, calibration that is written).
*Clean* is a script that ended well, or ran its time, without an error, whose every linked stream to
the host brought messages of the declared type and size, and whose pictures and detections follow
the scene: the source `cuts` shows stills of a made-up room, each for half a second, so that
pictures must change at the cuts and not between them, and must not be of one value. Streams
computed from pictures that the script sends must change when those do. *Refused* names what is not
supported before frames flow. *Frames* are messages that reached the host; *seconds* are real ones
on a two-core machine with much else to do, no measure of speed.

"""


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("examples", type=Path)
    parser.add_argument("--overlay", type=Path, help="what example_stand_ins.py has written")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=180.0, help="real seconds of each")
    parser.add_argument("--only", action="append", default=[], help="part of a script's path")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument(
        "--rows",
        type=Path,
        help="JSON that rows are added to as they come; the page shows all of them, so that a "
        "long bench can go on, and single scripts be run again with --only",
    )
    given = parser.parse_args()
    rows = Rows(given.rows)
    with tempfile.TemporaryDirectory(prefix="oakwright-stand-ins-") as own:
        overlay = given.overlay or Path(own)
        if given.overlay is None:
            example_stand_ins.main(overlay)
        plan = Plan(
            limit_s=given.limit,
            overlay=overlay,
            needs=read_needs(NEEDS),
            aliases=(("blobconverter", "oakwright.blobconverter"),),
        )
        bench_scripts(given.examples, plan, jobs=given.jobs, only=given.only, on_row=rows.add)
        table = as_markdown(rows.sorted(), plan)
        write_aside(given.out, HEAD + table + networks(overlay / "models"))


def networks(models: Path) -> str:
    """Which files stand in for what, as a list."""
    lines = ["", "What the examples look for and their repository does not hold:", ""]
    for path in sorted(models.iterdir()):
        about = example_stand_ins.about(path.name)
        if about:
            lines.append(f"- `models/{path.name}`: {about}")
    return "\n".join(lines) + "\n"


class Rows:
    """Rows by script, kept in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        if path is not None and path.is_file():
            for said in json.loads(path.read_text()):
                said["nodes"] = tuple(said["nodes"])
                self._rows[said["script"]] = Row(**said)

    def add(self, row: Row) -> None:
        """Take a row in, and say it."""
        print(f"{row.result:8}{row.seconds:7.1f} s  {row.script}  {row.reason[:200]}", flush=True)
        with self._lock:
            self._rows[row.script] = row
            if self._path is not None:
                write_aside(self._path, json.dumps([asdict(one) for one in self.sorted()]))

    def sorted(self) -> list[Row]:
        """By name."""
        return [self._rows[script] for script in sorted(self._rows)]


if __name__ == "__main__":
    main()
