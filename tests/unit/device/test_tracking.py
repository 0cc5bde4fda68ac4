"""Identities over time, judged by the scene's truth; the pairing by trying all permutations."""

from itertools import permutations

import cv2
import numpy as np
import pytest

from oakwright.device.blocks.assignment import assign
from oakwright.device.blocks.boxes import overlap
from oakwright.device.blocks.kcf import CorrelationFilter
from oakwright.device.blocks.tracking import (
    HISTOGRAM,
    IMAGELESS,
    KCF,
    LOST,
    NEW,
    REMOVED,
    TRACKED,
    Picture,
    Rules,
    Sighting,
    Tracker,
)
from oakwright.device.scene import CameraModel, Motion, Scene, Thing
from oakwright.device.scene.things import SPHERE

CAMERA = CameraModel.with_view(640, 400, 72)
FPS = 15


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 5), (5, 3), (4, 4)])
def test_pairs_cost_the_least(shape):
    rng = np.random.default_rng(sum(shape))
    for _ in range(20):
        costs, most = rng.random(shape), 0.6
        rows, columns = shape
        # Every way of giving rows a column or one of the places that mean "none".
        least = min(
            sum(costs[r, c] if c < columns else most for r, c in enumerate(way))
            for way in permutations(range(columns + rows), rows)
        )
        pairs = assign(costs, most)
        assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
        paid = sum(costs[r, c] for r, c in pairs) + most * (rows - len(pairs))
        assert paid == pytest.approx(least)


# -- births and deaths


def sighting(left=0.2, label=1, confidence=0.9, width=0.2):
    return Sighting((left, 0.2, left + width, 0.5), label, confidence)


def watch(tracker, *rounds):
    """The statuses by id after each round of sightings."""
    told = []
    for number, sightings in enumerate(rounds):
        now = Picture(float(number))
        told.append({t.id: t.status for t in tracker.step(sightings, now, now)})
    return told


def test_a_thing_is_new_until_seen_often_enough_and_removed_when_missed_before():
    assert watch(Tracker(Rules(birth=3)), *[[sighting()]] * 3) == [{0: NEW}, {0: NEW}, {0: TRACKED}]
    assert watch(Tracker(Rules(birth=3)), [sighting()], [], []) == [{0: NEW}, {0: REMOVED}, {}]
    assert watch(Tracker(Rules(birth=1)), [sighting()]) == [{0: TRACKED}]


def test_a_lost_thing_lives_for_its_span_and_can_come_back():
    seen = [sighting()]
    tracker = Tracker(Rules(birth=1, lifespan=2))
    assert watch(tracker, seen, [], seen, [], [], [], [], seen) == [
        {0: TRACKED},
        {0: LOST},
        {0: TRACKED},
        {0: LOST},
        {0: LOST},
        {0: REMOVED},
        {},
        {1: TRACKED},
    ]


def test_smallest_ids_are_used_again_and_unique_ones_never():
    rounds = [[sighting()], [], [], [sighting()]]
    for smallest, last in ((True, 0), (False, 1)):
        rules = Rules(birth=1, lifespan=1, smallest_id=smallest)
        assert watch(Tracker(rules), *rounds)[-1] == {last: TRACKED}


def test_what_is_not_asked_for_is_not_tracked():
    two = [sighting(0.1), sighting(0.6, label=2, confidence=0.4)]
    for rules, count in (
        (Rules(), 2),
        (Rules(threshold=0.5), 1),
        (Rules(labels={2}), 1),
        (Rules(most=1), 1),
    ):
        assert len(watch(Tracker(rules), two)[0]) == count
    tracker = Tracker(Rules(most=1))
    watch(tracker, two)
    assert tracker.tracks[0].sighting.confidence == 0.9


def test_classes_are_kept_apart_unless_told_otherwise():
    rounds = [[sighting(label=1)], [sighting(label=2)]]
    assert watch(Tracker(Rules(birth=1)), *rounds)[1] == {0: LOST, 1: TRACKED}
    mixed = Tracker(Rules(birth=1, per_class=False))
    assert watch(mixed, *rounds)[1] == {0: TRACKED}
    assert mixed.tracks[0].sighting.label == 2


def test_a_lost_thing_that_is_covered_is_removed():
    both = [sighting(0.2), sighting(0.32)]
    for occlusion, status in ((0.3, REMOVED), (0.5, LOST)):
        tracker = Tracker(Rules(birth=1, occlusion=occlusion))
        assert watch(tracker, both, [sighting(0.32)])[1] == {0: status, 1: TRACKED}


