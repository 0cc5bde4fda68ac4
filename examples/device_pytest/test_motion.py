"""Tests of an OAK application with no camera: ``pytest examples/device_pytest``.

The fixture ``virtual_oak`` comes with oakwright. Time is virtual: ten seconds of camera take a
moment, and every run gives the same frames.
"""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location("motion", Path(__file__).parent / "motion.py")
motion = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(motion)


class Passage:
    """A source of frames: an empty room, and a bright thing in it in some of them."""

    def __init__(self, visible):
        self.visible = visible

    def frame(self, shot):
        picture = np.full((180, 320, 3), 60, np.uint8)
        if shot.number in self.visible:
            left = 10 * (shot.number - self.visible.start)
            picture[60:120, left : left + 60] = 220
        return picture

    def close(self):
        pass


def test_nothing_moves_in_an_empty_room(virtual_oak):
    virtual_oak(source=Passage(range(0)))
    assert motion.watch(100) == []


def test_motion_is_seen_from_coming_to_going(virtual_oak):
    virtual_oak(source=Passage(range(20, 30)))
    assert motion.watch(50) == list(range(20, 31))


@pytest.mark.parametrize("board", ["OAK-1", "OAK-D"])
def test_ten_seconds_of_camera_take_a_moment_and_are_the_same_every_time(virtual_oak, board):
    oak = virtual_oak(source="pattern", board=board)
    before = time.monotonic()
    moved = motion.watch(100)
    assert time.monotonic() - before == pytest.approx(9.9, abs=0.01)  # virtual seconds
    assert len(moved) == 99
    assert oak.report()["streams"]["grey"]["taken"] == 100
