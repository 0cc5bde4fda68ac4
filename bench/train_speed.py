"""Pictures trained per second of the processor: oakwright's loop and a straightforward one.

    python bench/train_speed.py [FOLDER]

FOLDER has train.json and images/ as a COCO set has; without one, a set of 640x480 pictures is made.
The straightforward loop is bench/train_loop.py: same network, same trained layers, same batch. Both
run several rounds in fresh processes; each round's first steps do not count. Seconds are of the
processor (user and system, all threads), the least of the rounds: others on the machine make it
slower, never faster. Writes docs/reference/train-speed.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "train-speed.md"
TEMPLATE = "mobilenet_v2-2s_ssd-256x256"
BATCH, WARM, STEPS = 16, 3, 8
# (loop, blocks of the trunk that are not trained)
RUNS = (("plain", 0), ("oakwright", 0), ("plain", 5), ("oakwright", 5))

HEAD = """# How fast training is

Written by `python bench/train_speed.py`.
{facts}
Pictures are decoded once by oakwright, which is not counted, and each time by the other, which is;
cropping and colours are counted. The straightforward loop is `bench/train_loop.py`.

| loop | trained layers | CPU ms a picture | a CPU second | to the first | to plain, same layers |
|---|---|---|---|---|---|"""
TAIL = """
What makes the difference: bfloat16 where the processor has it (measured at the start of a run),
tensors with the channels last, pictures decoded once, colours changed by a table, and the
gradient of strided filters: oneDNN's is slow, so that training filters every pixel and leaves out
three of four, which is the same. A run on a CPU does not train the first five blocks by default
(`freeze` in the template).

On a machine that others use, give `--threads 1`: threads that wait for each other lose more than
they win. `oakwright train` sets `OMP_WAIT_POLICY=PASSIVE` unless you set it; without it two
threads on two busy cores took twice the CPU time for the same step.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.folder, given.one[0], int(given.one[1]), given.threads)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or make(Path(made))
        costs = {run: rounds(folder, run, given) for run in RUNS}
    write(costs, given)


def rounds(folder: Path, run: tuple[str, int], given: argparse.Namespace) -> float:
    """CPU milliseconds a picture."""
    command = [sys.executable, __file__, str(folder), "--threads", str(given.threads),
               "--one", run[0], str(run[1])]  # fmt: skip
    found = []
    for _ in range(given.rounds):
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        found.append(float(done.stdout.splitlines()[-1]))
        print(*run, found[-1], flush=True)
    return min(found)


def measure(folder: Path, loop: str, freeze: int, threads: int) -> float:
    sys.path.insert(0, str(ROOT))
    from oakwright import training

    training.share_processor()
    import torch

    from oakwright.dataset import read

    torch.set_num_threads(threads)
    data = read(folder / "train.json", folder / "images")
    template = training.read_template(TEMPLATE)
    laps: list[float] = []
    if loop == "plain":
        from bench.train_loop import train_plainly

        steps = train_plainly(data, template, freeze, BATCH, WARM + STEPS)
        laps.extend(time.process_time() for _ in steps)
    else:

        class Enough(BaseException):
            pass

        def lap(at: training.Progress) -> None:
            laps.append(time.process_time())
            if len(laps) == WARM + STEPS:
                raise Enough

        table = dict(template.data)
        hyper = {**table["hyper_parameters"]}
        hyper["extra"] = {**hyper["extra"], "freeze": freeze}
        with tempfile.TemporaryDirectory() as out:
            path = Path(out) / "template.yaml"
            changed = training.Template.of({**table, "hyper_parameters": hyper})
            path.write_text(changed.to_yaml())
            options = training.TrainOptions(
                folder / "train.json", folder / "train.json", folder / "images", folder / "images",
                save_checkpoints_to=out, template=path, pretrained=False, gpu_num=0,
                batch_size=BATCH, threads=threads,
            )  # fmt: skip
            # Pictures are decoded once and then kept: what matters over a run is the rest.
            from oakwright.training.pictures import Pictures

            real = Pictures.__init__

            def filled(self: Pictures, *args: object, **more: object) -> None:
                real(self, *args, **more)  # type: ignore[arg-type]
                for i in range(len(self.dataset)):
                    self[i]

            Pictures.__init__ = filled  # type: ignore[method-assign]
            with contextlib.suppress(Enough):
                training.train(options, report=lap)
    return round((laps[-1] - laps[WARM - 1]) / (BATCH * STEPS) * 1000, 2)


def make(folder: Path) -> Path:
    sys.path.insert(0, str(ROOT))
    from tests.training_data import make_set

    file, root = make_set(
        folder, "train", pictures=64, width=640, height=480, most=8, suffix=".jpg"
    )
    root.rename(folder / "images")
    return file.parent


def write(costs: dict[tuple[str, int], float], given: argparse.Namespace) -> None:
    base, named = costs["plain", 0], {"plain": "straightforward", "oakwright": "oakwright"}
    rows = [
        f"| {named[loop]} | {'all' if not freeze else f'all but the first {freeze} blocks'}"
        f" | {cost:.1f} | {1000 / cost:.0f} | {base / cost:.1f}"
        f" | {costs['plain', freeze] / cost:.1f} |"
        for (loop, freeze), cost in costs.items()
    ]
    import torch

    what = f"the pictures of {given.folder.name}" if given.folder else "generated 640x480 pictures"
    version = torch.__version__.split("+")[0]
    facts = textwrap.fill(
        f"{TEMPLATE}, batch {BATCH}, {what}, torch {version} on a CPU, threads: {given.threads}."
        f" CPU milliseconds count user and system time of all threads; the least of {given.rounds}"
        f" rounds of {STEPS} steps.",
        98,
    )
    PAGE.write_text("\n".join([HEAD.format(facts=facts), *rows, TAIL]))


if __name__ == "__main__":
    main()