def test_ids_can_be_removed_from_outside():
    tracker = Tracker(Rules(birth=1))
    watch(tracker, [sighting()])
    tracker.remove({0})
    assert watch(tracker, [sighting()])[0] == {0: REMOVED, 1: TRACKED}


# -- on the scene


def crossing_balls():
    """Three balls of one class, two of which pass before each other again and again."""

    def ball(color, middle, swing, period, phase):
        return Thing("ball", SPHERE, (0.4,) * 3, Motion(middle, swing, period, phase), color)

    return Scene(
        3,
        things=(
            ball((40, 60, 230), (0, -0.3, 2.5), (1.0, 0, 0), 6, 0.0),
            ball((230, 120, 40), (0, -0.1, 2.9), (1.0, 0, 0), 5, 0.5),
            ball((60, 200, 60), (0, 0.45, 2.2), (0.6, 0.2, 0), 4, 0.2),
        ),
    )


def follow(rules, every, seed, seconds=12):
    """Ids a ball was followed under, by its depth, and overlaps with the truth unseen.

    A tenth of the detections is missing, the others' sides are off by 1 % of the box.
    """
    rng, scene, tracker = np.random.default_rng(seed), crossing_balls(), Tracker(rules)
    ids, unseen = {}, []
    for number in range(seconds * FPS):
        time_s = number / FPS
        rendering = scene.render(CAMERA, time_s)
        truth = {}
        for thing in rendering.objects:
            box = np.array(thing.box) / (640, 400, 640, 400)
            truth[round(thing.position_m[2], 1)] = tuple(map(float, box)), thing.visible
        sightings = None
        if number % every == 0:
            sightings = []
            for depth, (box, visible) in truth.items():
                width, height = box[2] - box[0], box[3] - box[1]
                off = rng.normal(0, 0.01, 4) * (width, height, width, height)
                if visible > 0.3 and rng.random() > 0.1:
                    near = tuple(float(side) for side in box + off)
                    sightings.append(Sighting(near, 3, 0.9, depth))
        now = Picture(time_s, rendering.image)
        for track in tracker.step(sightings, now, now):
            if sightings is not None and track.missed == 0 and track.status == TRACKED:
                ids.setdefault(track.sighting.origin, set()).add(track.id)
            elif sightings is None and track.status == TRACKED:
                unseen.append(overlap(track.box, truth[track.sighting.origin][0]))
    return ids, unseen


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("looks", "predicts", "every"),
    [
        (IMAGELESS, False, 1),
        (HISTOGRAM, False, 1),
        (IMAGELESS, True, 1),
        (IMAGELESS, True, 2),
        (KCF, True, 1),
    ],
)
def test_every_ball_keeps_its_id_over_twelve_seconds(looks, predicts, every, seed):
    # Hidden balls are not given up for those that hide them.
    ids, unseen = follow(Rules(looks, predicts, occlusion=1.0), every, seed)
    assert sorted(len(one) for one in ids.values()) == [1, 1, 1]
    assert len(set.union(*ids.values())) == 3
    assert not unseen or np.mean(unseen) > 0.75


def test_boxes_move_on_between_detections():
    """Every fifth picture has detections: by correlation boxes stay on what they are on."""
    for looks, least in ((KCF, 0.85), (IMAGELESS, 0.6)):
        _, unseen = follow(Rules(looks, True, occlusion=1.0), 5, 0, seconds=6)
        assert len(unseen) > 100
        assert np.median(unseen) > least


def test_a_correlation_filter_finds_a_moved_patch_to_half_a_pixel():
    rng = np.random.default_rng(1)
    grey = cv2.GaussianBlur(rng.integers(0, 255, (240, 320), np.uint8), (0, 0), 3)
    grey = cv2.normalize(grey, None, 0, 255, cv2.NORM_MINMAX)
    box = (100 / 320, 80 / 240, 160 / 320, 140 / 240)
    for x, y in ((0, 0), (7, -4), (-11.5, 9.5)):
        moved = cv2.warpAffine(grey, np.float64([[1, 0, x], [0, 1, y]]), (320, 240))
        found = CorrelationFilter(grey, box)
        assert found.follow(moved) > 0.3
        assert found.box[0] * 320 == pytest.approx(100 + x, abs=0.5)
        assert found.box[1] * 240 == pytest.approx(80 + y, abs=0.5)
