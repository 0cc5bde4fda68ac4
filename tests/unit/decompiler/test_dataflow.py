"""Which value a read sees, against memory simulated by numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakwright.decompiler.dataflow import Memory
from oakwright.decompiler.graph import F32, I32, MAX_ELEMENTS
from oakwright.decompiler.views import View, box_within, overlap
from oakwright.errors import RunError
from tests.unit.decompiler.graphs import Arena, compact, moved, numbered, variable


class Both:
    """A Memory and its simulation, written alike."""

    def __init__(self) -> None:
        self.memory, self.arena = Memory(), Arena()
        self.inputs = {}

    def write(self, view: View):
        value = variable(*view.shape)
        self.inputs[value] = numbered(view.shape, 1 + 1000 * len(self.inputs))
        self.memory.write(view, value)
        self.arena.write(view, self.inputs[value])
        return value

    def read(self, view: View):
        value = self.memory.read(view, F32)
        np.testing.assert_array_equal(moved(value, self.inputs), self.arena.read(view))
        assert value.shape == view.shape
        return value


def part(view: View, **ranges: tuple[int, int]) -> View:
    """A box of a view by axis letter of NCHW."""
    for letter, (begin, end) in ranges.items():
        view = view.narrowed("nchw".index(letter), begin, end - begin)
    return view


def test_same_view_is_the_value_itself():
    both = Both()
    view = compact((1, 3, 4, 5))
    value = both.write(view)
    assert both.read(view) is value


def test_same_bytes_of_another_shape_are_a_reshape():
    both = Both()
    both.write(compact((1, 3, 4, 5)))
    assert both.read(compact((1, 60))).node.op == "Reshape"


def test_axes_of_length_one_cost_nothing():
    both = Both()
    value = both.write(compact((1, 3, 4, 1)))
    odd = View(compact((1,)).arena, 0, (1, 3, 4, 1), (999, 8, 2, 777), 2)
    assert both.read(odd) is value


def test_other_stored_order_of_the_same_tensor_is_the_value_itself():
    both = Both()
    value = both.write(compact((1, 3, 4, 5), order=(0, 2, 3, 1)))
    assert both.read(compact((1, 3, 4, 5), order=(0, 2, 3, 1))) is value
    flat = both.read(compact((60,)))
    assert flat.node.op == "Reshape"
    assert flat.node.inputs[0].node.op == "Transpose"


def test_a_box_is_a_slice():
    both = Both()
    view = compact((1, 8, 6, 10))
    both.write(view)
    assert both.read(part(view, c=(2, 5), h=(1, 4))).node.op == "Slice"


def test_channels_written_in_parts_are_a_concat():
    both = Both()
    view = compact((1, 6, 4, 5))
    parts = [both.write(part(view, c=(i, i + 2))) for i in (0, 2, 4)]
    read = both.read(view)
    assert read.node.op == "Concat"
    assert list(read.node.inputs) == parts


def test_a_read_across_tiles_sees_a_box_of_all_tiles():
    both = Both()
    view = compact((1, 2, 12, 5))
    for begin in (0, 4, 8):
        both.write(part(view, h=(begin, begin + 4)))
    first, second = (both.read(part(view, h=rows)) for rows in ((2, 7), (6, 11)))
    assert first.node.op == second.node.op == "Slice"
    whole = first.node.inputs[0]
    assert whole is second.node.inputs[0]
    assert whole.node.op == "Concat"
    assert len(whole.node.inputs) == 3


def test_tiles_in_two_directions_are_put_together():
    both = Both()
    view = compact((1, 2, 8, 10))
    for rows in ((0, 5), (5, 8)):
        for columns in ((0, 4), (4, 10)):
            both.write(part(view, h=rows, w=columns))
    both.read(part(view, h=(3, 7), w=(2, 9)))


def test_what_was_overwritten_is_not_seen():
    both = Both()
    view = compact((1, 4, 4, 4))
    both.write(view)
    both.write(part(view, c=(1, 2)))
    both.write(part(view, h=(2, 3)))
    both.read(view)


def test_putting_tiles_together_brings_nothing_overwritten_back():
    both = Both()
    view = compact((1, 1, 8, 5))
    both.write(part(view, h=(0, 4)))
    both.write(part(view, h=(4, 8)))
    both.write(compact((7,), offset=4))  # across two rows of the first tile
    both.read(part(view, h=(3, 6)))
    both.read(view)


def test_nobodys_memory_is_zeros():
    both = Both()
    both.write(compact((1, 2, 4, 4)))
    more = both.read(compact((1, 5, 4, 4)))
    assert more.node.op == "Concat"
    assert both.read(compact((1, 2, 4, 4), offset=1024)).constant is not None


def test_gaps_between_rows_are_not_part_of_the_tensor():
    both = Both()
    pitched = View(compact((1,)).arena, 0, (1, 3, 4, 5), (192, 64, 16, 2), 2)
    value = both.write(pitched)
    assert both.read(pitched) is value
    both.read(part(pitched, c=(1, 3), h=(1, 4), w=(1, 2)))
    # What lies in the gaps belongs to nobody.
    both.read(View(pitched.arena, 0, (4, 8), (16, 2), 2))


def test_shuffled_elements_come_by_one_gather():
    both = Both()
    for place in np.random.default_rng(1).permutation(60).tolist():
        both.write(compact((1,), offset=2 * place))
    both.read(compact((60,)))


def test_a_value_of_another_type_is_refused():
    memory = Memory()
    memory.write(compact((4,)), variable(4))
    with pytest.raises(RunError, match="holds float32, read as int32"):
        memory.read(compact((4,)), I32)


def test_half_an_element_is_refused():
    memory = Memory()
    memory.write(compact((4,), offset=1), variable(4))
    with pytest.raises(RunError, match="parts of elements"):
        memory.read(compact((4,)), F32)


def test_absurd_sizes_are_refused_before_anything_is_made():
    huge = View(compact((1,)).arena, 0, (MAX_ELEMENTS, 2), (2, 1 << 40), 2)
    with pytest.raises(RunError, match="beyond any device"):
        Memory().read(huge, F32)


@st.composite
def views(draw):
    """A view with stored order, gaps and offset as compilers make them."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    order = draw(st.permutations(range(len(shape))))
    strides, step = [0] * len(shape), 2
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
        step += draw(st.sampled_from([0, 0, 0, 2, 16]))
    return View(compact((1,)).arena, 2 * draw(st.integers(0, 40)), shape, tuple(strides), 2)


