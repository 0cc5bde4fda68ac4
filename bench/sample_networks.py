"""The packaged sample networks: how good they are, and the command that makes them.

    python bench/sample_networks.py [FOLDER]           measure them and write the page
    python bench/sample_networks.py [FOLDER] --train   make them anew first: data, training, export

The page is docs/reference/sample-networks.md; FOLDER holds the data and the training
(bench-output/sample-networks by default). Data are made-up rooms of ``sample_scenes.py``; the
detector is trained by ``oakwright.training`` with ``sample_detector.yaml``, the second network by
``sample_recognizer.py``. Nothing is downloaded, and everything runs in one thread. `--rooms`,
`--epochs` and `--to` make a small one elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
import openvino as ov
import torch

from bench import sample_recognizer, sample_scenes
from bench.sample_networks_page import write_page
from oakwright import dataset, training
from oakwright.apps import rooms
from oakwright.device.scene import COLORS, LABELS, MARKS
from oakwright.files import write_all_aside, write_aside

HERE = Path(__file__).parent
WORK, PAGE = Path("bench-output/sample-networks"), HERE.parent / "docs/reference/sample-networks.md"
PARTS = ("detector", "recognizer")
RECOGNIZER_EPOCHS = 12
# Where the whole application is tried, and for how long.
ROOMS, PICTURES = (1, 2, 3, 4, 6, 7), 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=WORK)
    parser.add_argument("--train", action="store_true", help="make the networks anew")
    parser.add_argument("--only", choices=PARTS, action="append", help="train this one; repeatable")
    parser.add_argument("--rooms", type=int, default=200, help="to train on")
    parser.add_argument("--held-out", type=int, default=40, help="rooms that they are judged on")
    parser.add_argument("--epochs", type=int, help="of both trainings")
    parser.add_argument("--to", type=Path, default=rooms.FOLDER, help="where networks are put")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    torch.set_num_threads(1)
    has_data = all((given.folder / f"{part}.json").is_file() for part in sample_scenes.FIRST)
    if not has_data:
        sample_scenes.write_parts(given.folder, given.rooms, given.held_out)
    elif given.train:
        print(f"the pictures in {given.folder} are used again")
    if given.train:
        make(given.folder, given.to, given.only or PARTS, given.epochs)
    scores = measure(given.folder, given.to)
    if given.to == rooms.FOLDER:
        scores["application"] = apply(given.folder / "application", given.page)
    print(json.dumps(scores, indent=1))
    write_page(scores, given.page)


def make(folder: Path, to: Path, which: Any, epochs: int | None) -> None:
    """Train and put the networks, as IRs that take bytes, into ``to``."""
    facts_file = to / rooms.FACTS
    facts = json.loads(facts_file.read_text()) if facts_file.is_file() else {}
    pictures = len(json.loads((folder / "train.json").read_text())["images"])
    facts |= {"labels": LABELS, "colors": list(COLORS), "marks": MARKS, "pictures": pictures}
    spent = facts.setdefault("cpu_seconds", {})
    files: dict[Any, bytes | str] = {}
    for part in which:
        before = time.process_time()
        made = _detector(folder, epochs) if part == "detector" else _recognizer(folder, epochs)
        spent[part] = round(time.process_time() - before)
        for suffix in (".xml", ".bin"):
            files[to / f"{part}{suffix}"] = made.with_suffix(suffix).read_bytes()
    files[facts_file] = json.dumps(facts, indent=1) + "\n"
    write_all_aside(files)


def _detector(folder: Path, epochs: int | None) -> Path:
    work = folder / "detector"
    started = time.process_time()

    def report(at: training.Progress) -> None:
        if at.ap is not None:
            print(f"  epoch {at.epoch}  loss {at.loss:.3f}  AP {at.ap:.3f}"
                  f"  {time.process_time() - started:.0f} CPU s", flush=True)  # fmt: skip

    options = training.TrainOptions(
        train_ann_files=folder / "train.json",
        train_data_roots=folder / "images",
        val_ann_files=folder / "val.json",
        val_data_roots=folder / "images",
        save_checkpoints_to=work,
        template=HERE / "sample_detector.yaml",
        pretrained=False,
        epochs=epochs,
        threads=1,
    )
    trained = training.train(options, say=print, report=report)
    asked = training.ExportOptions(fp16=True, u8_input=True)
    training.export(trained.latest, work / "export", asked)
    return work / "export" / "alt_ssd_export" / "model.xml"


def _recognizer(folder: Path, epochs: int | None) -> Path:
    crops = sample_recognizer.read_crops(folder, "train")
    print(f"training  {len(crops.marks)} crops", flush=True)
    network = sample_recognizer.train(crops, epochs or RECOGNIZER_EPOCHS)
    example = torch.zeros(1, 3, sample_recognizer.SIDE, sample_recognizer.SIDE)
    graph = ov.convert_model(network, example_input=example)
    graph.reshape(list(example.shape))
    graph.inputs[0].get_tensor().set_names({"image"})
    graph.inputs[0].get_node().set_friendly_name("image")
    for output, name in zip(graph.outputs, ("color", "mark"), strict=True):
        output.get_tensor().set_names({name})
        output.get_node().input_value(0).get_node().set_friendly_name(name)
    steps = ov.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8)
    place = folder / "recognizer" / "model.xml"
    place.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(steps.build(), place, compress_to_fp16=True)
    return place


def measure(folder: Path, to: Path) -> dict[str, Any]:
    """Held-out scores of the packaged files, in float32 on OpenVINO's CPU plugin."""
    facts = json.loads((to / rooms.FACTS).read_text())
    scores: dict[str, Any] = {"facts": facts}
    for part in PARTS:
        files = [to / f"{part}{suffix}" for suffix in (".xml", ".bin")]
        scores[f"{part}_bytes"] = sum(file.stat().st_size for file in files)
    held_out = dataset.read(folder / "test.json", folder / "images")
    result = training.evaluate(to / "detector.xml", held_out)
    scores["detector"] = {
        "pictures": len(held_out),
        "stats": {key: result.metrics.stats[key] for key in ("AP", "AP50", "AP75")},
        "classes": [[c.name, c.boxes, c.ap, c.ap50] for c in result.metrics.classes],
        "parameters": result.complexity.parameters,
        "flops": result.complexity.flops,
    }
    scores["recognizer"] = _measure_recognizer(folder, to)
    return scores


