"""Drawing at every size: what is drawn is seen, stays inside, and grows with the picture."""

import cv2
import numpy as np
import pytest

from oakwright.apps import PALETTE, Canvas, Seen, Thing, color_of, draw_boxes, draw_things
from oakwright.decode import Classifier

SIZES = [(100, 100), (160, 120), (300, 300), (640, 480), (540, 960), (1920, 1080), (3840, 2160)]
GREY = 97


def blank(width, height):
    return np.full((height, width, 3), GREY, np.uint8)


def plates(canvas):
    return [np.array([x, y, x + w, y + h]) for x, y, w, h in canvas._labels]


BOXES = [(0.3, 0.3, 0.6, 0.6), (-0.2, -0.1, 0.3, 0.2), (0.8, 0.9, 1.3, 1.2), (0, 0, 1, 1)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("text", ["cat 93%", "#12 a very long name of a thing 100% 12.34 m"])
def test_labels_stay_inside_and_are_read(width, height, text):
    for box in BOXES:
        canvas = Canvas(blank(width, height))
        canvas.box(box, PALETTE[0], text)
        (plate,) = plates(canvas)
        assert plate[:2].min() >= 0
        assert plate[2] <= width
        assert plate[3] <= height
        x0, y0, x1, y1 = plate
        part = canvas.picture[y0:y1, x0:x1].astype(int)
        # Ink on the plate, and none at its rim, where letters would be cut off.
        ink = abs(part - PALETTE[0]).sum(axis=2) > 250
        assert 0.03 < ink.mean() < 0.6
        assert not ink[:, -1].any()
        assert not ink[0].any()


def test_lines_and_letters_grow_with_the_picture():
    canvases = [Canvas(blank(w, h)) for w, h in sorted(SIZES, key=min)]
    letters = [c.letter for c in canvases]
    lines = [c.line for c in canvases]
    assert letters == sorted(letters)
    assert lines == sorted(lines)
    assert letters[0] >= 5
    assert lines[0] == 1
    # Of the shorter side: large enough to read, small enough to see the picture.
    for canvas in canvases:
        short = min(canvas.width, canvas.height)
        assert 0.014 <= canvas.letter / short <= 0.07
        assert canvas.line / short <= 0.01


def test_a_box_is_drawn_on_its_edges_and_nowhere_else():
    canvas = Canvas(blank(600, 600))
    canvas.box((0.25, 0.25, 0.75, 0.75), (0, 0, 255))
    changed = (canvas.picture != GREY).any(axis=2)
    for at in (150, 449):
        assert changed[300, at]
        assert changed[at, 300]
    assert not changed[160:440, 160:440].any()
    assert not changed[:145].any()


def test_boxes_at_the_border_show_all_their_sides():
    for width, height in SIZES:
        canvas = Canvas(blank(width, height))
        canvas.box((-0.5, -0.5, 1.5, 1.5), (0, 0, 255))
        changed = (canvas.picture != GREY).any(axis=2)
        assert changed[0].all()
        assert changed[-1].all()
        assert changed[:, 0].all()
        assert changed[:, -1].all()


def test_labels_keep_off_each_other():
    canvas = Canvas(blank(640, 480))
    for x in (0.30, 0.31, 0.32):
        canvas.box((x, 0.4, x + 0.3, 0.7), PALETTE[0], "a label here")
    first, *others = plates(canvas)
    for i, plate in enumerate(others):
        for other in [first, *others[:i]]:
            across = min(plate[2], other[2]) - max(plate[0], other[0])
            down = min(plate[3], other[3]) - max(plate[1], other[1])
            assert across <= 0 or down <= 0


def test_a_note_takes_a_free_corner():
    canvas = Canvas(blank(640, 480))
    canvas.note("30 fps")
    canvas.note("12 things")
    canvas.box((0.9, 0.95, 1.0, 1.0), PALETTE[0], "in the lower right")
    canvas.note("more")
    for i, one in enumerate(plates(canvas)):
        for other in plates(canvas)[:i]:
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert across <= 0 or down <= 0
    assert plates(canvas)[0].tolist()[:2] == [0, 0]


def test_text_that_cannot_be_written_is_left_out():
    tiny = blank(8, 8)
    Canvas(tiny).box((0.1, 0.1, 0.9, 0.9), (0, 0, 255), "text")
    Canvas(blank(40, 8)).note("30 fps")
    canvas = Canvas(blank(300, 300))
    canvas.box((0.1, 0.4, 0.9, 0.9), PALETTE[0], "Zoë – 猫")
    assert len(plates(canvas)) == 1
    canvas.box((0.1, 0.4, 0.9, 0.9), PALETTE[0], "猫")
    assert len(plates(canvas)) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_odd_numbers_do_not_stop_the_drawing(value):
    canvas = Canvas(blank(300, 200))
    canvas.box((0.1, value, 0.5, value), (0, 0, 255), "odd")
    canvas.points(np.array([[0.5, value], [0.5, 0.5]]), (0, 0, 255))
    assert tuple(canvas.picture[100, 150]) == (0, 0, 255)


def test_points_lie_where_they_are():
    canvas = Canvas(blank(640, 480))
    points = np.random.default_rng(0).uniform(0.05, 0.95, (6, 2))
    for point in points:
        one = Canvas(blank(640, 480))
        one.points(point, (0, 0, 255))
        rows, columns = np.nonzero((one.picture != GREY).any(axis=2))
        assert columns.mean() == pytest.approx(point[0] * 639, abs=1)
        assert rows.mean() == pytest.approx(point[1] * 479, abs=1)
    canvas.points(points, (0, 0, 255))
    assert (canvas.picture[..., 2] == 255).sum() >= 6


def test_masks_are_mixed_in_and_the_background_is_left():
    labels = np.zeros((10, 10), np.int64)
    labels[2:6, 2:6] = 3
    canvas = Canvas(blank(200, 200))
    canvas.mask(labels, alpha=0.5)
    inside = canvas.picture[60:100, 60:100].reshape(-1, 3)
    wanted = np.rint((np.array(color_of(3)) + GREY) / 2)
    assert abs(inside - wanted).max() <= 1
    assert (canvas.picture[140:] == GREY).all()
    assert tuple(canvas.picture[40, 80]) == color_of(3)
    stripes = Canvas(blank(200, 200))
    stripes.mask(np.zeros((4, 4), bool))
    assert (stripes.picture == GREY).all()


def test_colours_are_told_apart():
    lab = cv2.cvtColor(np.array([PALETTE], np.uint8), cv2.COLOR_BGR2LAB)[0].astype(int)
    away = abs(lab[:, None] - lab[None]).sum(axis=2) + 1000 * np.eye(len(PALETTE), dtype=int)
    assert away.min() > 40


def test_things_are_drawn_with_what_is_known_of_them(monkeypatch):
    told = []
    monkeypatch.setattr(Canvas, "box", lambda self, box, color, label: told.append((color, label)))
    answer = Classifier(("no mask", "mask"))({"out": np.array([0.1, 0.9])})
    things = [
        Thing((0, 0, 1, 1), 1, "face", 0.9, answer=answer, id=7, place=(0, 0, 1.234)),
        Thing((0, 0, 1, 1), 1, "face", 0.9),
        Thing((0, 0, 1, 1), 1, "face", 0.9, answer={"raw": np.zeros(3)}),
        Thing((0, 0, 1, 1), 2, "face", 0.9, answer=37.5),
    ]
    draw_things(blank(100, 100), Seen(0, 0.0, blank(100, 100), things))
    labels = [label for _, label in told]
    assert labels == ["#7 mask 90% 1.23 m", "face", "face", "37.5"]
    assert told[0][0] == color_of(1)

    class Found:
        label, confidence, xmin, ymin, xmax, ymax = 1, 0.5, 0.1, 0.1, 0.2, 0.2

    draw_boxes(blank(100, 100), [Found], ("background", "cat"))
    draw_boxes(blank(100, 100), [Found])
    assert [label for _, label in told[4:]] == ["cat 50%", "1 50%"]