@st.composite
def boxes(draw, parents):
    """A box of one of ``parents``, or a view of its own."""
    view = draw(st.sampled_from(parents)) if parents and draw(st.booleans()) else draw(views())
    for axis, dim in enumerate(view.shape):
        begin = draw(st.integers(0, dim - 1)) if draw(st.booleans()) else 0
        end = draw(st.integers(begin + 1, dim)) if begin or draw(st.booleans()) else dim
        view = view.narrowed(axis, begin, end - begin)
    return view


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_reads_see_what_memory_holds(data):
    both = Both()
    written: list[View] = []
    for _ in range(data.draw(st.integers(1, 8))):
        written.append(data.draw(boxes(written)))
        both.write(written[-1])
        both.read(data.draw(boxes(written)))
    for view in written:
        both.read(view)


@settings(max_examples=300, deadline=None)
@given(views(), views())
def test_overlap_of_views_is_that_of_their_elements(a, b):
    arena = Arena()
    inside = set(arena._at(a).ravel().tolist()) & set(arena._at(b).ravel().tolist())
    common = overlap(a, b)
    if common is not None:
        assert len(inside) == np.prod([end - begin for begin, end in common.values()])
    box = box_within(a, b)
    if box is not None:
        assert inside == set(arena._at(a).ravel().tolist())
