"""check, stats, preview and split, and the commands that call them."""

import json
import shutil

import cv2
import numpy as np
import pytest

from oakwright import dataset
from oakwright.cli.main import run
from oakwright.dataset.duplicates import code_of, count_bits, find_twins, groups_of
from oakwright.errors import DatasetError, UsageError
from tests.training_data import CLASSES, make_set


@pytest.fixture
def folder(tmp_path):
    """A folder with train.json, val.json and their pictures."""
    place = tmp_path / "set"
    make_set(place, "train", pictures=10, seed=1)
    make_set(place, "val", pictures=5, seed=2)
    return place


def test_a_sound_set_has_no_errors(folder, capsys):
    assert run(["dataset", "check", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "train: 10 pictures" in said
    assert "0 errors" in said


def test_what_is_wrong_is_found_in_all_sets(folder, capsys):
    train, val = (folder / part for part in ("train", "val"))
    shutil.copy(train / "train_0000.png", val / "val_0000.png")
    picture = cv2.imread(str(train / "train_0001.png"))
    cv2.imwrite(str(val / "val_0001.png"), cv2.add(picture, (15, 15, 15, 0)))
    (train / "train_0002.png").unlink()
    whole = (val / "val_0003.png").read_bytes()
    (val / "val_0003.png").write_bytes(whole[: len(whole) // 2])
    deep = np.full((96, 128, 3), 900, np.uint16)
    cv2.imwrite(str(val / "val_0004.png"), deep)
    file = folder / "val.json"
    file.write_text(file.read_text().replace('"square"', '"quadrat"'))

    assert run(["dataset", "check", "--json", str(folder)]) == 3
    found = json.loads(capsys.readouterr().out)["findings"]
    # (a part of the text, the file's ending, is it an error)
    wanted = [
        ("the same picture as", "val_0000.png", True),
        ("looks the same as", "val_0001.png", False),
        ("train_0002.png: there is no such file", "train.json", True),
        ("damaged", "val_0003.png", True),
        ("the greatest is 900: nearly black", "val_0004.png", False),
        ("no 'square', also 'quadrat'", "val", True),
    ]
    for text, ending, is_error in wanted:
        (one,) = [f for f in found if text in f["text"]]
        assert one["file"].endswith(ending)
        assert one["is_error"] == is_error
        assert (one["line"] > 0) == ending.endswith(".json")


def test_a_truncated_jpeg_is_found_though_opencv_decodes_it(tmp_path):
    file, root = make_set(tmp_path, pictures=1, suffix=".jpg")
    path = root / "train_0000.jpg"
    path.write_bytes(path.read_bytes()[:-300])
    assert cv2.imread(str(path)) is not None
    checked = dataset.check({"train": ([str(file)], [str(root)])})
    (error,) = [finding.text for finding in checked.findings if finding.is_error]
    assert error.startswith("it is damaged: image file is truncated")


def test_twins_survive_another_size_and_compression(tmp_path):
    copy = tmp_path / "copy.jpg"
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8),
                              (0, 0), 15)  # fmt: skip
    smooth = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)
    cv2.imwrite(str(tmp_path / "a.png"), smooth)
    cv2.imwrite(str(copy), cv2.resize(smooth, (200, 150)), [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert count_bits(code_of(copy) ^ code_of(tmp_path / "a.png")) <= 15


def test_banding_misses_no_near_pair():
    from oakwright.dataset.duplicates import _near_pairs

    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, (60, 32), np.uint8)
    for i in range(30):
        bits = np.zeros(256, np.uint8)
        bits[rng.choice(256, int(rng.integers(1, 20)), replace=False)] = 1
        codes[30 + i] = codes[i] ^ np.packbits(bits)
    distance = count_bits(codes[:, None] ^ codes[None])
    wanted = {(i, j) for i in range(60) for j in range(i + 1, 60) if distance[i, j] <= 15}
    found = list(_near_pairs(codes, 15))
    assert {(i, j) for i, j, _ in found} == wanted
    assert len(found) == len(wanted) > 10
    assert all(bits == distance[i, j] for i, j, bits in found)


def test_groups_are_what_is_connected():
    twins = [dataset.Twins(0, 3, 1), dataset.Twins(3, 5, 2), dataset.Twins(1, 2, 0)]
    assert sorted(map(sorted, groups_of(6, twins))) == [[0, 3, 5], [1, 2], [4]]


def rare_set(tmp_path):
    """60 pictures in which the third class is rare."""
    file, root = make_set(tmp_path, pictures=60, seed=5, width=64, height=64)
    whole = json.loads(file.read_text())
    rare = 0
    for each in whole["annotations"]:
        if each["category_id"] == 3:
            rare += 1
            each["category_id"] = 3 if rare <= 10 else 1
    file.write_text(json.dumps(whole))
    return dataset.read(file, root)


@pytest.mark.parametrize("seed", range(3))
def test_a_split_keeps_the_shares_of_every_class(tmp_path, seed):
    whole = rare_set(tmp_path)
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    parts = dataset.split(whole, shares, seed=seed)
    assert sorted(s.image_id for p in parts.values() for s in p.samples) == sorted(
        s.image_id for s in whole.samples
    )
    total = dataset.stats(whole).as_dict()["classes"]
    assert total["triangle"] == 10
    for name, part in parts.items():
        counts = dataset.stats(part).as_dict()["classes"]
        for key, value in counts.items():
            # By lot, ten rare boxes would often miss a fifth's two.
            assert abs(value - shares[name] * total[key]) <= max(1.5, 0.06 * total[key])
        assert abs(len(part) - shares[name] * 60) <= 5
    again = dataset.split(whole, shares, seed=seed)
    assert [s.image_id for s in again["val"].samples] == [s.image_id for s in parts["val"].samples]


def test_twins_stay_together(tmp_path):
    file, root = make_set(tmp_path, pictures=12)
    whole = json.loads(file.read_text())
    for i in range(6):
        shutil.copy(root / f"train_{i:04d}.png", root / f"train_{i + 6:04d}.png")
    read = dataset.read(file, root)
    assert len(find_twins(read.samples)) == 6
    assert whole["images"][6]["file_name"] == "train_0006.png"
    for seed in range(4):
        parts = dataset.split(read, {"a": 0.5, "b": 0.5}, seed=seed)
        for part in parts.values():
            numbers = {int(s.path.stem[-4:]) for s in part.samples}
            assert {n % 6 for n in numbers if n < 6} == {n % 6 for n in numbers if n >= 6}


@pytest.mark.parametrize(
    "text", ["train=1", "a=.5,b=.6", "a=.5,a=.5", "a=1,b=0", "x", "../a=.5,b=.5"]
)
def test_shares_that_make_no_sense_are_refused(folder, tmp_path, text, capsys):
    out = tmp_path / "out"
    assert run(["dataset", "split", str(folder), "--shares", text, "-o", str(out)]) == 2
    assert "for example train=" in capsys.readouterr().err
    assert not out.exists()


def test_more_parts_than_pictures_are_refused(tmp_path):
    file, root = make_set(tmp_path, pictures=1)
    with pytest.raises(DatasetError, match="1 different pictures cannot be split into 2"):
        dataset.split(dataset.read(file, root), {"a": 0.5, "b": 0.5})


def test_the_command_splits_to_files_that_read(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["dataset", "split", str(folder), "-o", str(out)]) == 0
    assert f"(root: {folder})" in capsys.readouterr().out
    sizes = {p: len(dataset.read(out / f"{p}.json", folder)) for p in ("train", "val")}
    assert sum(sizes.values()) == 15
    assert sizes["val"] in (2, 3, 4)
    assert run(["dataset", "split", str(folder), "-o", str(tmp_path / "y"), "--to", "yolo"]) == 0
    assert set(dataset.discover(tmp_path / "y").parts) == {"train", "val"}


def test_stats_count_what_is_there(folder, tmp_path, capsys):
    assert run(["dataset", "stats", str(folder), "--json", "--plot", str(tmp_path / "p.png")]) == 0
    facts = json.loads(capsys.readouterr().out)
    whole = json.loads((folder / "train.json").read_text())
    found = facts["train"]
    assert found["pictures"] == 10
    assert found["boxes"] == len(whole["annotations"])
    names = [CLASSES[a["category_id"] - 1] for a in whole["annotations"]]
    assert found["classes"] == {name: names.count(name) for name in CLASSES}
    widths = [a["bbox"][2] for a in whole["annotations"]]
    assert found["box_width"] == [min(widths), np.median(widths), max(widths)]
    small = sum(a["area"] < 32**2 for a in whole["annotations"])
    assert found["small"] == small
    for part in ("train", "val"):
        assert cv2.imread(str(tmp_path / f"p_{part}.png")).shape[0] > 500


def test_a_preview_shows_the_boxes(folder, tmp_path):
    out = tmp_path / "p.png"
    assert run(["dataset", "preview", str(folder), "-o", str(out), "--count", "4"]) == 0
    assert cv2.imread(str(out)).shape == (960, 960, 3)
    read = dataset.read(folder / "train.json", folder / "train")
    sample = next(s for s in read.samples if len(s.boxes))
    drawn, plain = dataset.draw_sample(read, sample), dataset.read_image(sample.path)
    changed = (drawn != plain).any(-1)
    x0, y0, x1, y1 = sample.boxes[0].astype(int)
    middle = (y0 + y1) // 2
    assert changed[middle, x0]
    assert changed[min(y1, sample.height - 1), (x0 + x1) // 2]
    assert not changed[middle, (x0 + x1) // 2]


def test_convert_by_command(folder, tmp_path, capsys):
    assert run(["dataset", "convert", str(folder), "--to", "voc", "-o", str(tmp_path / "v")]) == 0
    assert "more files of annotations" in capsys.readouterr().out
    assert set(dataset.discover(tmp_path / "v").parts) == {"train", "val"}


def test_sets_are_named_and_rooted(folder):
    train, val = str(folder / "train.json"), str(folder / "val.json")
    found = dataset.sources([train, f"{val},{train}"], [str(folder / "train"), "a,b"])
    assert found == {
        "train": ([train], [str(folder / "train")]),
        "val": ([val, train], ["a", "b"]),
    }
    assert list(dataset.sources([str(folder), train])) == ["train", "val", "train2"]
    with pytest.raises(UsageError, match="2 sets and 3 roots"):
        dataset.sources([train, val], ["a", "b", "c"])


def test_a_wrong_class_is_usage(folder, capsys):
    assert run(["dataset", "stats", str(folder), "--classes", "disk"]) == 2
    assert "did you mean 'disc'" in capsys.readouterr().err


def test_a_part_of_voc_may_lack_a_class(folder, tmp_path):
    out = tmp_path / "voc"
    dataset.convert(
        {p: dataset.read(folder / f"{p}.json", folder / p) for p in ("train", "val")}, out, "voc"
    )
    for line in (out / "ImageSets" / "Main" / "val.txt").read_text().split():
        file = out / "Annotations" / f"{line}.xml"
        file.write_text(file.read_text().replace("triangle", "disc"))
    checked = dataset.check(dataset.sources([str(out)]), pictures=False)
    (finding,) = [f for f in checked.findings if "no 'triangle'" in f.text]
    assert not finding.is_error
    assert checked.is_sound


def test_names_that_say_another_kind_of_file_are_refused_before_the_work(tmp_path, capsys):
    """A PNG called .pdf opens nowhere."""
    make_set(tmp_path, "train", pictures=2)
    for words in (["stats", "--plot", "a.pdf"], ["preview", "-o", "a.gif"]):
        assert run(["dataset", words[0], str(tmp_path), words[1], str(tmp_path / words[2])]) == 2
        assert f"{words[2]}: its name must end in .png" in capsys.readouterr().err
    assert not list(tmp_path.glob("a.*"))


def test_a_part_that_a_data_yaml_has_not_is_named(tmp_path, capsys):
    parts = {"train": dataset.read(*map(str, make_set(tmp_path, "train", pictures=2)))}
    files, _ = dataset.convert(parts, tmp_path / "yolo", "yolo")
    assert files[0].name == "data.yaml"
    assert run(["dataset", "check", f"{files[0]}:test2"]) == 2
    said = capsys.readouterr().err
    assert "has no part 'test2'" in said
    assert "can be named: train" in said


def test_pictures_that_are_not_there_are_one_error(tmp_path, capsys):
    file, _ = make_set(tmp_path, "train", pictures=2)
    assert run(["dataset", "check", str(file)]) == 3
    said = capsys.readouterr().out
    assert "none of its 2 pictures is there" in said
    assert said.endswith("1 error, 0 warnings\n")
