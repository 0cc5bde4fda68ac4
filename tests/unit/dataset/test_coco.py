"""COCO json: read as pycocotools reads it; what is wrong is named by file and line."""

import json

import numpy as np
import pytest

from oakwright import dataset
from oakwright.errors import DatasetError, UsageError
from tests.training_data import CLASSES, make_set


@pytest.fixture
def scenes(tmp_path):
    return make_set(tmp_path, pictures=4)


def change(file, what):
    whole = json.loads(file.read_text())
    what(whole)
    file.write_text(json.dumps(whole, indent=1))


def test_boxes_are_those_that_pycocotools_reads(scenes):
    pycocotools = pytest.importorskip("pycocotools.coco")
    file, root = scenes
    found = dataset.read([file], [root])
    assert found.classes == CLASSES
    reference = pycocotools.COCO(str(file))
    assert [s.image_id for s in found.samples] == reference.getImgIds()
    for sample in found.samples:
        wanted = reference.loadAnns(reference.getAnnIds(sample.image_id))
        x, y, w, h = np.array([a["bbox"] for a in wanted], np.float32).T
        np.testing.assert_array_equal(sample.boxes, np.stack([x, y, x + w, y + h], 1))
        assert sample.labels.tolist() == [a["category_id"] - 1 for a in wanted]
        assert sample.boxes.dtype == np.float32
        assert sample.labels.dtype == np.int64
        assert (sample.width, sample.height) == (128, 96)


def test_several_files_with_commas_and_the_same_ids_make_one_set(tmp_path):
    (a, root_a), (b, root_b) = (
        make_set(tmp_path, n, pictures=3, seed=i) for i, n in enumerate("ab")
    )
    found = dataset.read(f"{a}, {b}", f"{root_a},{root_b}")
    assert len(found) == 6
    assert len({s.image_id for s in found.samples}) == 6
    assert [s.path.parent.name for s in found.samples] == ["a"] * 3 + ["b"] * 3


def test_classes_are_chosen_and_ordered_by_name(scenes):
    whole = dataset.read(*map(str, scenes))
    found = dataset.read(*map(str, scenes), classes="triangle, disc")
    assert found.classes == ("triangle", "disc")
    for sample, of_all in zip(found.samples, whole.samples, strict=True):
        kept = of_all.labels != 1
        np.testing.assert_array_equal(sample.boxes, of_all.boxes[kept])
        assert sample.labels.tolist() == [{2: 0, 0: 1}[v] for v in of_all.labels[kept]]


@pytest.mark.parametrize(
    ("classes", "said"),
    [("disk", "did you mean 'disc'"), ("disc,disc", "one name each"), ("horse", "known are disc")],
)
def test_a_class_that_is_not_there_is_named(scenes, classes, said):
    with pytest.raises(UsageError, match=said):
        dataset.read(*map(str, scenes), classes=classes)


def test_files_that_disagree_about_classes_are_refused(tmp_path):
    a, root_a = make_set(tmp_path, "a", pictures=2)
    b, root_b = make_set(tmp_path, "b", pictures=2, classes=("disc", "squares", "triangle"))
    with pytest.raises(
        DatasetError, match=r"b\.json: its classes differ.*no 'square', also 'squares'"
    ):
        dataset.read([a, b], [root_a, root_b])


def test_every_error_is_told_at_once_with_its_line(scenes):
    file, root = scenes

    def spoil(whole):
        whole["annotations"] = [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 20]},
            {"id": 2, "image_id": 9, "category_id": 1, "bbox": [1, 2, 30, 20]},
            {"id": 3, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 20]},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30]},
            {"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, -3, 20]},
            {"id": 6, "image_id": 1, "category_id": 1, "bbox": [500, 2, 30, 20]},
            {"id": 7, "image_id": 1, "category_id": 1, "bbox": [float("nan"), 2, 30, 20]},
            {"id": 8, "image_id": 1, "category_id": 1, "bbox": [10, 2, 0, 20]},
            {"id": 9, "image_id": 1, "category_id": 1, "bbox": [100, 2, 60, 20]},
            "nothing",
        ]
        whole["images"][1]["file_name"] = "../secret.png"
        whole["images"][2]["file_name"] = "gone.png"
        whole["images"][3]["width"] = 99

    change(file, spoil)
    with pytest.raises(DatasetError) as caught:
        dataset.read(file, root)
    lines = file.read_text().splitlines()
    places = {}
    for finding in caught.value.findings:
        place, text = finding.removeprefix(f"{file}").split(": ", 1)
        places[text] = int(place[1:] or 0)
    wanted = {
        "'../secret.png' leads out of": '"file_name": "../secret.png"',
        "gone.png: there is no such file": '"file_name": "gone.png"',
        "128x96, not 99x96": '"file_name": "train_0003.png"',
        "no category with the id 7": '"id": 3',
        "bbox is not four numbers": '"id": 4',
        "has a negative side": '"id": 5',
        "lies outside the picture": '"id": 6',
        "a coordinate is not a number": '"id": 7',
        "annotations[9] is not an object": None,
    }
    assert len(places) == len(wanted)
    for said, content in wanted.items():
        line = next(line for text, line in places.items() if said in text)
        if content:
            # The finding names the line of the opening brace; the id or name follows soon.
            assert any(content in each for each in lines[line - 1 : line + 3]), said
            assert lines[line - 1].strip() == "{"

    found, findings = dataset.survey(file, root)
    odd = [f.text for f in findings if not f.is_error]
    assert any("is empty, left out" in text for text in odd)
    assert any("reaches out of the picture, 128x96, and is cut" in text for text in odd)
    sound = {s.path.name: s.boxes.tolist() for s in found.samples}
    assert sound["train_0000.png"] == [[1, 2, 31, 22], [100, 2, 128, 22]]


