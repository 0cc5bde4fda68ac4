"""Classes, points, maps and vectors against SciPy, PyTorch and formulas written otherwise."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from oakwright.decode import (
    Classifier,
    Gallery,
    class_map,
    heat_map_peaks,
    log_softmax,
    mean_distances,
    points_in_picture,
    read_points,
    sigmoid,
    similarities,
    softmax,
)
from oakwright.errors import ModelError, UsageError


@pytest.mark.parametrize("scale", [1, 50, 60000])
def test_log_softmax_is_pytorch_s_and_never_overflows(scale):
    scores = np.random.default_rng(0).uniform(-scale, scale, (4, 9))
    wanted = functional.log_softmax(torch.from_numpy(scores), dim=1).numpy()
    assert log_softmax(scores) == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert softmax(scores).sum(axis=1) == pytest.approx(1)
    assert sigmoid(scores) == pytest.approx(torch.from_numpy(scores).sigmoid().numpy(), abs=1e-12)


def test_a_class_has_its_name_and_probability():
    scores = np.array([[1.0, 3.0, 2.0]], np.float16)
    told = Classifier(("a", "b", "c"))({"out": scores})
    wanted = math.exp(3) / (math.exp(1) + math.exp(2) + math.exp(3))
    assert (told.label, told.name) == (1, "b")
    assert told.probability == pytest.approx(wanted)
    assert [label for label, _ in told.best(2)] == [1, 2]
    assert str(told) == "b 67%"
    # What is a probability already is left as it is, unless one is told otherwise.
    shares = np.array([0.2, 0.7, 0.1], np.float16)
    assert Classifier()({"out": shares}).probability == pytest.approx(0.7, abs=1e-3)
    assert Classifier(kind="logits")({"out": shares}).probability < 0.5
    assert Classifier(kind="probabilities")({"out": scores}).probability == 3


def test_scores_that_do_not_fit_are_named():
    with pytest.raises(ModelError, match="gives 3 scores, there are 2 names"):
        Classifier(("a", "b"))({"out": np.zeros(3)})
    with pytest.raises(ModelError, match="no output 'prob': it has out"):
        Classifier(output="prob")({"out": np.zeros(3)})
    with pytest.raises(UsageError, match="softmaxed"):
        Classifier(kind="softmaxed")


def test_distances_are_the_mean_of_their_distribution():
    logits = np.random.default_rng(2).normal(0, 3, (5, 4 * 16))
    for row, told in zip(logits, mean_distances(logits, 16), strict=True):
        for side in range(4):
            weights = [math.exp(v) for v in row[16 * side : 16 * side + 16]]
            wanted = sum(i * w for i, w in enumerate(weights)) / sum(weights)
            assert told[side] == pytest.approx(wanted)


def test_points_of_a_crop_in_its_picture():
    numbers = np.array([0, 0, 112, 112, 224, 56], np.float16)
    points = read_points(numbers, (224, 224))
    assert points.tolist() == [[0, 0], [0.5, 0.5], [1, 0.25]]
    placed = points_in_picture(points, (0.2, 0.4, 0.6, 0.8))
    assert placed == pytest.approx(np.array([[0.2, 0.4], [0.4, 0.6], [0.6, 0.5]]))
    with pytest.raises(ModelError, match="3 numbers"):
        read_points(np.zeros(3))


def test_peaks_lie_where_the_hills_were_put():
    rng = np.random.default_rng(4)
    wanted = rng.uniform(0.15, 0.85, (17, 2))
    x, y = np.meshgrid((np.arange(48) + 0.5) / 48, (np.arange(64) + 0.5) / 64)
    away = [((x - a) * 48) ** 2 + ((y - b) * 64) ** 2 for a, b in wanted]
    maps = np.exp(-np.array(away) / (2 * 2.0**2))[None].astype(np.float32)
    points, heights = heat_map_peaks(maps)
    assert (abs(points - wanted) * [48, 64]).max() < 0.05
    assert heights.min() > 0.9
    # The highest pixel alone would be off by up to half of one.
    best = maps[0].reshape(17, -1).argmax(axis=1)
    coarse = np.stack([(best % 48 + 0.5) / 48, (best // 48 + 0.5) / 64], axis=1)
    assert (abs(coarse - wanted) * [48, 64]).max() > 0.4


def test_peaks_at_the_edge_and_on_a_plain():
    maps = np.zeros((2, 8, 8))
    maps[0, 0, 7] = 1
    points, heights = heat_map_peaks(maps)
    assert points[0].tolist() == [7.5 / 8, 0.5 / 8]
    assert heights.tolist() == [1, 0]
    assert points[1].tolist() == [0.5 / 8, 0.5 / 8]
    with pytest.raises(ModelError, match="heat maps are"):
        heat_map_peaks(np.zeros((4, 4)))


@pytest.mark.parametrize("size", [None, (80, 60), (33, 17), (8, 6)])
def test_maps_are_pytorch_s_interpolation_and_argmax(size):
    scores = np.random.default_rng(5).normal(0, 1, (1, 5, 12, 16)).astype(np.float32)
    tensor = torch.from_numpy(scores)
    if size is not None:
        tensor = functional.interpolate(tensor, (size[1], size[0]), mode="bilinear")
    assert (class_map(scores, size) == tensor.argmax(1)[0].numpy()).mean() > 0.999
    one = class_map(scores[:, :1], size)
    assert (one == (tensor[0, 0] > 0).numpy()).mean() > 0.999


def test_a_map_of_numbers_is_only_stretched():
    table = np.array([[[0, 1], [2, 3]]], np.int32)
    assert class_map(table, (4, 2)).tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert class_map(table).tolist() == [[0, 1], [2, 3]]
    with pytest.raises(ModelError, match="scores are"):
        class_map(np.zeros(4))


def test_similarities_are_scipy_s_and_large_numbers_do_not_matter():
    distance = pytest.importorskip("scipy.spatial.distance", reason="the oracle is SciPy")
    rng = np.random.default_rng(6)
    first, second = rng.normal(0, 60000, (4, 128)), rng.normal(0, 1e-4, (6, 128))
    wanted = 1 - distance.cdist(first, second, "cosine")
    assert similarities(first, second) == pytest.approx(wanted, abs=1e-12)
    halves = (np.full((1, 256), 255, np.float16), np.full((1, 256), 200, np.float16))
    assert similarities(*halves) == pytest.approx(1)
    assert similarities(np.zeros((1, 3)), np.ones((1, 3))) == 0


def test_a_gallery_finds_who_is_near_and_nobody_else():
    rng = np.random.default_rng(8)
    people = rng.normal(0, 1, (5, 64))
    gallery = Gallery(0.8)
    assert gallery.find(people[0]) == (None, -1.0)
    for name, vector in zip("abcde", people, strict=True):
        gallery.add(name, 7 * vector)
    for name, vector in zip("abcde", people, strict=True):
        found, cosine = gallery.find(vector + rng.normal(0, 0.2, 64))
        assert found == name
        assert cosine > 0.9
    assert gallery.find(rng.normal(0, 1, 64))[0] is None
    with pytest.raises(UsageError, match="3 numbers among those of 64"):
        gallery.add("f", np.ones(3))
    with pytest.raises(ModelError, match="gives 3 numbers"):
        gallery.find(np.ones(3))
