"""Pictures of graphs: boxes do not overlap, lines cross none and end where they should."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakwright.server.preview.layout import (
    BOX_H,
    BOX_W,
    MOST_LINES,
    MOST_NODES,
    lay_out,
    parts_of,
)


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 40))
    return [
        sorted(draw(st.sets(st.integers(0, at - 1), max_size=3))) if at else []
        for at in range(count)
    ]


def ends(path):
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", path)]
    return numbers[:2], numbers[-2:]


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_every_layer_has_a_box_of_its_own_and_every_edge_a_line(takes):
    part = lay_out(takes, 0)
    assert [box.at for box in part.boxes] == list(range(len(takes)))
    wanted = {(source, at) for at, row in enumerate(takes) for source in row}
    assert {(line.source, line.target) for line in part.lines} == wanted
    for one in part.boxes:
        assert one.x >= 0
        assert one.x + BOX_W <= part.width
        assert 0 <= one.y <= part.height - BOX_H
        for other in part.boxes:
            apart = abs(one.x - other.x) >= BOX_W - 0.2 or abs(one.y - other.y) >= BOX_H
            assert one is other or apart
    for line in part.lines:
        start, end = ends(line.path)
        source, target = part.boxes[line.source], part.boxes[line.target]
        assert source.y < target.y  # what is read stands above
        assert start == pytest.approx([source.x + BOX_W / 2, source.y + BOX_H], abs=0.1)
        assert end == pytest.approx([target.x + BOX_W / 2, target.y], abs=0.1)
        upright = re.findall(r"([-\d.]+) ([-\d.]+)V([-\d.]+)", line.path)
        for x, y1, y2 in upright:
            for box in part.boxes:
                inside = box.x < float(x) < box.x + BOX_W
                assert not (inside and box.y < float(y2) and float(y1) < box.y + BOX_H)


def test_a_large_graph_is_drawn_in_parts_that_name_each_other():
    takes = [[at - 1] if at else [] for at in range(1000)]
    takes[999] = [998, 0]
    assert parts_of(1000) == 4
    seen = []
    for number in range(4):
        part = lay_out(takes, number)
        assert part.count <= MOST_NODES
        seen += [box.at for box in part.boxes]
    assert seen == list(range(1000))
    assert part.outside == ((750, 749), (999, 0))


def test_a_graph_of_too_many_lines_says_how_many_are_left_out():
    takes = [list(range(at)) for at in range(MOST_NODES)]
    part = lay_out(takes, 0)
    assert len(part.lines) == MOST_LINES
    assert part.left_out == MOST_NODES * (MOST_NODES - 1) // 2 - MOST_LINES


def test_a_graph_of_nothing():
    part = lay_out([], 0)
    assert (part.count, part.boxes, part.lines) == (0, (), ())
