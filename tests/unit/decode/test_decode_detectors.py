"""Boxes against OpenCV's NMS, OpenVINO's DetectionOutput and the virtual device's own decoder."""

import json

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset8 as ops

from oakwright.decode import (
    Yolo,
    YoloSettings,
    decode_priors,
    overlaps,
    read_rows,
    read_settings,
    suppress,
    yolo_rows,
)
from oakwright.device.blocks import decoding as device
from oakwright.errors import ModelError, UnreadableModel

PRECISE = {"INFERENCE_PRECISION_HINT": "f32"}


def some_boxes(count, seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.7, (count, 2))
    return np.concatenate([low, low + rng.uniform(0.05, 0.4, (count, 2))], axis=1), rng


def as_xywh(boxes):
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()


@pytest.mark.parametrize("iou", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_what_stays_is_what_opencv_keeps(iou, seed):
    boxes, rng = some_boxes(200, seed)
    scores = rng.uniform(0.1, 1, 200)
    wanted = cv2.dnn.NMSBoxes(as_xywh(boxes), scores.tolist(), 0.0, iou)
    assert suppress(boxes, scores, iou).tolist() == list(wanted)
    assert suppress(boxes, scores, iou, most=3).tolist() == list(wanted)[:3]
    labels = rng.integers(0, 4, 200)
    wanted = cv2.dnn.NMSBoxesBatched(as_xywh(boxes), scores.tolist(), labels.tolist(), 0.0, iou)
    kept = suppress(boxes, scores, iou, labels=labels)
    assert sorted(kept) == sorted(wanted)
    assert (np.diff(scores[kept]) <= 0).all()


def test_overlaps_are_what_a_count_of_pixels_says():
    rng = np.random.default_rng(0)
    low = rng.integers(0, 40, (12, 2))
    boxes = np.concatenate([low, low + rng.integers(1, 24, (12, 2))], axis=1)
    masks = np.zeros((12, 64, 64), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    wanted = [[(a & b).sum() / (a | b).sum() for b in masks] for a in masks]
    assert overlaps(boxes, boxes) == pytest.approx(np.array(wanted))
    empty = np.zeros((1, 4))
    assert overlaps(empty, empty) == 0


def test_nothing_found_is_nothing():
    assert len(suppress(np.zeros((0, 4)), np.zeros(0), 0.5)) == 0
    assert len(read_rows(np.full((1, 1, 200, 7), -1))) == 0
    assert len(decode_priors(np.zeros((3, 4)), np.zeros((3, 2)), np.eye(4)[:3])) == 0


@pytest.mark.parametrize("seed", range(3))
def test_raw_heads_are_decoded_as_detection_output_does(seed):
    rng = np.random.default_rng(seed)
    priors, _ = some_boxes(300, seed)
    scores = rng.dirichlet([1.0] * 4, 300).astype(np.float32)
    shifts = rng.normal(0, 1, (300, 4)).astype(np.float32)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (300, 1))
    table = np.stack([priors.reshape(-1), variances.reshape(-1)])[None].astype(np.float32)
    attributes = {
        "background_label_id": 0,
        "top_k": 100,
        "keep_top_k": [100],
        "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
        "nms_threshold": 0.45,
        "confidence_threshold": 0.4,
        "normalized": True,
        "share_location": True,
    }
    entries = [ops.parameter(a.shape, np.float32) for a in (shifts.reshape(1, -1),
               scores.reshape(1, -1), table)]  # fmt: skip
    node = ops.detection_output(*entries, attributes)
    compiled = ov.Core().compile_model(ov.Model([node], entries, "ssd"), "CPU", PRECISE)
    rows = compiled([shifts.reshape(1, -1), scores.reshape(1, -1), table])[0]
    wanted = read_rows(rows, 0.0)
    found = decode_priors(shifts, scores, priors, confidence=0.4, most=100)
    assert len(found) == len(wanted) > 20
    order = np.lexsort((found.labels, -found.scores))
    other = np.lexsort((wanted.labels, -wanted.scores))
    assert found.labels[order].tolist() == wanted.labels[other].tolist()
    assert found.boxes[order] == pytest.approx(wanted.boxes[other], abs=1e-5)
    assert found.scores[order] == pytest.approx(wanted.scores[other], abs=1e-6)


def test_rows_are_read_as_the_device_reads_them():
    rng = np.random.default_rng(1)
    rows = rng.uniform(0, 1, (1, 1, 50, 7)).astype(np.float16)
    rows[..., 0], rows[..., 1] = 0, rng.integers(1, 4, 50)
    rows[0, 0, 40, 0] = -1
    found, wanted = read_rows(rows, 0.3), device.decode_ssd(rows, 0.3)
    wanted.sort(key=lambda d: -d.confidence)
    assert found.labels.tolist() == [d.label for d in wanted]
    corners = [[d.xmin, d.ymin, d.xmax, d.ymax] for d in wanted]
    assert found.boxes == pytest.approx(np.array(corners))
    with pytest.raises(ModelError, match="15 numbers are no rows of 7"):
        read_rows(np.zeros(15))


ANCHORS = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119)
MASKS = {"side20": (0, 1, 2), "side10": (3, 4, 5)}
KINDS = {
    "v3": ("output1_yolov3", ANCHORS),
    "v5": ("output1_yolov5", ANCHORS),
    "v7": ("output1_yolov7", ANCHORS),
    "v6r1": ("output1_yolov6", ()),
    "v8": ("output1_yolov6r2", ()),
}


