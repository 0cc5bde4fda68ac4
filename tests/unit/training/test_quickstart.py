"""oakwright detector quickstart: a folder of pictures in, a detector on the virtual OAK out."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("depthai", reason="depthai is not installed: pip install 'oakwright[depthai]'")

from oakwright import dataset
from oakwright.cli.main import run
from oakwright.errors import DatasetError, EngineNotFound, OutputError, UsageError
from oakwright.training import (
    QuickstartOptions,
    evaluate,
    quickstart,
    quickstart_run,
    read_template,
)
from oakwright.training.quickstart_data import choose_parts, find_parts
from tests.training_data import make_set
from tests.unit.training.small_template import small_template

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("own_cache")]


def words(folder: Path, data: Path, *more: str) -> list[str]:
    return [
        "detector", "quickstart", str(data), "-o", str(folder / "made"),
        "--template", str(small_template(folder, repeat=10)), "--epochs", "6", "--batch-size", "4",
        "--no-pretrained", "--threads", "1", "--gpu-num", "0", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder of a run on twelve pictures, COCO's, with no part to measure on."""
    folder = tmp_path_factory.mktemp("quickstart")
    data = folder / "data"
    make_set(data, "train", pictures=12)
    with pytest.MonkeyPatch.context() as patch, (folder / "said").open("w") as out:
        patch.setattr(sys, "stdout", out)
        assert run(words(folder, data)) == 0
    return folder


def test_everything_is_there_and_the_page_leads_to_it(made):
    place = made / "made"
    page = (place / "index.html").read_text()
    links = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    assert {"app/main.py", "export/model.blob", "export/model.xml", "checkpoints/curves.png",
            "checkpoints/best.pth", "metrics.yaml", "pictures/index.html"} <= links  # fmt: skip
    assert [link for link in links if not (place / link).is_file()] == []
    assert sum(link.startswith("pictures/") and link.endswith(".jpg") for link in links) >= 2
    assert not [p for p in place.rglob(".*") if p.is_file()]


def test_the_virtual_oak_found_what_the_blob_finds(made):
    place = made / "made"
    validation = dataset.read(str(place / "data/val.json"), str(made / "data/train"))
    on_blob = evaluate(place / "export/model.blob", validation).metrics.stats
    in_torch = evaluate(place / "checkpoints/best.pth", validation).metrics.stats
    lines = (made / "said").read_text().splitlines()
    said = {line[:24].strip(): line[24:].split() for line in lines}
    assert said["virtual OAK, app/main.py"][:2] == [f"{on_blob[k]:.3f}" for k in ("AP", "AP50")]
    assert said["PyTorch, best.pth"][:2] == [f"{in_torch[k]:.3f}" for k in ("AP", "AP50")]
    assert in_torch["AP50"] > 0.05
    # Right and missed are all boxes there are, in both rows, counted from the same score.
    boxes = sum(len(sample.boxes) for sample in validation.samples)
    for row in ("PyTorch, best.pth", "virtual OAK, app/main.py"):
        right, _, missed = map(int, said[row][2:])
        assert right + missed == boxes
    assert on_blob["AP"] == pytest.approx(in_torch["AP"], abs=0.03)


def test_every_picture_is_in_one_part(made):
    parts = [
        dataset.read(str(made / f"made/data/{name}.json"), str(made / "data/train"))
        for name in ("train", "val")
    ]
    paths = [sample.path.name for part in parts for sample in part.samples]
    assert sorted(paths) == [f"train_{i:04d}.png" for i in range(12)]
    assert len(parts[1]) >= 2


def test_the_script_shows_what_the_summary_counted(made):
    text = (made / "made/app/main.py").read_text()
    least = float(re.search(r"setConfidenceThreshold\(([^)]+)\)", text)[1])
    assert f"scores from {least:.2f} on" in (made / "said").read_text()
    assert '"background", "disc", "square", "triangle"' in text


def test_what_to_do_next_can_be_typed(made, capsys):
    """The command that it prints for more training trains."""
    lines = (made / "said").read_text().splitlines()
    command = next(line for line in lines if "oakwright train --load-weights" in line).split()
    more = ["--time-limit", "1s", "--threads", "1", "--gpu-num", "0", "--epochs", "1"]
    assert run([*command[1:-2], *more]) == 0
    assert "best AP" in capsys.readouterr().out
    assert (made / "made/more/latest.pth").is_file()


def test_a_second_run_overwrites_nothing(made, capsys):
    before = (made / "made/index.html").stat().st_mtime_ns
    assert run(words(made, made / "data")) == 2
    said = capsys.readouterr()
    assert "made is there already; look at its index.html" in said.err
    assert "-o NAME makes another" in said.err
    assert (made / "made/index.html").stat().st_mtime_ns == before


def in_format(tmp_path: Path, to: str, *names: str) -> Path:
    parts = {
        name: dataset.read(*map(str, make_set(tmp_path / "src", name, pictures=6, seed=i)))
        for i, name in enumerate(names)
    }
    dataset.convert(parts, tmp_path / to, to)
    return tmp_path / to


