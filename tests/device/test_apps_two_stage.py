"""TwoStage on the virtual OAK: nothing is mixed up, whatever is found and however busy it is."""

import itertools
import time

import numpy as np
import pytest

import oakwright
from bench.two_stage_networks import CHANNEL_SCALE
from oakwright.apps import Camera, Canvas, Detector, Recognizer, Tracking, TwoStage
from oakwright.decode import Yolo, overlaps
from oakwright.device import BOARDS, VirtualOak
from oakwright.device.sources import CutsSource, Shot
from oakwright.device.sources.scene import camera_model
from oakwright.errors import UnreadableModel, UsageError
from tests.device.app_networks import Patches, mean_color, use_boxes, write_networks

# What scaling a crop in steps may move its mean by, levels of 255.
NEAR = 10.0


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    return write_networks(tmp_path_factory.mktemp("networks"))


def colour(tensors):
    return tensors["mean"].reshape(-1) / CHANNEL_SCALE


def watch(app, tell, count, *, board="OAK-1", each=lambda: None):
    """That many pictures; each copied, with the report of the run."""
    seen = []
    with (
        VirtualOak(source=Patches(), board=board, deterministic=True, seconds=60) as oak,
    ):
        use_boxes(oak, tell)
        for one in app.watch():
            seen.append(one)
            each()
            if len(seen) == count:
                break
        report = oak.report()
    return seen, report


def spread(call, picture):
    """0, 1, .. 20 things, here and there."""
    rng = np.random.default_rng(call)
    rows = []
    for _ in range((call * 5) % 21):
        x, y = rng.uniform(0, 0.7, 2)
        w, h = rng.uniform(0.1, 0.3, 2)
        rows.append((1, rng.uniform(0.6, 0.99), x, y, x + w, y + h))
    return rows


def test_none_to_twenty_things_each_with_its_own_answer(blobs):
    app = TwoStage(*blobs, decode=colour, camera=Camera((480, 480)))
    seen, _ = watch(app, spread, 24)
    assert [one.number for one in seen] == list(range(24))
    assert [len(one.things) for one in seen] == [(n * 5) % 21 for n in range(24)]
    assert {len(one.things) for one in seen} >= {0, 20}
    for one in seen:
        for thing in one.things:
            assert thing.answer == pytest.approx(mean_color(one.picture, thing.box), abs=NEAR)
    # The crops of the picture before would not do, by far.
    pairs = [(t, before) for before, one in itertools.pairwise(seen) for t in one.things]
    mixed = [abs(t.answer - mean_color(before.picture, t.box)).max() for t, before in pairs]
    assert np.median(mixed) > 2 * NEAR


@pytest.mark.parametrize("orders", [("BGR", "RGB"), ("RGB", "BGR"), ("RGB", "RGB")])
def test_each_network_gets_its_own_order_of_colours(blobs, orders):
    looked = []

    def tell(call, picture):
        looked.append(picture.reshape(-1, 3).mean(axis=0))
        return [(1, 0.9, 0.2, 0.2, 0.6, 0.6)]

    detector, recognizer = Detector(blobs[0], orders[0]), Recognizer(blobs[1], orders[1])
    app = TwoStage(detector, recognizer, decode=colour, camera=Camera((320, 320)))
    seen, _ = watch(app, tell, 3)
    away = []
    for one, told in zip(seen, looked, strict=False):
        (thing,) = one.things
        whole, part = (mean_color(one.picture, box) for box in ((0, 0, 1, 1), thing.box))
        if orders[0] == "RGB":
            told = told[::-1]
        answer = thing.answer[::-1] if orders[1] == "RGB" else thing.answer
        assert told == pytest.approx(whole, abs=3)
        assert answer == pytest.approx(part, abs=NEAR)
        away.append(abs(part - part[::-1]).max())
    # In some picture the other order would be far off.
    assert max(away) > 2 * NEAR


BORDER = [
    (1, 0.9, -0.2, 0.3, 0.1, 0.6),
    (1, 0.9, 0.9, 0.9, 1.3, 1.4),
    (1, 0.9, -0.1, -0.1, 1.1, 1.1),
    (1, 0.9, 0.5, 0.5, 0.5, 0.5),
    (1, 0.9, 1.2, 0.2, 1.4, 0.4),
    (1, 0.9, 0.4, -0.5, 0.6, -0.2),
]


@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_things_at_the_border_and_beyond_are_answered_too(blobs, margin):
    app = TwoStage(
        blobs[0], Recognizer(blobs[1], margin=margin), decode=colour, camera=Camera((480, 480))
    )
    seen, report = watch(app, lambda call, picture: BORDER, 4)
    for one in seen:
        assert len(one.things) == len(BORDER)
        for thing in one.things[:3]:
            wanted = mean_color(one.picture, thing.box, margin)
            assert thing.answer == pytest.approx(wanted, abs=NEAR)
        assert all(thing.answer is not None for thing in one.things)
    assert not [line for line in report["devices"][0]["log"] if "ImageManip" in str(line)]


