"""The made-up scene: its truth follows from geometry alone."""

import cv2
import numpy as np
import pytest

from oakwright.device.boards import find_board
from oakwright.device.scene import LABELS, CameraModel, Motion, Scene, Thing
from oakwright.device.sources import Shot
from oakwright.device.sources.scene import SceneSource, camera_model

BOARD = find_board("OAK-D")
SMALL = CameraModel.with_view(640, 400, 72.0)


@pytest.fixture(scope="module")
def scene():
    return Scene(3)


def still(label, shape, size, place, **more):
    return Thing(label, shape, size, Motion(place), (90.0, 140.0, 190.0), **more)


def test_seed_and_moment_decide_every_pixel(scene):
    first, second = scene.render(SMALL, 1.25), Scene(3).render(SMALL, 1.25)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.depth_mm, second.depth_mm)
    assert first.objects == second.objects
    assert not np.array_equal(first.image, Scene(4).render(SMALL, 1.25).image)
    assert not np.array_equal(first.image, scene.picture(SMALL, 1.5))
    assert np.array_equal(first.image, scene.picture(SMALL, 1.25))


def test_a_flat_thing_lies_where_the_pinhole_says():
    made = Scene(0, things=(still("sign", "flat", (0.8, 0.4, 0.0), (0.5, -0.25, 2.0)),))
    seen = made.render(SMALL, 0.0).objects
    assert [one.label for one in seen] == ["sign"]
    f = SMALL.fx
    expected = (320 + f * 0.1 / 2, 200 - f * 0.45 / 2, 320 + f * 0.9 / 2, 200 - f * 0.05 / 2)
    assert np.allclose(seen[0].box, expected, atol=1.5)
    assert seen[0].depth_mm == 2000
    assert seen[0].visible == 1.0
    assert seen[0].position_m == (0.5, -0.25, 2.0)


def test_a_sphere_is_nearest_in_its_middle():
    made = Scene(0, things=(still("ball", "sphere", (0.5, 0.5, 0.5), (0.0, 0.0, 2.0)),))
    view = made.render(SMALL, 0.0)
    left, top, right, bottom = view.objects[0].box
    assert view.depth_mm[200, 320] == 1750
    # The tangent cone: radius / sqrt(distance^2 - radius^2).
    assert (right - left) / 2 == pytest.approx(SMALL.fx * 0.25 / np.sqrt(4 - 0.0625), abs=1.5)
    assert abs((right - left) - (bottom - top)) <= 1


def test_a_turned_box_shows_its_nearest_edge():
    turned = Motion((0.0, 0.0, 3.0), spin_deg=45.0)
    made = Scene(0, things=(Thing("box", "box", (0.6, 0.6, 0.6), turned),))
    view = made.render(SMALL, 1.0)
    edge = 3.0 - 0.3 * np.sqrt(2)
    assert view.depth_mm[200, 320] == pytest.approx(edge * 1000, abs=6)
    left, _, right, _ = view.objects[0].box
    assert (right - left) / 2 == pytest.approx(SMALL.fx * 0.3 * np.sqrt(2) / 3, abs=2)


def test_the_nearer_thing_hides_the_farther():
    near = still("box", "flat", (0.5, 0.5, 0.0), (0.0, 0.0, 1.5))
    far = still("sign", "flat", (1.0, 0.5, 0.0), (0.25, 0.0, 3.0))
    for things in ((near, far), (far, near)):
        view = Scene(0, things=things).render(SMALL, 0.0)
        front, back = view.objects
        assert (front.label, back.label) == ("box", "sign")
        assert view.depth_mm[200, 320] == 1500
        assert front.visible == 1.0
        assert back.visible == pytest.approx(0.25, abs=0.02)


def test_depth_and_pictures_of_two_cameras_agree(scene):
    """A pixel of the left picture, moved by its true disparity, has the same brightness."""
    left, right = (camera_model(BOARD.named(name)) for name in ("left", "right"))
    a, b = scene.render(left, 0.7), scene.render(right, 0.7)
    disparity = left.fx * 75 / np.maximum(a.depth_mm, 1)
    columns = np.arange(left.width, dtype=np.float32)[None] - disparity.astype(np.float32)
    rows = np.broadcast_to(np.arange(left.height, dtype=np.float32)[:, None], columns.shape)
    moved = cv2.remap(b.image, columns, np.ascontiguousarray(rows), cv2.INTER_LINEAR)
    depth = cv2.remap(b.depth_mm, columns, np.ascontiguousarray(rows), cv2.INTER_NEAREST)
    both = (columns >= 0) & (np.abs(depth.astype(int) - a.depth_mm) < 20)
    assert both.mean() > 0.8
    difference = np.abs(moved.astype(int) - a.image)[both]
    assert np.median(difference) <= 3


def test_there_is_texture_everywhere(scene):
    grey = cv2.cvtColor(scene.picture(SMALL, 0.0), cv2.COLOR_BGR2GRAY).astype(np.float32)
    spread = cv2.blur(grey * grey, (15, 15)) - cv2.blur(grey, (15, 15)) ** 2
    assert (spread > 4).mean() > 0.99


def test_things_between_one_and_five_metres_move(scene):
    now, later = (scene.render(SMALL, t).objects for t in (0.0, 2.0))
    assert {one.label for one in now} == set(LABELS[1:])
    assert all(900 < one.depth_mm < 5000 for one in now)
    where = {one.label: one.position_m for one in later}
    assert all(one.position_m != where[one.label] for one in now)


def test_a_thing_behind_or_beside_the_camera_is_not_seen():
    places = (0.0, 0.0, -1.0), (9.0, 0.0, 2.0), (0.0, 0.0, 0.05)
    things = [still("sign", "flat", (0.4, 0.4, 0.0), place) for place in places]
    things.append(still("ball", "sphere", (0.4, 0.4, 0.4), (0.0, 0.0, 0.1)))
    assert Scene(0, things=tuple(things)).render(SMALL, 0.0).objects == ()


def test_a_turned_camera_sees_the_turned_world():
    """Looking right by 30 degrees, what lay there is ahead."""
    angle = np.deg2rad(30)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    rotation = ((c, 0.0, -s), (0.0, 1.0, 0.0), (s, 0.0, c))
    camera = CameraModel(640, 400, 440, 440, 320, 200, rotation=rotation)
    place = (2 * s, 0.0, 2 * c)
    view = Scene(0, things=(still("ball", "sphere", (0.4, 0.4, 0.4), place),)).render(camera, 0)
    assert view.objects[0].position_m == pytest.approx((0, 0, 2))
    assert view.depth_mm[200, 320] == 1800


def test_the_source_gives_each_camera_its_own_view():
    source = SceneSource(1)
    shots = {c.name: Shot(c, 0, 0.5) for c in BOARD.cameras}
    pictures = {name: source.frame(shot) for name, shot in shots.items()}
    assert pictures["color"].shape == (1440, 1920, 3)
    assert pictures["left"].shape == pictures["right"].shape == (800, 1280)
    assert not np.array_equal(pictures["left"], pictures["right"])
    grey = source.scene.picture(camera_model(BOARD.named("left")), 0.5)
    assert np.array_equal(pictures["left"], cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY))