@pytest.mark.parametrize("to", dataset.FORMATS)
@pytest.mark.parametrize("names", [("train",), ("train", "val"), ("train", "test")])
def test_folders_as_people_have_them(tmp_path, to, names):
    data, said, begun = in_format(tmp_path, to, *names), [], []
    named = find_parts(data, None, None, said.append)
    parts = choose_parts(data, named, None, tmp_path / "out", 0, begun.append)
    train, validation = (dataset.read(*each) for each in (parts.train, parts.validation))
    assert set(train.classes) == {"disc", "square", "triangle"}
    if "val" in names:
        assert (len(train), len(validation)) == (6, 6)
        assert not (tmp_path / "out").exists()
        assert not begun
    else:
        assert len(train) + len(validation) == 6
        assert begun == [f"no part to measure on: train {len(train)}, val {len(validation)}"]
    assert (parts.test is not None) == ("test" in names)


def test_parts_of_which_none_is_to_train_on(tmp_path):
    data = in_format(tmp_path, "yolo", "val", "test")
    named = find_parts(data, None, None, print)
    with pytest.raises(DatasetError, match="has the parts val, test, and none to train on"):
        choose_parts(data, named, None, tmp_path / "out", 0, print)


@pytest.fixture
def options(tmp_path):
    make_set(tmp_path / "data", "train", pictures=8)
    return QuickstartOptions(
        tmp_path / "data", tmp_path / "made", template=small_template(tmp_path, repeat=10),
        epochs=1, batch_size=4, pretrained=False, threads=1, gpu_num=0,
    )  # fmt: skip


def test_bad_data_is_told_at_once_and_leaves_nothing(options, tmp_path, capsys):
    file = tmp_path / "data/train.json"
    table = json.loads(file.read_text())
    table["annotations"][0]["bbox"][2] = -5
    table["images"][3]["file_name"] = "gone.png"
    file.write_text(json.dumps(table, indent=1))
    assert run(["detector", "quickstart", str(tmp_path / "data"), "-o", str(options.out)]) == 1
    said = capsys.readouterr().err
    assert "has a negative side" in said
    assert "gone.png" in said
    assert not Path(options.out).exists()


def test_a_folder_without_data(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for name, text in (
        ("empty", "has no dataset that is known"),
        ("none", "there is no file or folder"),
    ):
        assert run(["detector", "quickstart", str(tmp_path / name), "-o", str(tmp_path / "m")]) != 0
        assert text in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_missing_package_is_named_before_the_work(options, monkeypatch):
    monkeypatch.setitem(sys.modules, "depthai", None)
    with pytest.raises(UsageError, match="the virtual OAK needs depthai"):
        quickstart(options)
    assert not Path(options.out).exists()


def test_a_missing_engine_is_named_before_the_work(options, monkeypatch, tmp_path):
    monkeypatch.setenv("OAKWRIGHT_ENGINE", str(tmp_path / "nowhere"))
    with pytest.raises(EngineNotFound):
        quickstart(options)
    assert not Path(options.out).exists()


def test_broken_off_before_a_checkpoint_nothing_is_left(options, monkeypatch):
    def interrupted(*args, **more):
        assert (Path(options.out) / "data/val.json").is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr(quickstart_run, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quickstart(options)
    assert not Path(options.out).exists()


def test_broken_off_later_the_checkpoint_stays_and_is_named(options, monkeypatch):
    def full(*args, **more):
        raise OutputError("cannot write: No space left on device")

    monkeypatch.setattr(quickstart_run, "export", full)
    said = []
    with pytest.raises(OutputError, match="No space left"):
        quickstart(options, say=said.append)
    assert said[-1] == f"what was trained is in {Path(options.out) / 'checkpoints'}, whole"
    assert not (Path(options.out) / "index.html").exists()
    with pytest.raises(
        UsageError, match=r"a run that did not end; its best detector is .*best.pth"
    ):
        quickstart(options)


def test_what_fills_the_view_is_the_picture(tmp_path):
    """Of inputs higher and wider than 16:9 the camera's preview is the very picture."""
    from dataclasses import replace

    from oakwright.training.on_camera import _InView

    data = dataset.read(*map(str, make_set(tmp_path, "train", pictures=2)))
    model = read_template(small_template(tmp_path, repeat=10)).model
    for width, height in ((64, 64), (96, 64), (256, 128), (448, 192), (64, 160)):
        shaped = replace(model, width=width, height=height)
        frame = _InView(data, shaped).frame(type("Shot", (), {"number": 1}))
        top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
        assert frame[top : top + height, left : left + width].any()
        frame = frame.copy()
        frame[top : top + height, left : left + width] = 0
        assert not frame.any()
        # No smaller than a 16:9 view: nothing of the picture is cut off.
        assert frame.shape[1] / frame.shape[0] == pytest.approx(16 / 9, rel=0.03)
        assert np.ptp(frame) == 0
