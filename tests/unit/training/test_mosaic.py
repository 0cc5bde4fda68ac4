"""One picture out of four, held against what is painted on it."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml

from oakwright import dataset
from oakwright.errors import TemplateError
from oakwright.training import read_template
from oakwright.training.batches import Batches
from oakwright.training.mosaic import PARTS, mosaic
from tests.training_data import make_set

TEMPLATE = read_template("mobilenet_v2-2s_ssd-256x256")
RECIPE = replace(TEMPLATE.recipe, flips=("horizontal", "vertical"), colour=0.0, mosaic=1.0)

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)


def painted(rng, colour):
    """A rectangle of one colour on black, and its box."""
    picture = np.zeros((120, 160, 3), np.uint8)
    x, y, width, height = *rng.integers(0, 60, 2), *rng.integers(30, 60, 2)
    picture[y : y + height, x : x + width] = colour
    return picture, np.array([[x / 160, y / 120, (x + width) / 160, (y + height) / 120]], "f4")


@pytest.mark.parametrize("seed", range(30))
def test_boxes_stay_on_what_they_mark(seed):
    rng = np.random.default_rng(seed)
    parts = [painted(rng, colour) for colour in COLOURS]
    seen, boxes, kept = mosaic(parts, rng, RECIPE, 128, 96)
    assert seen.shape == (96, 128, 3)
    assert sorted(kept) == [0, 1, 2, 3]
    for box, which in zip(boxes, kept, strict=True):
        rows, columns = np.nonzero(((seen > 127) == (COLOURS[which] > 0)).all(-1))
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box * [128, 96, 128, 96], found, atol=2)


def test_things_keep_about_their_size():
    rng = np.random.default_rng(0)
    picture, box = np.zeros((300, 300, 3), np.uint8), np.array([[0.45, 0.45, 0.5, 0.5]], "f4")
    found = [mosaic([(picture, box)] * PARTS, rng, RECIPE, 256, 256)[1] for _ in range(50)]
    sizes = np.concatenate([boxes[:, 2:] - boxes[:, :2] for boxes in found])
    # Most are whole; of those at an edge a part is cut away.
    assert 0.04 < np.median(sizes) < 0.06
    assert np.max(sizes) < 0.05 * 1.6


def test_pictures_without_boxes_are_background():
    empty = (np.full((64, 64, 3), 9, np.uint8), np.zeros((0, 4), np.float32))
    seen, boxes, kept = mosaic([empty] * PARTS, np.random.default_rng(0), RECIPE, 64, 64)
    assert np.unique(seen).tolist() == [9]
    assert boxes.shape == (0, 4)
    assert kept.shape == (0,)


def one_colour(folder):
    """Four pictures, each with boxes of one class, whose colour fills it."""
    pictures, boxes = [], []
    for i, colour in enumerate(COLOURS):
        name = f"{i}.png"
        cv2.imwrite(str(folder / name), np.full((64, 64, 3), colour[::-1]))
        pictures.append({"id": i + 1, "file_name": name, "width": 64, "height": 64})
        for x in (4, 24, 44):
            boxes.append(
                {"id": len(boxes) + 1, "image_id": i + 1, "category_id": i + 1, "iscrowd": 0,
                 "bbox": [x, x, 16, 16], "area": 256}
            )  # fmt: skip
    names = [{"id": i + 1, "name": f"c{i}"} for i in range(len(COLOURS))]
    file = folder / "all.json"
    file.write_text(json.dumps({"images": pictures, "annotations": boxes, "categories": names}))
    return dataset.read(str(file), str(folder))


def test_labels_go_with_their_boxes(tmp_path):
    model = replace(TEMPLATE.model, width=64, height=64)
    batches = Batches(one_colour(tmp_path), model, RECIPE, batch_size=4, seed=3)
    found = set()
    for seed in range(20):
        seen, boxes, labels, _ = batches._example(0, np.random.default_rng(seed))
        for box, label in zip(boxes, labels, strict=True):
            x, y = ((box[:2] + box[2:]) / 2 * 64).astype(int)
            np.testing.assert_array_equal(seen[y, x], COLOURS[label])
            found.add(int(label))
    assert found == {0, 1, 2, 3}


def test_all_processes_see_the_same(tmp_path):
    data = dataset.read(*map(str, make_set(tmp_path, "train", pictures=6)))
    model = replace(TEMPLATE.model, width=64, height=64)

    def batches(**more):
        return Batches(data, model, RECIPE, batch_size=4, seed=3, **more)

    whole = batches()._make(0, 0, batches().plan(0))
    halves = [batches(rank=r, world=2)._make(0, 0, batches().plan(0)) for r in range(2)]
    for r, half in enumerate(halves):
        assert half.pictures.equal(whole.pictures[r::2])
        assert half.classes.equal(whole.classes[r::2])


def test_a_template_of_before_has_none(tmp_path):
    data = dict(TEMPLATE.data)
    data["hyper_parameters"]["extra"] = dict(data["hyper_parameters"]["extra"])
    del data["hyper_parameters"]["extra"]["mosaic"]
    file = tmp_path / "old.yaml"
    file.write_text(yaml.safe_dump(data))
    assert read_template(file).recipe.mosaic == 0
    data["hyper_parameters"]["extra"]["mosaic"] = 2
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(TemplateError, match=r"hyper_parameters\.extra\.mosaic is '2'"):
        read_template(file)
