"""Arenas, views, rounding."""

import numpy as np
import pytest

from oakwright.blob import Blob
from oakwright.errors import RunError
from oakwright.machine import Memory
from oakwright.machine.memory import LIMIT_BYTES, round_to
from tests.unit.blob.assembler import BLOB, BSS, CMX, INPUT, OUTPUT, Assembler, small

HALF = np.dtype("<f2")


def test_fp16_rounds_to_nearest_even_and_overflows():
    values = np.array([1 + 2**-11, 1 + 3 * 2**-11, 65519, 65520, -1e9, np.nan, 2**-25], "f4")
    got = round_to(values, HALF)
    assert got[:6].tolist()[:5] == [1.0, 1 + 2**-9, 65504, np.inf, -np.inf]
    assert np.isnan(got[5])
    assert got[6] == 0


def test_integers_cut_and_saturate():
    values = np.array([1.9, -1.9, 300, -300, np.nan, np.inf], "f4")
    assert round_to(values, np.dtype("u1")).tolist() == [1, 0, 255, 0, 0, 255]
    assert round_to(values, np.dtype("<i4"))[:4].tolist() == [1, -1, 300, -300]
    assert round_to(np.array([300, -5]), np.dtype("u1")).tolist() == [255, 0]
    assert round_to(np.array([True, False]), HALF).tolist() == [1, 0]


def test_views_share_the_arena():
    a = Assembler()
    source = a.io(INPUT, "x", [8])
    whole = a.buffer([8], BSS, 64)
    part = a.buffer([2, 2], BSS, 64 + 4, strides=[2, 8])
    a.stage(19, b"", [source, whole])
    a.stage(19, b"", [part, a.io(OUTPUT, "y", [2, 2])])
    blob = Blob(a.build())
    memory = Memory(blob)
    memory.view(blob.stages[0].outputs[0])[...] = np.arange(8)
    assert memory.view(blob.stages[1].inputs[0]).tolist() == [[2, 3], [6, 7]]


def test_writing_rounds_and_checks_the_shape():
    blob = Blob(small().build())
    memory, place = Memory(blob), blob.stages[0].outputs[0]
    memory.write(place, np.full((1, 4, 5, 6), 1e6, "f4"))
    assert np.isinf(memory.read(place).values).all()
    with pytest.raises(ValueError, match="shape"):
        memory.write(place, np.zeros((1, 4, 5, 7), "f4"))


def test_constants_are_converted_once():
    blob = Blob(small().build())
    memory, weights = Memory(blob), blob.stages[1].buffer("weights")
    assert memory.read(weights) is memory.read(weights)


def test_reads_past_the_end_of_an_arena_have_room():
    a = Assembler()
    a.bss = 64
    a.stage(19, b"", [a.buffer([64], BSS, 32), a.io(OUTPUT, "y", [64])])
    memory = Memory(Blob(a.build()))
    assert memory.view(Blob(a.build()).stages[0].inputs[0]).sum() == 0


def program(*buffers, bss=64, slices=1):
    a = Assembler()
    a.bss, a.slices = bss, slices
    a.stage(19, b"", [make(a) for make in buffers])
    return Blob(a.build())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda a: a.buffer([4], BSS, -8), "begins before"),
        (lambda a: a.buffer([4], INPUT, 0, index=7), "no memory of this blob"),
        (lambda a: a.buffer([4], BLOB, 1 << 20), "beyond the constants"),
    ],
)
def test_impossible_places_are_refused(source, message):
    with pytest.raises(RunError, match=message) as caught:
        Memory(program(source, lambda a: a.io(OUTPUT, "y", [4])))
    assert caught.value.stage == 0
    assert caught.value.type == "Copy"


def test_absurd_sizes_are_refused():
    out = lambda a: a.io(OUTPUT, "y", [4])  # noqa: E731
    for blob in (
        program(lambda a: a.buffer([4], CMX), out, slices=LIMIT_BYTES // 131072),
        program(lambda a: a.buffer([4], BSS, 0x7FFFFFF0), out, bss=0xFFFFFFFF, slices=19000),
    ):
        with pytest.raises(RunError, match="MiB of memory"):
            Memory(blob)
