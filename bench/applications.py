"""Run the applications of luxonis/depthai-experiments with no camera.

    python bench/applications.py EXPERIMENTS PACKAGES [--jobs 2] [--only PART] [--rows FILE]
        [--left] [--kept FOLDER] [--out PAGE] [--show]

EXPERIMENTS is a checkout of luxonis/depthai-experiments at 34a41e94, the last commit of ``master``:
later ones, on ``main``, are of DepthAI v3. PACKAGES is a folder with what the applications import,
made by bench/application_packages.py; nothing of it is installed beside oakwright. What each needs
to be run without a person stands in bench/applications.yaml.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.application_networks import write_zoo
from bench.application_page import as_page
from bench.application_run import Application, Places, Ran, run_application
from oakwright.files import write_aside

PAGE = ROOT / "docs" / "reference" / "applications.md"
NEEDS = ROOT / "bench" / "applications.yaml"
_USES_DEPTHAI = re.compile(r"^\s*(import|from)\s+depthai(_sdk)?\b", re.MULTILINE)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", type=Path)
    parser.add_argument("packages", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", default=[], help="part of a script's path")
    parser.add_argument("--rows", type=Path, help="JSON that rows are added to as they come")
    parser.add_argument("--left", action="store_true", help="only those not clean in --rows")
    parser.add_argument("--kept", type=Path, help="stand-in networks, kept from run to run")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--show", action="store_true", help="print what failing scripts printed")
    given = parser.parse_args()
    said = yaml.safe_load(NEEDS.read_text())
    rows = read_rows(given.rows)
    with tempfile.TemporaryDirectory(prefix="oakwright-stand-ins-") as own:
        kept = (given.kept or Path(own)).resolve()
        places = Places(
            given.experiments.resolve(), given.packages.resolve(), kept / "zoo", kept / "home"
        )
        write_zoo(said["networks"], places.zoo)
        wanted = [
            one
            for one in applications(given.experiments, said)
            if (not given.only or any(part in one.script for part in given.only))
            and not (given.left and one.script in rows and rows[one.script].result == "clean")
        ]
        for ran in run_all(wanted, places, given.jobs):
            print(
                f"{ran.result:8}{ran.seconds:7.1f} s  {ran.script}  {ran.reason[:300]}", flush=True
            )
            if given.show and ran.result in ("failed", "lacks"):
                print(ran.output[-3000:], flush=True)
            rows[ran.script] = ran
            if given.rows is not None:
                text = json.dumps([asdict(rows[name]) for name in sorted(rows)], indent=1)
                write_aside(given.rows, text)
    if not given.only or given.rows is not None:
        every = {one.script: waiting(one) for one in applications(given.experiments, said)} | rows
        write_aside(given.out, as_page([every[name] for name in sorted(every)], said))


def applications(folder: Path, said: dict[str, Any]) -> list[Application]:
    """Every script under ``gen2-*`` that uses DepthAI, with its line of the table if it has one."""
    lines = said["applications"]
    found = []
    for path in sorted(folder.glob("gen2-*/**/*.py")):
        name = str(path.relative_to(folder))
        if name in lines or _USES_DEPTHAI.search(path.read_text(errors="replace")):
            found.append(Application.of(name, lines.get(name) or {}))
    if missing := set(lines) - {one.script for one in found}:
        raise SystemExit(f"{folder} has no {min(missing)}: is it the commit that the help names?")
    return found


def waiting(application: Application) -> Ran:
    """The row of one that no run of --rows has come to."""
    reason = application.apart or application.lacks
    result = "apart" if application.apart else "lacks" if application.lacks else "left"
    return Ran(application.script, result, reason=reason or "not run yet")


def run_all(wanted: list[Application], places: Places, jobs: int) -> Iterator[Ran]:
    """Each in a process of its own, as they end."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(jobs, 1), spawn, max_tasks_per_child=1) as pool:
        for future in as_completed(pool.submit(run_application, one, places) for one in wanted):
            yield future.result()


def read_rows(path: Path | None) -> dict[str, Ran]:
    """What earlier runs left, by script."""
    if path is None or not path.is_file():
        return {}
    return {one["script"]: Ran(**one) for one in json.loads(path.read_text())}


if __name__ == "__main__":
    main()