# Only v3's and v4's logistic functions may be left out of the blob.
@pytest.mark.parametrize(("kind", "is_raw"), [*((kind, False) for kind in KINDS), ("v3", True)])
def test_grids_are_read_as_the_device_reads_them(kind, is_raw):
    name, anchors = KINDS[kind]
    rng = np.random.default_rng(7)
    channels = (5 + 2) * (3 if anchors else 1)
    tensors = {}
    for columns, rows in ((20, 16), (10, 8)):
        grid = rng.normal(-1.5, 1.5, (1, channels, rows, columns))
        if not is_raw:
            squashed = 1 / (1 + np.exp(-grid))
            if kind == "v8":
                squashed = squashed * 4
                squashed[:, 4:] /= 4
                squashed[:, 4] = squashed[:, 5:].max(axis=1)
            grid = squashed
        tensors[name.replace("1", str(1 + (columns == 10)), 1)] = grid.astype(np.float32)
    settings = YoloSettings(2, anchors, MASKS if anchors else {}, confidence=0.4, iou=0.5)
    found = Yolo(settings, (160, 128), most=10**6)(tensors)
    layout = device.YoloLayout(2, anchors, MASKS if anchors else {})
    # Overlaps are tested elsewhere: an iou of 1 lets all of the device's boxes stay.
    wanted = device.decode_yolo(
        {n: t.copy() for n, t in tensors.items()}, layout, (160, 128), 0.4, 1.01
    )
    corners = np.array([[d.xmin, d.ymin, d.xmax, d.ymax] for d in wanted])
    scores = np.array([d.confidence for d in wanted])
    labels = np.array([d.label for d in wanted])
    stay = cv2.dnn.NMSBoxesBatched(as_xywh(corners), scores.tolist(), labels.tolist(), 0.0, 0.5)
    assert len(found) == len(stay) > 5
    order = np.argsort(-scores[stay], kind="stable")
    assert found.labels.tolist() == labels[stay][order].tolist()
    assert found.boxes == pytest.approx(corners[stay][order], abs=1e-5)
    assert found.scores == pytest.approx(scores[stay][order], abs=1e-5)


@pytest.mark.parametrize("has_objectness", [False, True])
@pytest.mark.parametrize("is_turned", [False, True])
def test_finished_rows_by_loops_and_opencv(has_objectness, is_turned):
    rng = np.random.default_rng(3)
    first = 4 + has_objectness
    rows = rng.uniform(0, 1, (1, 400, first + 3))
    rows[..., :4] *= [640, 384, 200, 150]
    boxes, scores, labels = [], [], []
    for row in rows[0]:
        label = max(range(3), key=lambda c: row[first + c])
        score = row[first + label] * (row[4] if has_objectness else 1)
        if score >= 0.6:
            x, y, w, h = row[:4]
            corners = [(x - w / 2) / 640, (y - h / 2) / 384, (x + w / 2) / 640, (y + h / 2) / 384]
            boxes.append([min(max(v, 0.0), 1.0) for v in corners])
            scores.append(score)
            labels.append(label)
    stay = cv2.dnn.NMSBoxesBatched(as_xywh(np.array(boxes)), scores, labels, 0.0, 0.5)
    given = rows.transpose(0, 2, 1) if is_turned else rows
    found = yolo_rows(given, (640, 384), has_objectness=has_objectness, confidence=0.6)
    wanted = sorted(((scores[i], labels[i], boxes[i]) for i in stay), reverse=True)
    assert len(found) == len(wanted) > 10
    assert found.labels.tolist() == [w[1] for w in wanted]
    assert found.boxes == pytest.approx(np.array([w[2] for w in wanted]), abs=1e-6)
    pixels = found.in_pixels(640, 384)
    assert pixels == pytest.approx(found.boxes * [640, 384, 640, 384], abs=0.51)


def test_settings_that_cannot_be_read_and_grids_that_do_not_fit(tmp_path):
    path = tmp_path / "settings.json"
    for content in ("{", "[]", "{}", json.dumps({"nn_config": {"NN_specific_metadata": {}}})):
        path.write_text(content)
        with pytest.raises(UnreadableModel, match=r"settings\.json"):
            read_settings(path)
    with pytest.raises(UnreadableModel, match="none"):
        read_settings(tmp_path / "none")
    values = {"classes": 2, "coordinates": 4, "anchors": list(ANCHORS), "anchor_masks": MASKS}
    content = {"nn_config": {"NN_specific_metadata": values}, "mappings": {"labels": ["a", "b"]}}
    path.write_text(json.dumps(content))
    settings = read_settings(path)
    assert settings == YoloSettings(2, ANCHORS, MASKS, names=("a", "b"))
    decode = Yolo(settings, (160, 128))
    with pytest.raises(ModelError, match="22 channels; 3 anchors of 2 classes make 21"):
        decode({"output1_yolov5": np.zeros((1, 22, 16, 20))})
    with pytest.raises(ModelError, match="none of the outputs is a grid"):
        decode({"output": np.zeros((1, 100, 85))})
    with pytest.raises(ModelError, match="anchor 9 of 6"):
        Yolo(YoloSettings(2, ANCHORS, {"side20": (7, 8, 9)}), (160, 128))(
            {"output1_yolov5": np.zeros((1, 21, 16, 20))}
        )
