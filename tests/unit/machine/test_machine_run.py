"""The loop of the machine: what it accepts, refuses, gives, and tells."""

import json
from pathlib import Path

import numpy as np
import pytest

from oakwright.blob import Blob, StageType
from oakwright.errors import OakwrightError, OutputError, RunError
from oakwright.machine import (
    KERNELS,
    UNSUPPORTED,
    Machine,
    RunEnd,
    RunStart,
    StageEnd,
    StageStart,
    run,
    write_trace,
)
from tests.unit.blob.assembler import BSS, INPUT, OUTPUT, Assembler, f32, small, u32
from tests.unit.blob.every_stage import one_stage

T = StageType
CORPUS = sorted((Path(__file__).parents[2] / "corpus" / "blobs").glob("*.blob"))
# Types that make sense of any parameters, at least of those below.
ANYTHING_GOES = {
    T.MaxPool, T.AvgPool, T.Relu, T.LRN, T.Sum, T.Prod, T.Max, T.InnerLRN, T.Copy, T.Sigmoid,
    T.Tanh, T.Elu, T.Power, T.LeakyRelu, T.Clamp, T.GRN, T.MVN, T.Interp, T.Div, T.Min,
    T.Squared_diff, T.Equal, T.Not_equal, T.Greater, T.Greater_equal, T.Less, T.Less_equal,
    T.Logical_NOT, T.Logical_AND, T.Logical_OR, T.Logical_XOR, T.Pow, T.Floor_mod, T.Select,
    T.Log, T.Exp, T.Floor, T.Erf, T.Convert, T.ScatterElementsUpdate, T.Mish, T.Gelu, T.SoftPlus,
    T.Swish, T.HSwish, T.Ceiling, T.GatherElements, T.Round, T.LoopStart,
}  # fmt: skip
STEERING = {StageType.LoopStart, StageType.LoopEnd}


def arrays(blob, seed=0):
    rng = np.random.default_rng(seed)
    return {i.name: rng.integers(0, 9, i.desc.shape).astype(i.desc.dtype) for i in blob.inputs}


def sums(batch=1):
    """y = x + x on U8, made FP16 first."""
    a = Assembler()
    a.batch = batch
    x, y = a.io(INPUT, "x", [4, 2], kind=1), a.io(OUTPUT, "y", [4, 2])
    half = a.buffer([4, 2], BSS)
    a.stage(111, f32(1, 0) + u32(0, 1), [x, half])
    a.stage(12, f32(1, 1) + u32(-1) + f32(0, 0, 1), [half, y, half, a.fake()])
    return Blob(a.build())


def test_every_type_has_a_kernel_or_a_reason_and_not_both():
    assert set(KERNELS) | set(UNSUPPORTED) | STEERING == set(StageType)
    assert not set(KERNELS) & set(UNSUPPORTED)
    assert all(UNSUPPORTED.values())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_corpus_runs_twice_the_same(path):
    blob = Blob.open(path)
    machine = Machine(blob)
    first, second = machine.run(arrays(blob)), machine.run(arrays(blob))
    assert [info.name for info in blob.outputs] == list(first)
    for info in blob.outputs:
        assert first[info.name].shape == info.desc.shape
        assert first[info.name].dtype == info.desc.dtype
        assert np.array_equal(first[info.name], second[info.name], equal_nan=True)


def test_a_run_on_full_memory_gives_what_a_run_on_empty_memory_gives():
    for path in CORPUS:
        blob = Blob.open(path)
        machine = Machine(blob)
        machine.run(arrays(blob, seed=1))
        again, fresh = machine.run(arrays(blob)), run(blob, arrays(blob))
        assert all(np.array_equal(again[name], fresh[name]) for name in fresh)