def test_what_is_lost_under_load_is_lost_whole(blobs, monkeypatch):
    from oakwright.device.nodes import neural_network

    monkeypatch.setattr(neural_network, "INFERENCE_S", 0.02)
    app = TwoStage(*blobs, decode=colour, camera=Camera((320, 320)))
    rows = [(1, 0.9, x / 6, y / 6, (x + 1) / 6, (y + 1) / 6) for x in range(5) for y in range(4)]
    seen, _ = watch(app, lambda call, picture: rows, 6)
    numbers = [one.number for one in seen]
    assert numbers == sorted(set(numbers))
    # Twenty answers of 20 ms take twelve pictures' time.
    assert numbers[-1] - numbers[0] > 30
    for one in seen:
        assert len(one.things) == 20
        for thing in one.things:
            assert thing.answer == pytest.approx(mean_color(one.picture, thing.box), abs=NEAR)


def test_a_slow_host_gets_whole_pictures_and_not_every_one(blobs):
    app = TwoStage(*blobs, decode=colour, camera=Camera((320, 320)))
    seen, _ = watch(app, spread, 12, each=lambda: time.sleep(0.2))
    numbers = [one.number for one in seen]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 2 * len(numbers)
    for one in seen:
        for thing in one.things:
            assert thing.answer == pytest.approx(mean_color(one.picture, thing.box), abs=NEAR)


def test_no_more_than_the_surest_are_looked_at_and_only_classes_that_count(blobs):
    def tell(call, picture):
        return [(1 + i % 2, 0.6 + 0.03 * i, 0.1 * i, 0.1, 0.1 * i + 0.1, 0.4) for i in range(8)]

    detector = Detector(blobs[0], keep=(2,), labels=("", "one", "two"))
    app = TwoStage(detector, blobs[1], decode=colour, most=2, camera=Camera((320, 320)))
    seen, _ = watch(app, tell, 3)
    for one in seen:
        assert [thing.name for thing in one.things] == ["two"] * 4
        assert [thing.answer is not None for thing in one.things] == [False, False, True, True]


def walk(call, picture):
    """Two things that cross the picture; the second is not found in every fifth picture."""
    x = 0.02 * call
    rows = [(1, 0.9, 0.1 + x, 0.1, 0.3 + x, 0.3)]
    if call % 5 != 4:
        rows.append((1, 0.8, 0.7 - x, 0.6, 0.9 - x, 0.8))
    return rows


def test_with_a_tracker_ids_last_and_things_are_looked_at_once_in_a_while(blobs):
    tracking = Tracking(every=6, memory=0.0)
    app = TwoStage(*blobs, decode=colour, tracker=tracking, camera=Camera((320, 320)))
    seen, report = watch(app, walk, 24)
    assert [one.number for one in seen] == list(range(24))
    upper = [t for one in seen for t in one.things if t.box[1] < 0.5]
    lower = [t for one in seen for t in one.things if t.box[1] > 0.5]
    assert len(upper) == 24
    assert len({t.id for t in upper}) == len({t.id for t in lower}) == 1
    assert [t.age for t in upper] == [n % 6 for n in range(24)]
    assert 4 + 4 <= report["streams"]["answer"]["taken"] <= 4 + 5
    looked = next(one for one in seen if one.number == 12)
    thing = looked.things[0]
    assert thing.answer == pytest.approx(mean_color(looked.picture, thing.box), abs=NEAR)


def test_memory_averages_answers_before_they_are_decoded(blobs):
    answers = {}
    for memory in (0.0, 0.6):
        tracking = Tracking(every=1, memory=memory)
        app = TwoStage(*blobs, decode=colour, tracker=tracking, camera=Camera((320, 320)))
        seen, _ = watch(app, walk, 6)
        answers[memory] = [one.things[0].answer for one in seen]
    wanted = answers[0.0][0]
    for count, (one, mixed) in enumerate(zip(answers[0.0], answers[0.6], strict=True), 1):
        # The mean of the first looks, until each has less than 1 - memory.
        share = min(0.6, 1 - 1 / count)
        wanted = share * wanted + (1 - share) * one
        assert mixed == pytest.approx(wanted, abs=0.5)
    assert answers[0.6][1] == pytest.approx((answers[0.0][0] + answers[0.0][1]) / 2, abs=0.5)


