"""Differences by field, stages aligned, constants by content."""

import json
from pathlib import Path

import numpy as np
import pytest

from oakwright.blob import Blob, Difference, diff, to_json
from tests.unit.blob.assembler import BSS, CMX, INPUT, OUTPUT, Assembler, conv_op, f32, small, u32

CORPUS = Path(__file__).parents[2] / "corpus" / "blobs"


def read(a, **changes):
    return Blob.from_bytes(a.build(**changes))


def paths(a, b):
    return [each.path for each in diff(a, b)]


def test_equal_blobs_do_not_differ():
    assert diff(read(small()), read(small())) == []


def test_version_stamp():
    blob = read(small())
    assert [str(d) for d in diff(blob, blob.with_version(2021, 4))] == [
        "header.ver_major: 6 | 2021",
        "header.ver_minor: 0 | 4",
    ]


def chain(*stages, shaves=1, name="x"):
    """Unary stages one after the other on a vector."""
    a = Assembler()
    source, target = a.io(INPUT, name, [32]), a.io(OUTPUT, "y", [32])
    for at, (number, params) in enumerate(stages):
        one = source if at == 0 else a.buffer([32], BSS, 64 * at)
        other = target if at == len(stages) - 1 else a.buffer([32], BSS, 64 * at + 64)
        a.stage(number, params, [one, other], shaves=shaves)
    return read(a)


SIGMOID, TANH, ELU = (20, b""), (21, b""), (23, f32(1))


def test_one_parameter():
    found = diff(chain(SIGMOID, ELU), chain(SIGMOID, (23, f32(0.5))))
    assert found == [Difference("stages[1].params.alpha", 1.0, 0.5)]


def test_one_stage_more_does_not_spoil_the_rest():
    a = chain(SIGMOID, ELU, TANH)
    b = chain(SIGMOID, ELU, ELU, TANH)
    found = paths(a, b)
    assert [p for p in found if p.startswith("stages[2]")] == ["stages[2]"]
    others = {p.partition(".")[2] for p in found if p.startswith("stages") and "." in p}
    assert others <= {"input.offset", "output.offset"} | {"output.location"}
    assert not any(".params" in p or ".type" in p for p in found)


def test_a_replaced_stage_is_paired_by_type():
    found = diff(chain(SIGMOID, ELU, TANH), chain(SIGMOID, TANH, TANH))
    gone = [d for d in found if d.path == "stages[1]"]
    assert [(d.a, d.b) for d in gone] == [("stage 1 (Elu)", None), (None, "stage 1 (Tanh)")]


def test_shaves_are_reported_per_stage():
    found = diff(chain(SIGMOID, ELU, shaves=1), chain(SIGMOID, ELU, shaves=4))
    assert [(d.path, d.a, d.b) for d in found] == [
        ("stages[0].shaves", 1, 4),
        ("stages[1].shaves", 1, 4),
    ]


def test_names_of_inputs_and_missing_ones():
    assert paths(chain(SIGMOID), chain(SIGMOID, name="z")) == ["inputs[0].name"]
    a, b = Assembler(), Assembler()
    a.io(INPUT, "one", [4])
    for name in ("one", "two"):
        b.io(INPUT, name, [4])
    found = [d for d in diff(read(a), read(b)) if d.path == "inputs[1]"]
    assert found[0].a is None
    assert found[0].b.name == "two"
    assert [d.b for d in diff(read(b), read(a)) if d.path == "inputs[1]"] == [None]


def scaled(values, pad=0, kind=0):
    a = Assembler()
    a.constant(bytes(pad))
    data = np.asarray(values, np.float16 if kind == 0 else np.int32).tobytes()
    a.stage(
        15,
        b"",
        [a.buffer([4], BSS), a.buffer([4], BSS, 64), a.weights([len(values)], data, kind=kind)],
    )
    return read(a)


def test_constants_are_compared_by_content():
    (found,) = diff(scaled([1, 2, 3, 4]), scaled([1, 2, 3, 4.5]))
    assert found.path == "stages[0].scale.content"
    assert found.note == "1 of 4 values differ, by 0.5 at most"
    assert str(found).startswith("stages[0].scale.content: sha256 ")
    # A NaN is like itself; zeros of both signs are not alike.
    assert diff(scaled([np.nan] * 4), scaled([np.nan] * 4)) == []
    assert paths(scaled([0.0] * 4), scaled([-0.0] * 4)) == ["stages[0].scale.content"]