@pytest.mark.parametrize("kind", ["u1", "i8", "f4", "f8", "?"])
def test_inputs_of_any_type_that_holds_the_values(kind):
    x = np.array([[0, 1, 1, 0], [1, 1, 0, 1]])
    assert run(sums(), {"x": x.astype(kind)})["y"].tolist() == (2 * x).tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no array for input 'x'"),
        ({"x": np.zeros((2, 4)), "z": np.zeros(1)}, "no input 'z'"),
        ({"x": np.zeros((4, 2))}, r"shape \(4, 2\), the blob takes \(2, 4\)"),
        ({"x": np.full((2, 4), 256)}, "U8 cannot hold"),
        ({"x": np.full((2, 4), 0.5)}, "U8 cannot hold"),
        ({"x": np.full((2, 4), "a")}, "not numbers"),
    ],
)
def test_inputs_that_do_not_fit_are_named(given, message):
    with pytest.raises(RunError, match=message) as caught:
        run(sums(), given)
    assert caught.value.input in ("x", "z")


def test_a_batch_runs_sample_by_sample():
    x = np.arange(24).reshape(6, 4)
    assert run(sums(batch=3), {"x": x})["y"].tolist() == (2 * x).tolist()
    with pytest.raises(RunError, match=r"takes \(6, 4\)"):
        run(sums(batch=3), {"x": x[:2]})


def test_all_stages_without_a_kernel_are_named_at_once():
    a = Assembler()
    x, y = a.io(INPUT, "x", [4]), a.io(OUTPUT, "y", [4])
    for number in (58, 19, 777, 56):
        params = u32(1, 1, 1, 1, 0, 0, 1, 1) if number == 58 else b""
        a.stage(number, params, [x, y, x] if number == 58 else [x, y])
    with pytest.raises(RunError, match="cannot run") as caught:
        Machine(Blob(a.build()))
    text = caught.value.message
    assert all(name in text for name in ("RefConvolution", "Unknown777", "HwFcRelayout"))
    assert (caught.value.stage, caught.value.type) == (0, "RefConvolution")


def test_what_a_kernel_refuses_is_told_with_its_stage():
    a = Assembler()
    x, y = a.io(INPUT, "x", [4]), a.io(OUTPUT, "y", [4])
    a.stage(19, b"", [x, y])
    a.stage(28, u32(0, 3), [x, y])
    with pytest.raises(RunError, match=r"stage 1 \(Tile\) failed") as caught:
        run(Blob(a.build()), {"x": np.zeros(4)})
    assert (caught.value.stage, caught.value.type) == (1, "Tile")


def loop(iterations=3, outer=3, end=True):
    """y[i] = x[i] + x[i] for each row."""
    a = Assembler()
    x, y = a.io(INPUT, "x", [4, outer]), a.io(OUTPUT, "y", [4, outer])
    row, twice = a.buffer([4, 1], BSS), a.buffer([4, 1], BSS, 64)
    rule = u32(1, 1, 0, 1, -1)
    a.stage(119, u32(iterations, 3) + rule, [x, row])
    a.stage(12, f32(1, 1) + u32(-1) + f32(0, 0, 1), [row, twice, row, a.fake()])
    if end:
        a.stage(120, u32(iterations) + rule, [y, twice])
    return Blob(a.build())


def test_loops_cut_and_paste_slices():
    x = np.arange(12).reshape(3, 4)
    steps = []
    got = run(loop(), {"x": x}, tracer=lambda event: steps.append(event))
    assert got["y"].tolist() == (2 * x).tolist()
    indices = [event.stage.index for event in steps if isinstance(event, StageStart)]
    assert indices == [0, 1, 2] * 3


def test_loops_that_leave_their_tensors_are_refused():
    with pytest.raises(RunError, match=r"LoopStart\) failed: round 3"):
        run(loop(iterations=4), {"x": np.zeros((3, 4))})


def test_the_end_of_a_loop_that_did_not_start():
    a = Assembler()
    x, y = a.io(INPUT, "x", [4]), a.io(OUTPUT, "y", [4])
    a.stage(120, u32(2, 1) + u32(0, 0, 4, -1), [y, x])
    with pytest.raises(RunError, match="did not start"):
        run(Blob(a.build()), {"x": np.zeros(4)})