def test_distances_come_where_the_board_has_a_pair(blobs):
    source, camera = CutsSource(5), BOARDS["OAK-D"].cameras[0]
    truth = [t for t in source.truth(Shot(camera, 0, 0.0)) if t.visible > 0.9]
    model = camera_model(camera)
    high = model.width * 9 / 16
    left, top = (model.width - high) / 2, (model.height - high) / 2
    boxes = [[(v - (left, top)[i % 2]) / high for i, v in enumerate(t.box)] for t in truth]
    rows = [(1, 0.9, *box) for box in boxes]
    app = TwoStage(*blobs, decode=colour, camera=Camera((320, 320), fps=10))
    with VirtualOak(source=source, board="OAK-D", deterministic=True, seconds=60) as oak:
        use_boxes(oak, lambda call, picture: rows)
        things = next(app.watch()).things
    inside = [i for i, box in enumerate(boxes) if min(box) > 0.02 and max(box) < 0.98]
    assert inside
    for i in inside:
        assert things[i].place[2] == pytest.approx(truth[i].position_m[2], rel=0.1)


def test_a_yolo_finds_and_its_classes_are_named(blobs, tmp_path, own_cache):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from oakwright.yolo import convert_yolo
    from tests.unit.yolo import look_alikes as nets

    path = nets.export(nets.Distances(), tmp_path / "net.onnx")
    # Overlapping boxes stay: the device lets classes compete with each other, we do not.
    made = convert_yolo(path, confidence=0.5, iou=0.999, labels=["ant", "bee", "cow"])
    blob = tmp_path / "net.blob"
    blob.write_bytes(bytes(made.converted.blob.data))
    detector = Detector(blob, yolo=made.settings)
    assert detector.size == nets.PICTURE
    app = TwoStage(detector, blobs[1], decode=colour, camera=Camera(nets.PICTURE))
    picture = np.ascontiguousarray(nets.picture()[0].transpose(1, 2, 0))
    with VirtualOak(source=picture, board="OAK-1", deterministic=True, seconds=20):
        seen = next(app.watch())
    assert seen.things
    assert {thing.name for thing in seen.things} <= {"ant", "bee", "cow"}
    frame = np.ascontiguousarray(seen.picture.transpose(2, 0, 1))[None]
    outputs = oakwright.run(blob, {"images": frame})
    wanted = Yolo(detector.settings, nets.PICTURE)(outputs)
    found = np.array([t.box for t in seen.things])
    labels = [t.label for t in seen.things]
    near = overlaps(found, wanted.boxes) > 0.97
    assert near.any(axis=0).all()
    for row, label in zip(near, labels, strict=True):
        assert label in wanted.labels[row]


def test_the_window_says_the_rate_and_ends_with_its_key(blobs, monkeypatch):
    notes = []
    monkeypatch.setattr(Canvas, "note", lambda self, text: notes.append(text))
    app = TwoStage(*blobs, decode=colour, camera=Camera((320, 320), fps=15))
    with VirtualOak(source=Patches(), board="OAK-1", deterministic=True, frames=8) as oak:
        use_boxes(oak, lambda call, picture: [(1, 0.9, 0.1, 0.1, 0.5, 0.5)])
        app.run("seen")
    report = oak.report()
    assert report["windows"]["seen"]["shown"] >= 5
    assert report["windows"]["seen"]["shape"] == [320, 320, 3]
    assert len(notes) >= 4
    assert set(notes) == {"15.0 fps"}


def test_in_real_time_too_every_answer_is_its_thing_s(blobs):
    app = TwoStage(*blobs, decode=colour, tracker=True, camera=Camera((320, 320), fps=10))
    seen = []
    with VirtualOak(source=Patches(), board="OAK-1") as oak:
        use_boxes(oak, lambda call, picture: [(1, 0.9, 0.1, 0.1, 0.5, 0.5)])
        for one in app.watch():
            seen.append(one)
            if len(seen) == 5:
                break
    for one in seen:
        (thing,) = one.things
        assert thing.id == 0
    fresh = next(one for one in seen if one.things[0].age == 0)
    wanted = mean_color(fresh.picture, fresh.things[0].box)
    assert fresh.things[0].answer == pytest.approx(wanted, abs=NEAR)


def test_distances_asked_of_a_board_that_has_no_pair_are_refused(blobs):
    flat = TwoStage(*blobs, depth=True)
    with (
        VirtualOak(source=Patches(), board="OAK-1", deterministic=True),
        pytest.raises(UsageError, match="no pair of mono cameras"),
    ):
        next(flat.watch())


def test_blobs_and_options_that_do_not_fit_are_named(blobs, tmp_path):
    with pytest.raises(UnreadableModel, match=r"there is no blob .*none\.blob"):
        TwoStage(tmp_path / "none.blob", blobs[1])
    damaged = tmp_path / "damaged.blob"
    damaged.write_bytes(b"no blob" * 100)
    with pytest.raises(UnreadableModel, match=r"damaged\.blob is no blob"):
        Recognizer(damaged)
    with pytest.raises(UsageError, match=r"means\.blob is no SSD"):
        Detector(blobs[1])
    with pytest.raises(UsageError, match="color 'rgb'"):
        Recognizer(blobs[1], color="rgb")
    with pytest.raises(UsageError, match=r"memory 1\.5"):
        Tracking(memory=1.5)
