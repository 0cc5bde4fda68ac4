"""Decoders against boxes put into tensors by hand."""

import numpy as np
import pytest

from oakwright.device.blocks.decoding import YoloLayout, decode_ssd, decode_yolo, suppress


def test_ssd_rows_end_at_a_negative_image_and_below_the_threshold():
    rows = np.array(
        [
            [0, 1, 0.9, 0.1, 0.2, 0.3, 0.4],
            [0, 2, 0.3, 0.0, 0.0, 1.0, 1.0],
            [0, 3, 0.5, -0.1, 0.0, 1.2, 1.0],
            [-1, 0, 0, 0, 0, 0, 0],
            [0, 1, 0.99, 0, 0, 1, 1],
        ],
        np.float16,
    ).reshape(1, 1, 5, 7)
    found = decode_ssd(rows, 0.5)
    assert [d.label for d in found] == [1, 3]
    assert found[0].xmin == pytest.approx(0.1, abs=1e-3)
    assert found[1].xmax == pytest.approx(1.2, abs=1e-3)


def logit(p):
    return float(np.log(p / (1 - p)))


@pytest.mark.parametrize("is_logit", [False, True])
def test_a_v3_box_comes_back(is_logit):
    # Cell (row 4, column 6) of 13, second anchor of its mask: 60 x 80 pixels of 416.
    grid = np.full((1, 3 * 7, 13, 13), -9.0 if is_logit else 0.0, np.float32)
    cell = grid[0].reshape(3, 7, 13, 13)[1, :, 4, 6]
    numbers = [0.25, 0.5, 0.0, np.log(2.0), 0.9, 0.2, 0.8]
    cell[:] = [logit(v) if is_logit and i not in (2, 3) else v for i, v in enumerate(numbers)]
    layout = YoloLayout(
        2, (10, 14, 23, 27, 37, 58, 81, 82, 60, 40, 344, 319), {"side13": (3, 4, 5)}
    )
    (box,) = decode_yolo({"out": grid}, layout, (416, 416), 0.5, 0.5)
    assert box.label == 1
    assert box.confidence == pytest.approx(0.72, abs=1e-3)
    assert (box.xmin + box.xmax) / 2 == pytest.approx(6.25 / 13, abs=1e-3)
    assert (box.ymin + box.ymax) / 2 == pytest.approx(4.5 / 13, abs=1e-3)
    assert box.xmax - box.xmin == pytest.approx(60 / 416, abs=1e-3)
    assert box.ymax - box.ymin == pytest.approx(80 / 416, abs=1e-3)


def test_a_v5_box_follows_its_own_rule():
    grid = np.zeros((1, 3 * 7, 20, 20), np.float32)
    grid[0].reshape(3, 7, 20, 20)[0, :, 10, 5] = [0.5, 0.5, 0.5, 0.25, 1.0, 1.0, 0.0]
    layout = YoloLayout(2, (32, 64, 10, 10, 10, 10), {"side20": (0, 1, 2)})
    (box,) = decode_yolo({"output1_yolov5": grid}, layout, (640, 640), 0.5, 0.5)
    assert (box.xmin + box.xmax) / 2 == pytest.approx(5.5 / 20, abs=1e-4)
    assert box.xmax - box.xmin == pytest.approx(32 / 640, abs=1e-4)
    assert box.ymax - box.ymin == pytest.approx(16 / 640, abs=1e-4)


def test_a_box_without_anchors_is_four_distances():
    grid = np.zeros((1, 7, 22, 40), np.float32)
    grid[0, :, 11, 20] = [1, 2, 3, 4, 0.9, 0.1, 0.9]
    (box,) = decode_yolo({"output1_yolov8": grid}, YoloLayout(2, (), {}), (640, 352), 0.5, 0.5)
    assert (box.xmin, box.ymin) == pytest.approx((19.5 / 40, 9.5 / 22))
    assert (box.xmax, box.ymax) == pytest.approx((23.5 / 40, 15.5 / 22))
    assert (box.label, box.confidence) == (1, pytest.approx(0.9))


def test_an_output_of_another_size_is_named():
    with pytest.raises(ValueError, match="'x' has 8 channels, 7 were expected"):
        decode_yolo({"x": np.zeros((1, 8, 2, 2))}, YoloLayout(2, (), {}), (64, 64), 0.5, 0.5)


def test_the_surest_of_overlapping_boxes_stays_whatever_their_classes():
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.9], [0, 0.5, 1, 1], [2, 2, 3, 3]], np.float32)
    scores = np.array([0.5, 0.9, 0.4, 0.3], np.float32)
    assert suppress(boxes, scores, 0.5) == [1, 2, 3]
    assert suppress(boxes, scores, 0.95) == [1, 0, 2, 3]


def test_a_box_needs_an_area_and_both_its_scores():
    grid = np.zeros((1, 7, 4, 4), np.float32)
    grid[0, :, 1, 1] = [1, 1, 1, 1, 0.4, 0.9, 0]  # its fifth number is too low
    grid[0, :, 2, 2] = [0, 0, 0, 0, 0.9, 0.9, 0]  # no area
    grid[0, :, 3, 3] = [1, 1, 1, 1, 0.9, 0, 0.9]
    found = decode_yolo({"output1_yolov8": grid}, YoloLayout(2, (), {}), (64, 64), 0.5, 0.5)
    assert [d.label for d in found] == [1]
