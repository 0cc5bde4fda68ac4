"""VOC and YOLO: files by hand, globox as a second reader and writer, every format and back."""

import numpy as np
import pytest
from PIL import Image

from oakwright import dataset
from oakwright.errors import DatasetError, UsageError
from tests.training_data import CLASSES, make_set

VOC = """<annotation>
 <filename>a.jpg</filename>
 <size><width>100</width><height>80</height><depth>3</depth></size>
 <object><name>dog</name><difficult>0</difficult>
  <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>20</ymax></bndbox>
 </object>
 <object><name>cat</name><difficult>1</difficult>
  <bndbox><xmin>41</xmin><ymin>31</ymin><xmax>100</xmax><ymax>80</ymax></bndbox>
 </object>
</annotation>
"""


@pytest.fixture
def picture(tmp_path):
    for name in ("JPEGImages", "images"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (100, 80)).save(tmp_path / name / "a.jpg")
    return tmp_path


@pytest.fixture
def voc(picture):
    (picture / "Annotations").mkdir()
    (picture / "Annotations" / "a.xml").write_text(VOC)
    return picture


@pytest.fixture
def yolo(picture):
    (picture / "labels").mkdir()
    (picture / "labels" / "a.txt").write_text("1 0.5 0.25 0.2 0.5\n\n0 .1 .1 .5 .1 .5 .9\n")
    (picture / "data.yaml").write_text("train: images\nnames: [cat, dog]\n")
    return picture


def test_voc_by_hand(voc):
    found = dataset.read(voc / "Annotations")
    assert found.classes == ("cat", "dog")
    (sample,) = found.samples
    # The first 10 columns and 20 rows; the box from column 41 to the last.
    assert sample.boxes.tolist() == [[0, 0, 10, 20], [40, 30, 100, 80]]
    assert sample.labels.tolist() == [1, 0]
    assert sample.crowd.tolist() == [False, True]


def test_a_list_of_imagesets_chooses(voc):
    (voc / "ImageSets" / "Main").mkdir(parents=True)
    listed = voc / "ImageSets" / "Main" / "train.txt"
    listed.write_text("a 1\nb -1\n")
    assert len(dataset.read(listed)) == 1
    listed.write_text("a\n../../b\n")
    with pytest.raises(DatasetError, match=r"train\.txt:2.*leads out"):
        dataset.read(listed)


def test_yolo_by_hand(yolo):
    found = dataset.read(f"{yolo / 'data.yaml'}:train")
    (sample,) = found.samples
    np.testing.assert_allclose(sample.boxes, [[40, 0, 60, 40], [10, 8, 50, 72]], atol=1e-5)
    assert [found.classes[label] for label in sample.labels] == ["dog", "cat"]


@pytest.mark.parametrize(
    "text",
    [
        "path: /data/on/another/machine\ntrain: images\nnames: {0: cat, 1: dog}\n",
        "path: .\ntrain: [images]\nnames: {0: cat, 1: dog}\n",
        "train: ../images\nval: ../images\nnc: 2\nnames: ['cat', 'dog']\n",
        "train: list.txt\nnames: [cat, dog]\n",
    ],
)
def test_a_data_yaml_as_tools_write_it(yolo, text):
    (yolo / "list.txt").write_text("./images/a.jpg\n")
    (yolo / "data.yaml").write_text(text)
    (sample,) = dataset.read(f"{yolo / 'data.yaml'}:train").samples
    assert len(sample.boxes) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: [images\n", "1.*not YAML|2.*not YAML"),
        ("train: images\n", "names is not a list"),
        ("train: images\nnames: [a, a]\n", r":2.*a is there twice"),
        ("names: [a]\n", "names no pictures"),
        ("train: images\nval: images\nnames: [a]\n", "say data.yaml:train or data.yaml:val"),
        ("train: ../../../etc\nnames: [a]\n", ":1.*leads out of"),
        ("train: /etc\nnames: [a]\n", ":1.*leads out of"),
        ("train: nothing\nnames: [a]\n", "no folder or list"),
        ("a: &a [1]\nb: [*a, *a]\n", "anchors and aliases are not read"),
        ("train: !!python/object/apply:os.system ['false']\n", "not YAML"),
        ("[" * 1000, "nested too deeply|not YAML"),
        ("- 1\n", "not a data.yaml"),
    ],
)
def test_what_is_wrong_with_a_data_yaml(yolo, text, said):
    (yolo / "data.yaml").write_text(text)
    with pytest.raises(DatasetError, match=said):
        dataset.read(yolo / "data.yaml")