def test_endless_loops_stop(monkeypatch):
    monkeypatch.setattr("oakwright.machine.machine.MOST_STEPS", 100)
    a = Assembler()
    x, y = a.io(INPUT, "x", [4]), a.io(OUTPUT, "y", [4])
    a.stage(119, u32(1 << 31, 2, 0), [])
    a.stage(19, b"", [x, y])
    a.stage(120, u32(1 << 30, 0), [])
    with pytest.raises(RunError, match="stopped after 100 steps"):
        run(Blob(a.build()), {"x": np.zeros(4)})


def test_tracers_are_told_everything_in_order():
    events = []
    blob = Blob(small().build())
    run(blob, arrays(blob), tracer=events.append)
    assert isinstance(events[0], RunStart)
    assert isinstance(events[-1], RunEnd)
    stages = [e.stage.name for e in events if isinstance(e, StageEnd)]
    assert stages == ["Convert", "Copy", "MyriadXHwOp", "Sum"]  # injected first
    starts = [e for e in events if isinstance(e, StageStart)]
    assert list(starts[2].inputs) == ["input", "weights", "scale"]
    last = [e for e in events if isinstance(e, StageEnd)][-1]
    assert last.outputs["output"].dtype == np.float16


def test_a_trace_can_be_read_back(tmp_path):
    blob = Blob.open(CORPUS[0])
    with write_trace(tmp_path / "deep" / "trace") as tracer:
        got = run(blob, arrays(blob), tracer=tracer)
    folder = tmp_path / "deep" / "trace"
    lines = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    assert [line["type"] for line in lines] == [stage.name for stage in blob.walk()]
    written = {}
    for line in lines:
        held = np.load(folder / line["file"])
        assert sorted(held.files) == sorted(line["arrays"])
        for operand in line["operands"]:
            if operand["place"].startswith("output[0]") and f"out.{operand['role']}" in held:
                written = held[f"out.{operand['role']}"]
    assert np.array_equal(written, got[blob.outputs[0].name])


def test_a_trace_that_cannot_be_written_says_where(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write the trace"), write_trace(tmp_path / "file"):
        pass


@pytest.mark.parametrize("kind", sorted(StageType), ids=lambda kind: kind.label)
def test_nothing_but_our_errors_whatever_the_parameters(kind):
    """A stage of any type with parameters of no meaning runs or is refused, by name."""
    blob = Blob(one_stage(kind))
    if kind in ANYTHING_GOES:
        run(blob, {})
    else:
        with pytest.raises(RunError, match=kind.label):
            run(blob, {})


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_damaged_blobs_run_or_are_refused(path, monkeypatch):
    """Words of the stages and shapes overwritten: any other exception would fail this."""
    monkeypatch.setattr("oakwright.machine.memory.LIMIT_BYTES", 64 << 20)
    monkeypatch.setattr("oakwright.machine.machine.MOST_STEPS", 1000)
    whole = path.read_bytes()
    header = Blob(whole).header
    rng = np.random.default_rng(len(whole))
    words = [0, 1, 2, 3, 7, 255, 1 << 16, 1 << 31, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800000, 0x7FC00000]
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(header.stage_section_offset, len(whole) - 4)) // 4 * 4
            damaged[at : at + 4] = u32(words[rng.integers(len(words))])
        try:
            machine = Machine(Blob(bytes(damaged)))  # refuses large shapes, so arrays are small
            machine.run(arrays(machine.blob))
        except OakwrightError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("batch", [0, 1 << 20])
def test_absurd_batches_are_refused(batch):
    with pytest.raises(RunError, match=f"a batch of {batch}"):
        Machine(sums(batch))


def test_two_inputs_in_one_place_are_refused():
    a = Assembler()
    x, y = a.io(INPUT, "x", [4]), a.io(OUTPUT, "y", [4])
    a.infos[INPUT].append(a.infos[INPUT][0])
    a.stage(19, b"", [x, y])
    with pytest.raises(RunError, match="no memory of its own"):
        Machine(Blob(a.build()))
