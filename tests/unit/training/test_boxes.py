"""Anchors, targets, decoding: against OpenVINO's DetectionOutput and what must hold."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset8 as ops

from oakwright.dataset import Sample
from oakwright.training import read_template
from oakwright.training.anchors import cluster, decode, encode, fit, overlap, priors
from oakwright.training.assign import IGNORED, assign
from oakwright.training.detect import detections

MODEL = read_template("mobilenet_v2-2s_ssd-256x256").model


def random_boxes(rng, count):
    low = rng.uniform(0, 0.7, (count, 2))
    return np.concatenate([low, low + rng.uniform(0.05, 0.3, (count, 2))], 1).astype(np.float32)


def test_decode_undoes_encode():
    rng = np.random.default_rng(0)
    boxes, anchors = random_boxes(rng, 50), random_boxes(rng, 50)
    np.testing.assert_allclose(decode(encode(boxes, anchors), anchors), boxes, atol=1e-5)


def test_detections_are_those_of_openvinos_detection_output():
    rng = np.random.default_rng(1)
    anchors = priors(MODEL)
    offsets = rng.normal(0, 1, (len(anchors), 4)).astype(np.float32)
    logits = rng.normal(0, 2, (len(anchors), 4)).astype(np.float32)
    logits[:, 0] += 4
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    sample = Sample(
        path=None, image_id=1, width=1, height=1,
        boxes=np.zeros((0, 4), np.float32), labels=np.zeros(0, np.int64), crowd=np.zeros(0, bool),
    )  # fmt: skip
    ours = detections(offsets, scores, anchors, MODEL, sample)
    variances = np.tile(np.float32([0.1, 0.1, 0.2, 0.2]), len(anchors))
    prior = np.stack([anchors.ravel(), variances])[None]
    places = ops.parameter([1, offsets.size]), ops.parameter([1, scores.size])
    layer = ops.detection_output(
        *places, ops.constant(prior),
        {"background_label_id": 0, "top_k": 200, "keep_top_k": [200], "nms_threshold": 0.45,
         "confidence_threshold": 0.02, "share_location": True, "code_type":
         "caffe.PriorBoxParameter.CENTER_SIZE", "clip_before_nms": True, "normalized": True,
         "variance_encoded_in_target": False},
    )  # fmt: skip
    compiled = ov.compile_model(
        ov.Model([layer], list(places)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    rows = compiled([offsets.reshape(1, -1), scores.reshape(1, -1)])[0].reshape(-1, 7)
    rows = rows[: np.argmax(rows[:, 0] < 0)] if (rows[:, 0] < 0).any() else rows
    rows = rows[np.argsort(-rows[:, 2], kind="stable")]
    assert len(rows) == len(ours.scores) > 100
    np.testing.assert_allclose(rows[:, 2], ours.scores, rtol=1e-5)
    np.testing.assert_array_equal(rows[:, 1].astype(int) - 1, ours.labels)
    np.testing.assert_allclose(rows[:, 3:], ours.boxes, atol=1e-5)


def test_every_box_has_an_anchor_and_the_best_few_if_they_overlap():
    rng = np.random.default_rng(2)
    anchors, boxes = priors(MODEL), random_boxes(rng, 12)
    labels = rng.integers(0, 3, 12)
    classes, offsets = assign(boxes, labels, np.zeros(12, bool), anchors, 3)
    found = decode(offsets, anchors)
    for box, label in zip(boxes, labels, strict=True):
        mine = (abs(found - box).max(1) < 1e-4) & (classes == label + 1)
        assert mine.any()
    assert (offsets[classes == 0] == 0).all()
    # Whatever overlaps a box by more than 0.4 is no background.
    assert (classes[overlap(boxes, anchors).max(0) > 0.4] > 0).all()


def test_a_tiny_box_gets_an_anchor_all_the_same():
    box = np.array([[0.5, 0.5, 0.505, 0.505]], np.float32)
    classes, _ = assign(box, np.array([1]), np.array([False]), priors(MODEL), 3)
    assert (classes == 2).sum() == 1


def test_anchors_in_a_crowd_teach_nothing():
    boxes = np.array([[0, 0, 1, 1], [0.2, 0.2, 0.4, 0.4]], np.float32)
    classes, _ = assign(boxes, np.array([0, 1]), np.array([True, False]), priors(MODEL), 3)
    assert set(classes) == {IGNORED, 2, 0} or set(classes) == {IGNORED, 2}
    assert (classes == 1).sum() == 0


def test_no_boxes_are_all_background():
    nothing = np.zeros((0, 4), np.float32)
    classes, offsets = assign(nothing, np.zeros(0, int), np.zeros(0, bool), priors(MODEL), 3)
    assert not classes.any()
    assert not offsets.any()


def test_k_means_finds_the_sizes_that_were_put_in():
    rng = np.random.default_rng(3)
    true = np.array([[0.05, 0.05], [0.1, 0.3], [0.4, 0.2], [0.7, 0.8]])
    sizes = true[rng.integers(0, 4, 400)] * rng.uniform(0.95, 1.05, (400, 2))
    found = cluster(sizes, 4)
    np.testing.assert_allclose(found, true, rtol=0.05)
    assert fit(sizes, found) > 0.93
    np.testing.assert_array_equal(found, cluster(sizes, 4))


@pytest.mark.parametrize("count", [1, 2])
def test_few_different_sizes_are_spread(count):
    found = cluster(np.array([[0.2, 0.3], [0.5, 0.5]])[:count], 9)
    assert found.shape == (9, 2)
    assert len(np.unique(found, axis=0)) == 9
    assert (found > 0).all()
    assert (found <= 1.2).all()
