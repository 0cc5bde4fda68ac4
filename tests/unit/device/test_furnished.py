"""Furnished rooms: the seed says all, everything has a name, little hides anything."""

import numpy as np
import pytest

from oakwright.device.scene import COLORS, MARKS, CameraModel, Motion, Scene, Thing, furnished
from oakwright.device.scene.marks import SYMBOLS, draw, name_of
from oakwright.device.sources import SceneSource, open_source
from oakwright.errors import UsageError

CAMERA = CameraModel.with_view(640, 360, 69.0)


def test_the_seed_decides_every_pixel():
    first, second = (Scene.furnished(3).render(CAMERA, 1.5) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.objects == second.objects
    assert not np.array_equal(first.image, Scene.furnished(4).render(CAMERA, 1.5).image)
    source = open_source("furnished:3")
    assert isinstance(source, SceneSource)
    assert source.scene.things == furnished(3)
    with pytest.raises(UsageError, match="'furnished:x' is no furnished room"):
        open_source("furnished:x")


def test_each_room_has_all_kinds_and_each_thing_a_colour_and_a_mark_that_suits_it():
    suits = {
        "face": {"mask", "no mask"},
        "person": {"plain", "stripes"},
        "ball": {"plain", "stripes"},
        "box": set(SYMBOLS),
        "sign": set(SYMBOLS),
    }
    seen = set()
    for seed in range(40):
        things = furnished(seed)
        kinds = [thing.label for thing in things]
        assert kinds.count("face") == kinds.count("person") >= 1
        assert 3 <= len(things) <= 15
        for thing in things:
            assert thing.mark in suits[thing.label]
            assert thing.mark in MARKS
            seen.add(thing.mark)
            if thing.label != "face":
                seen.add(name_of(thing.color))
    assert seen == {*MARKS, *COLORS}


def test_little_is_hidden_from_a_camera_in_the_middle():
    shares = [
        one.visible
        for seed in range(4)
        for moment in (0.0, 4.0)
        for one in Scene.furnished(seed).render(CAMERA, moment).objects
    ]
    assert len(shares) > 40
    assert min(shares) > 0.6


def test_a_face_stays_on_its_person():
    scene = Scene.furnished(2)
    for moment in (0.0, 2.5, 5.0):
        seen = scene.render(CAMERA, moment).objects
        people = [one for one in seen if one.label == "person"]
        faces = [one for one in seen if one.label == "face"]
        assert len(faces) == len(people) >= 1
        for face in faces:
            x = (face.box[0] + face.box[2]) / 2
            assert any(
                abs((p.box[0] + p.box[2]) / 2 - x) <= 1.5 and abs(p.box[1] - face.box[1]) <= 1
                for p in people
            )


@pytest.mark.parametrize("name", list(COLORS))
def test_a_named_colour_is_what_is_seen(name):
    things = (
        Thing("sign", "flat", (1.0, 0.8, 0.0), Motion((0.0, 0.0, 2.0)), COLORS[name], "star"),
    )
    seen = Scene(0, things=things).render(CAMERA, 0.0)
    (one,) = seen.objects
    assert (one.color_name, one.mark) == (name, "star")
    x0, y0, *_ = one.box
    corner = seen.image[y0 + 12 : y0 + 30, x0 + 12 : x0 + 30].reshape(-1, 3)
    assert name_of(tuple(np.median(corner, axis=0))) == name


@pytest.mark.parametrize("kind", ["ball", "box", "sign", "person", "face"])
def test_each_mark_looks_different(kind):
    marks = {"face": ("mask", "no mask"), "box": SYMBOLS, "sign": SYMBOLS}.get(
        kind, ("plain", "stripes")
    )
    pictures = [
        draw(np.random.default_rng(1), (200, 240), kind, (60.0, 60.0, 200.0), mark)
        for mark in marks
    ]
    for i, picture in enumerate(pictures):
        assert picture.shape == (200, 240, 4)
        for other in pictures[:i]:
            apart = np.abs(picture[..., :3].astype(int) - other[..., :3]).max(axis=2) > 60
            assert apart.mean() > 0.03
