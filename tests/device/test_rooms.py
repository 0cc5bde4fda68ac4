"""The packaged networks and examples/rooms: what is found and named on the virtual OAK."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest

from oakwright.apps import Canvas, Seen, Thing, rooms
from oakwright.device.scene import COLORS, LABELS, MARKS, Scene, SceneObject
from oakwright.errors import ModelError, UsageError

ROOT = Path(__file__).parents[2]
LARGEST = 3_000_000
PICTURES = 3


@pytest.fixture(scope="module")
def example():
    """The modules of examples/rooms by name."""
    folder = str(ROOT / "examples" / "rooms")
    before, known = list(sys.path), set(sys.modules)
    sys.path.insert(0, folder)
    try:
        import room
        import show
        import truth

        yield {"room": room, "show": show, "truth": truth}
    finally:
        sys.path[:] = before
        for name in {"room", "show", "truth"} - known:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def shown(example, tmp_path_factory):
    """The demo's second part in a room it does not show: its folder and what it counted."""
    out = tmp_path_factory.mktemp("shown")
    return out, example["show"].two_stages(out, seed=6, pictures=PICTURES)


def test_the_files_are_small_and_say_what_they_tell():
    for name in rooms.NETWORKS:
        files = [rooms.ir(name), rooms.ir(name).with_suffix(".bin")]
        assert sum(file.stat().st_size for file in files) < LARGEST
    facts = rooms.facts()
    assert tuple(facts["labels"]) == LABELS
    assert tuple(facts["colors"]) == tuple(COLORS)
    assert tuple(facts["marks"]) == MARKS
    core = ov.Core()
    detector, recognizer = (core.read_model(rooms.ir(name)) for name in rooms.NETWORKS)
    assert list(detector.output().shape)[-1] == 7
    assert list(recognizer.output("color").shape) == [1, len(COLORS)]
    assert list(recognizer.output("mark").shape) == [1, len(MARKS)]
    for network in (detector, recognizer):
        assert network.input().element_type == ov.Type.u8
    with pytest.raises(UsageError, match="there is no network 'cat'"):
        rooms.ir("cat")


def test_things_are_found_and_named_on_the_virtual_oak(shown, example):
    _, total = shown
    assert total["things"] >= 8 * PICTURES
    assert total["found"] >= 0.85 * total["things"]
    assert total["named"] >= 0.85 * total["found"]
    assert total["wrong"] <= 0.15 * total["things"]
    # The board has a stereo pair.
    assert total["measured"] >= 0.5 * total["found"]
    assert example["show"].is_good(total)


def test_the_film_shows_what_was_found(shown, example):
    out, _ = shown
    film = cv2.VideoCapture(str(out / "room.mp4"))
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1])
    assert [frame.shape for frame in frames] == [(720, 1280, 3)] * PICTURES
    still = cv2.imread(str(out / "room.png"))
    assert still.shape == (720, 1280, 3)
    assert not list(out.glob(".part-*"))
    # The still is a picture of the film, as far as the film's compression lets one see.
    apart = [float(np.abs(frame.astype(int) - still).mean()) for frame in frames]
    number = apart.index(min(apart))
    assert apart[number] < 6
    # What is drawn is drawn: the room itself has less of the plates' colours.
    bare = Scene.furnished(6).picture(truth_camera(example), number / example["show"].FPS)
    assert (np.abs(bare.astype(int) - still).max(axis=2) > 60).mean() > 0.01


def truth_camera(example):
    return example["truth"].camera_of("OAK-D", 1280, 720)


def test_a_film_that_fails_is_not_left_half(example, tmp_path):
    def half():
        with example["show"].Film(tmp_path / "a.mp4", (64, 64)) as film:
            film.add(np.zeros((64, 64, 3), np.uint8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not list(tmp_path.iterdir())


OBJECT = SceneObject(
    "box", 4, (100, 100, 200, 200), (0.0, 0.0, 2.0), 2000.0, 1.0, COLORS["blue"], "star"
)
BOX = (0.1, 0.2, 0.2, 0.4)


def seen(*things):
    return Seen(0, 0.0, np.zeros((500, 1000, 3), np.uint8), list(things))


def thing(box=BOX, name="box", color="blue", mark="star", **more):
    return Thing(box, LABELS.index(name), name, 0.9, rooms.Look(color, mark, 0.9), **more)


@pytest.mark.parametrize(
    ("things", "objects", "wanted"),
    [
        ([thing()], [OBJECT], {"things": 1, "found": 1, "named": 1}),
        ([], [OBJECT], {"things": 1}),
        ([thing(color="red")], [OBJECT], {"things": 1, "found": 1}),
        ([thing(mark="ring")], [OBJECT], {"things": 1, "found": 1}),
        ([thing(name="sign")], [OBJECT], {"things": 1, "wrong": 1}),
        ([thing((0.1, 0.2, 0.14, 0.4))], [OBJECT], {"things": 1, "wrong": 1}),
        ([thing(), thing()], [OBJECT], {"things": 1, "found": 1, "named": 1, "wrong": 1}),
        ([thing()], [replace(OBJECT, visible=0.3)], {}),
        ([], [replace(OBJECT, visible=0.3)], {}),
        ([], [replace(OBJECT, box=(100, 100, 200, 110))], {}),
        (
            [thing(place=(0.0, 0.0, 2.1))],
            [OBJECT],
            {"things": 1, "found": 1, "named": 1, "measured": 1},
        ),
        (
            [thing(place=(0.0, 0.0, 2.5))],
            [OBJECT],
            {"things": 1, "found": 1, "named": 1, "measured": 1, "far": 1},
        ),
        (
            [thing(name="face", color="red", mark="mask")],
            [replace(OBJECT, label="face", mark="mask")],
            {"things": 1, "found": 1, "named": 1},
        ),
    ],
)
def test_what_counts_as_right(example, things, objects, wanted):
    counted = example["truth"].compare(seen(*things), objects)
    assert {name: n for name, n in counted.items() if n} == wanted


@pytest.mark.parametrize(
    ("name", "color", "mark", "words"),
    [
        ("face", "white", "no mask", "no mask"),
        ("person", "green", "stripes", "person in striped green"),
        ("ball", "red", "plain", "red ball"),
        ("box", "blue", "star", "blue box, star"),
    ],
)
def test_things_are_told_in_words(example, name, color, mark, words):
    assert example["room"].describe(name, rooms.Look(color, mark, 1.0)) == words


def test_a_look_is_the_likeliest_of_both_answers():
    color, mark = np.zeros((1, len(COLORS))), np.zeros((1, len(MARKS)))
    color[0, 4], mark[0, 3] = 9, 5
    told = rooms.look({"color": color, "mark": mark})
    assert (told.color, told.mark) == ("blue", "star")
    assert told.probability == pytest.approx(np.exp(5) / (np.exp(5) + len(MARKS) - 1))
    with pytest.raises(ModelError, match="no output 'color'"):
        rooms.look({"logits": color})


def test_what_nobody_looked_at_is_drawn_with_its_class(example):
    one = seen(thing())
    one.things[0].answer = None
    assert isinstance(example["room"].draw(one.picture, one), Canvas)
    assert one.picture.any()