def test_a_wrong_root_is_one_error(scenes, tmp_path):
    with pytest.raises(
        DatasetError, match=r"none of its 4 pictures is there.*is the root right"
    ) as e:
        dataset.read(scenes[0], tmp_path / "nowhere")
    assert len(e.value.findings) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"images": [' + "9" * 5000 + "]}", "not JSON as we read it"),
        ('{"a":\n 1,\n]', "column 1"),
        ("[1]", "no list 'images'"),
        ('{"images": [], "annotations": {}}', "no list 'annotations'"),
    ],
)
def test_what_is_no_coco_json_is_said_so(tmp_path, text, said):
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(DatasetError, match=said) as caught:
        dataset.read(file)
    assert str(file) in str(caught.value)


def test_odd_values_are_findings_and_nothing_worse(scenes):
    file, root = scenes

    def spoil(whole):
        whole["images"] += [{"id": [1]}, {"id": True, "file_name": "x"}, {"id": 77, "file_name": 5}]
        whole["images"].append({"id": 78, "file_name": "a\0b.png"})
        whole["images"].append({"id": 1, "file_name": "train_0000.png"})
        whole["categories"] += [{"id": 8}, {"id": 9, "name": "a\nb"}, {"id": 1, "name": "two"}]
        whole["annotations"] += [
            {"id": {}, "image_id": {}, "category_id": [], "bbox": [10**400, 1, 1, 1]},
            {"id": 50, "image_id": 1, "category_id": 1, "bbox": [10**400, 1, 1, 1]},
            {"id": 51, "image_id": 1, "category_id": 1, "bbox": [True, 1, 1, 1]},
            {"id": 52, "image_id": 1, "category_id": 1, "bbox": [1e308, 1, 1e308, 1]},
            {"id": 53, "image_id": 1, "category_id": 1, "bbox": "1234"},
        ]

    change(file, spoil)
    _, findings = dataset.survey(file, root)
    errors = [f for f in findings if f.is_error]
    assert len(errors) == 12
    # What is no object has no place of its own; its index is in the text.
    assert all(f.line > 0 or "is not an object" in f.text for f in errors)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "root", "pictures", "boxes"),
    [
        ("bccd/test.json", "bccd/images", 72, 945),
        ("airport/annotation_example_val.json", "airport/val", 10, None),
    ],
)
def test_real_sets_are_read_as_pycocotools_reads_them(shared_data, name, root, pictures, boxes):
    pycocotools = pytest.importorskip("pycocotools.coco")
    found = dataset.read(shared_data / name, shared_data / root)
    reference = pycocotools.COCO(str(shared_data / name))
    assert len(found) == pictures == len(reference.getImgIds())
    total = sum(len(sample.boxes) for sample in found.samples)
    assert total == len(reference.getAnnIds()) == (boxes or total)
    names = [each["name"] for each in reference.loadCats(reference.getCatIds())]
    assert list(found.classes) == names
    for sample in found.samples:
        wanted = reference.loadAnns(reference.getAnnIds(sample.image_id))
        x, y, w, h = np.array([each["bbox"] for each in wanted], float).T
        limits = [sample.width, sample.height] * 2
        corners = np.clip(np.stack([x, y, x + w, y + h], 1), 0, limits)
        np.testing.assert_allclose(sample.boxes, corners, atol=1e-3)
        assert [found.classes[label] for label in sample.labels] == [
            reference.loadCats(each["category_id"])[0]["name"] for each in wanted
        ]