def test_every_wrong_line_of_labels_is_named(yolo):
    lines = ["7 .5 .5 .1 .1", "0 .5 .5 .1", "0 .5 .5 .1 x", "0 nan .5 .1 .1", "0 .5 .5 .1 .1"]
    (yolo / "labels" / "a.txt").write_text("\n".join(lines))
    with pytest.raises(DatasetError) as caught:
        dataset.read(yolo / "data.yaml")
    found = [finding.rpartition("labels/a.txt:")[2] for finding in caught.value.findings]
    assert [text.partition(":")[0] for text in found] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no element found"),
        ("<annotation>\n<object>\n</annotation>", r"a\.xml:3.*mismatched"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>\n<annotation>&b;</annotation>', "declares a DTD"),
        ("<a>" * 100_000, "nested too deeply"),
        ("<kml/>", "the root is <kml>"),
        (VOC.replace("<xmin>41<", "<xmin>1e999<"), r"a\.xml:8.*not a number"),
        (VOC.replace("<xmin>41<", "<xmin>x<"), r"a\.xml:8.*not four numbers"),
        (VOC.replace("<xmin>41<", "<xmin>140<"), r"a\.xml:8.*negative side"),
        (VOC.replace("a.jpg", "../../x.jpg"), "leads out of"),
        (VOC.replace("<width>100", "<width>90"), "is 100x80, not 90x80"),
    ],
)
def test_what_is_wrong_with_an_xml(voc, text, said):
    (voc / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(DatasetError, match=said):
        dataset.read(voc / "Annotations")


@pytest.fixture
def parts(tmp_path):
    (a, root_a), (b, root_b) = (make_set(tmp_path, n, pictures=4) for n in ("train", "val"))
    return {"train": dataset.read(a, root_a), "val": dataset.read(b, root_b)}


def same(found, wanted, tolerance):
    assert found.classes == wanted.classes
    by_name = {sample.path.name.rpartition("_")[2]: sample for sample in found.samples}
    assert len(by_name) == len(wanted)
    for sample in wanted.samples:
        other = by_name[sample.path.name.rpartition("_")[2]]
        assert (other.width, other.height) == (sample.width, sample.height)
        np.testing.assert_allclose(other.boxes, sample.boxes, atol=tolerance)
        np.testing.assert_array_equal(other.labels, sample.labels)
        assert other.path.read_bytes() == sample.path.read_bytes()


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("to", dataset.FORMATS)
def test_every_format_and_back(parts, tmp_path, to, link):
    out = tmp_path / "out"
    dataset.convert(parts, out, to, link=link)
    found = dataset.discover(out)
    assert found.format == to
    assert set(found.parts) == {"train", "val"}
    for name, (file, root) in found.parts.items():
        same(dataset.read(file, root, CLASSES), parts[name], 1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_globox_reads_what_we_write_and_we_what_it_writes(parts, tmp_path):
    globox = pytest.importorskip("globox")
    part = parts["train"]
    out = {to: tmp_path / to for to in dataset.FORMATS}
    for to, folder in out.items():
        dataset.convert({"train": part}, folder, to)
    names = dict(enumerate(CLASSES))
    images = out["yolo"] / "images" / "train"
    read = {
        "coco": globox.AnnotationSet.from_coco(out["coco"] / "train.json"),
        "yolo": globox.AnnotationSet.from_yolo_v5(
            out["yolo"] / "labels" / "train", image_folder=images, image_extension=".png"
        ).map_labels({str(k): v for k, v in names.items()}),
    }
    for annotations in read.values():
        for sample in part.samples:
            theirs = annotations[sample.path.name].boxes
            assert [box.label for box in theirs] == [CLASSES[label] for label in sample.labels]
            corners = [[box.xmin, box.ymin, box.xmax, box.ymax] for box in theirs]
            np.testing.assert_allclose(corners, sample.boxes, atol=1e-4)

    theirs = tmp_path / "theirs"
    (theirs / "labels").mkdir(parents=True)
    read["coco"].save_yolo_v5(
        theirs / "labels", label_to_id={name: index for index, name in names.items()}
    )
    (theirs / "images").symlink_to(images)
    (theirs / "data.yaml").write_text(f"train: images\nnames: {list(CLASSES)}\n")
    same(dataset.read(theirs / "data.yaml"), part, 0.02)  # it rounds to six digits


def test_names_that_look_like_something_else_survive_yaml(tmp_path):
    classes = ("7", "yes", "a: b", "#c", "null")
    file, root = make_set(tmp_path, classes=classes, pictures=2)
    dataset.convert({"train": dataset.read(file, root)}, tmp_path / "out", "yolo")
    assert dataset.read(tmp_path / "out" / "data.yaml").classes == classes


def test_pictures_that_share_a_stem_are_refused(tmp_path):
    make_set(tmp_path, "a", pictures=1)
    file, root = make_set(tmp_path, "a", pictures=1, suffix=".jpg")
    import json

    whole = json.loads(file.read_text())
    whole["images"].append({**whole["images"][0], "id": 2, "file_name": "a_0000.png"})
    file.write_text(json.dumps(whole))
    with pytest.raises(UsageError, match="2 pictures are called a_0000"):
        dataset.convert({"train": dataset.read(file, root)}, tmp_path / "out", "yolo")


@pytest.mark.parametrize("layout", ["flat", "annotations", "roboflow", "coco2017"])
def test_layouts_of_coco_are_found(tmp_path, layout):
    place = tmp_path / "set"
    for part in ("train", "val"):
        file, root = make_set(tmp_path, part, pictures=2)
        target, images = {
            "flat": (place / f"{part}.json", place / "images"),
            "annotations": (place / "annotations" / f"instances_{part}.json", place / part),
            "roboflow": (place / part / "_annotations.coco.json", place / part),
            "coco2017": (
                place / "annotations" / f"instances_{part}2017.json",
                place / f"{part}2017",
            ),
        }[layout]
        images.mkdir(parents=True, exist_ok=True)
        for each in root.iterdir():
            each.rename(images / each.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    found = dataset.discover(place)
    assert found.format == "coco"
    assert set(found.parts) == {"train", "val"}
    for file, root in found.parts.values():
        assert len(dataset.read(file, root)) == 2


def test_a_folder_of_something_else_is_said_so(tmp_path):
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(DatasetError, match="no dataset that is known"):
        dataset.discover(tmp_path)
    with pytest.raises(DatasetError, match="no folder"):
        dataset.discover(tmp_path / "x")
