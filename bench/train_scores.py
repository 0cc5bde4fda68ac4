"""What a detector scores after so many minutes of the processor's time, on a set in three parts.

    python bench/train_scores.py FOLDER --on test --minutes 2 5 20 --seeds 0 1 2

FOLDER has train.json, val.json, test.json (COCO) and images/. ``--on val`` trains on train.json and
measures on val.json: for choosing numbers. ``--on test`` trains on both train.json and val.json
with no look at test.json until the run is over, and measures the last weights on it.
Each result is a line in OUT/scores.jsonl; ``--page`` writes the page
that shows them, docs/reference/training-scores.md.
Minutes are of the processor (user and system, all threads), reading and validating included.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from oakwright import training

training.share_processor()

import yaml

from bench.train_scores_page import write_page
from oakwright.dataset import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--on", choices=("val", "test"), default="val")
    parser.add_argument("--minutes", type=float, nargs="+", default=[2])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--template", default="mobilenet_v2-2s_ssd-256x256")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
                        help="a number of hyper_parameters.extra, or batch_size, rate")  # fmt: skip
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("bench-output/train-scores"))
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    if given.folder is None:
        print("name a folder; nothing was measured")
        return
    given.out.mkdir(parents=True, exist_ok=True)
    for minutes in given.minutes:
        for seed in given.seeds:
            line = json.dumps(one(given, minutes, seed))
            print(line, flush=True)
            with (given.out / "scores.jsonl").open("a") as file:
                file.write(line + "\n")
    if given.page:
        write_page(given.out / "scores.jsonl")


def one(given: argparse.Namespace, minutes: float, seed: int) -> dict[str, object]:
    name = "-".join([given.on, given.template, f"{minutes:g}", str(seed), *given.changes])
    work = given.out / name.replace("=", "_")
    parts = ["train", "val"] if given.on == "test" else ["train"]
    options = training.TrainOptions(
        train_ann_files=[given.folder / f"{part}.json" for part in parts],
        train_data_roots=given.folder / "images",
        val_ann_files=given.folder / "val.json",
        val_data_roots=given.folder / "images",
        save_checkpoints_to=work,
        template=_template(given.template, given.changes, work),
        time_limit_s=minutes * 60,
        threads=given.threads,
        seed=seed,
    )
    started, cpu = time.monotonic(), time.process_time()
    seen = 0

    def count(at: training.Progress) -> None:
        nonlocal seen
        if at.ap is None:
            seen += 1
        else:
            print(f"{name}: epoch {at.epoch} loss {at.loss:.3f} AP on val {at.ap:.3f}", flush=True)

    training.train(options, report=count, say=print, clock=time.process_time)
    spent = time.process_time() - cpu
    detector = training.open_detector(work / "latest.pth")
    data = read(given.folder / f"{given.on}.json", given.folder / "images", detector.classes)
    metrics = training.evaluate(detector, data).metrics
    batch = detector.template.recipe.batch_size
    return {
        "on": given.on,
        "template": given.template,
        "changes": given.changes,
        "minutes": minutes,
        "seed": seed,
        "cpu_s": round(spent, 1),
        "wall_s": round(time.monotonic() - started, 1),
        "pictures_seen": seen * batch,
        "AP": round(metrics.stats["AP"], 4),
        "AP50": round(metrics.stats["AP50"], 4),
        "AP75": round(metrics.stats["AP75"], 4),
        "classes": {each.name: round(each.ap, 4) for each in metrics.classes},
    }


def _template(name: str, changes: list[str], work: Path) -> Path | str:
    if not changes:
        return name
    data = dict(training.read_template(name).data)
    hyper = data["hyper_parameters"]
    for change in changes:
        key, _, value = change.partition("=")
        place = hyper["basic"] if key in hyper["basic"] else hyper["extra"]
        place[key] = yaml.safe_load(value)
    work.mkdir(parents=True, exist_ok=True)
    path = work / "template.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


if __name__ == "__main__":
    main()