def _measure_recognizer(folder: Path, to: Path) -> dict[str, Any]:
    core = ov.Core()
    graph = core.read_model(to / "recognizer.xml")
    compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    crops = sample_recognizer.read_crops(folder, "test")
    told: dict[str, list[int]] = {"color": [], "mark": []}
    for picture in sample_recognizer.middles(crops):
        found = compiled(picture[None])
        for name in told:
            told[name].append(int(found[name].argmax()))
    rows: dict[str, Any] = {"crops": len(crops.marks)}
    for name, truth, words in (("color", crops.colors, COLORS), ("mark", crops.marks, MARKS)):
        known = truth >= 0
        guess, want = np.array(told[name])[known], truth[known]
        by_class = [
            [word, int((want == k).sum()), float((guess[want == k] == k).mean())]
            for k, word in enumerate(words)
            if (want == k).any()
        ]
        rows[name] = {
            "things": len(want),
            "right": float((guess == want).mean()),
            "classes": by_class,
        }
    outputs = [n.output(0) for n in graph.get_ops() if n.get_type_name() == "Constant"]
    weights = [o for o in outputs if o.get_element_type().is_real()]
    rows["parameters"] = int(sum(np.prod(o.get_shape()) for o in weights))
    return rows


def apply(out: Path, page: Path) -> dict[str, Any]:
    """The application of the demo in other rooms than the demo's, counted together.

    And in the demo's own, for a picture beside the page.
    """
    sys.path.insert(0, str(HERE.parent / "examples" / "rooms"))
    import show

    show.two_stages(out)
    still = cv2.resize(cv2.imread(str(out / "room.png")), (960, 540), interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", still, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
    write_aside(page.parent.parent / "pictures" / "two-stages.jpg", jpeg)
    total: Counter[str] = Counter()
    for seed in ROOMS:
        counted = show.two_stages(out, seed=seed, pictures=PICTURES)
        print(f"furnished:{seed}  {show.told(counted)}", flush=True)
        total += counted
    return {
        "frames": PICTURES,
        "rooms": ", ".join(str(seed) for seed in ROOMS),
        "things": total["things"],
        "found": total["found"] / total["things"],
        "named": total["named"] / total["found"],
        "wrong": total["wrong"],
    }


if __name__ == "__main__":
    main()