def test_constants_elsewhere_in_the_file_are_no_difference():
    found = paths(scaled([1, 2, 3, 4]), scaled([1, 2, 3, 4], pad=4))
    assert found == ["bytes"]
    moved = paths(scaled([1, 2, 3, 4]), scaled([1, 2, 3, 4], pad=64))
    assert moved == ["header.file_size"]


def test_constants_of_another_type():
    found = paths(scaled([1, 2]), scaled([1, 2], kind=2))
    assert "stages[0].scale.desc.data_type" in found
    assert "stages[0].scale.content" in found


def test_an_absent_operand():
    a, b = small(), small()
    words = f32(1, 1) + u32(-1) + f32(0, 0, 1)
    vector = [a.buffer([4], BSS, 64 * i) for i in range(4)]
    a.stage(12, words, [*vector[:3], a.fake()])
    vector = [b.buffer([4], BSS, 64 * i) for i in range(4)]
    b.stage(12, words, vector)
    found = paths(read(a), read(b))
    assert "stages[3].input2.location" in found


def test_an_operand_that_one_side_has_not():
    def conv(count):
        a = Assembler()
        a.stage(0, u32(3, 3, 1, 1, 1, 1, 1, 1), [a.buffer([4], BSS, 64 * i) for i in range(count)])
        return read(a)

    (found,) = (d for d in diff(conv(3), conv(4)) if d.path.endswith("temp"))
    assert (found.a, found.b) == (None, "FP16 4 C @ bss+192")
    assert str(found) == "stages[0].temp: - | FP16 4 C @ bss+192"


def test_places_are_told_by_name():
    a, b = chain(SIGMOID, ELU), Assembler()
    source, target = b.io(INPUT, "x", [32]), b.io(OUTPUT, "y", [32])
    middle = b.buffer([32], CMX, 64)
    b.stage(*SIGMOID, [source, middle])
    b.stage(*ELU, [middle, target])
    assert [str(d) for d in diff(a, read(b))] == [
        "stages[0].output.location: BSS | CMX",
        "stages[1].input.location: BSS | CMX",
    ]


def test_an_injected_stage_on_one_side():
    c = Assembler()
    buffers = [c.buffer([6, 5, 4, 1], BSS), c.buffer([6, 5, 4, 1], BSS, 512)]
    copy = c.record(19, b"", buffers, shaves=0)
    d = Assembler()
    plain = [d.buffer([6, 5, 4, 1], BSS), d.buffer([6, 5, 4, 1], BSS, 512)]
    op = conv_op((0, 1, -1, -1, -1))
    c.hw_stage([op], buffers, copy)
    d.hw_stage([op], plain)
    found = [each for each in diff(read(c), read(d)) if each.path.endswith("injected")]
    assert [(e.path, e.a, e.b) for e in found] == [("stages[0].injected", "Copy", None)]


def test_more_hardware_operations():
    def stage(count):
        a = Assembler()
        ops = [conv_op((0, 1, -1, -1, -1))] * count
        a.hw_stage(ops, [a.buffer([4], BSS), a.buffer([4], BSS, 64)])
        return read(a)

    found = [d for d in diff(stage(1), stage(2)) if d.path.startswith("stages")]
    assert [d.path for d in found] == ["stages[0].params.ops[1]"]
    assert found[0].a is None


def test_two_shave_counts_of_one_model():
    a, b = (Blob.open(CORPUS / f"blur--{shaves}.blob") for shaves in (1, 6))
    found = diff(a, b)
    assert Difference("header.number_of_shaves", 1, 6) in found
    assert Difference("stages[0].shaves", 1, 6) in found
    assert Difference("stages[1].shaves", 1, 5) in found
    # Same program, same constants: only places, shaves and sizes.
    allowed = ("header.", ".shaves", ".offset", ".location")
    assert all(any(word in d.path for word in allowed) for d in found)
    assert [d.path for d in diff(b, a)] == [d.path for d in found]


@pytest.mark.parametrize("name", ["classifier--4", "detector--1"])
def test_json_is_json(name):
    blob = Blob.open(CORPUS / f"{name}.blob")
    told = json.loads(json.dumps(to_json(blob), allow_nan=False))
    assert told["header"]["magic"] == 9709
    assert len(told["stages"]) == len(blob.stages)
    assert told["inputs"][0]["shape"] == list(blob.inputs[0].spec.shape)
    assert told["findings"] == []
    assert told["memory"]["stages"][0]["name"] == blob.stages[0].name


def test_json_of_numbers_it_does_not_know():
    told = to_json(chain((23, f32(float("inf"))), (23, f32(float("nan")))))
    assert [s["params"]["alpha"] for s in told["stages"]] == ["inf", "nan"]
    json.dumps(told, allow_nan=False)
