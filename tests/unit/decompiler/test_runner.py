"""Decompiling and running whole blobs: names, types, errors, and nothing worse on bad bytes."""

import random
import struct
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

import oakwright
from oakwright.blob import Blob, StageType
from oakwright.decompiler import CompiledBlob, decompile, lift_graph, run
from oakwright.errors import BlobError, RunError, UsageError
from oakwright.machine import Machine

CORPUS = sorted((Path(__file__).parents[2] / "corpus" / "blobs").glob("*.blob"))
ONE_ROUNDING = 5e-4


def arrays(blob: Blob, seed: int = 0) -> dict[str, np.ndarray]:
    """An array for each input, small enough for FP16 all through."""
    rng = np.random.default_rng(seed)
    made = {}
    for info in blob.inputs:
        shape = (info.desc.shape[0] * blob.batch_size, *info.desc.shape[1:])
        values = (
            rng.uniform(0, 200, shape) if info.desc.dtype.kind == "u" else rng.normal(size=shape)
        )
        made[info.name] = values.astype(info.desc.dtype)
    return made


@pytest.fixture(params=CORPUS, ids=lambda path: path.stem)
def blob(request):
    return Blob.open(request.param)


def test_agrees_with_the_machine(blob):
    given = arrays(blob)
    got, wanted = CompiledBlob(blob).infer(given), Machine(blob).run(given)
    assert set(got) == set(wanted)
    for name, array in got.items():
        assert array.dtype == wanted[name].dtype
        assert array.shape == wanted[name].shape
        scale = np.abs(wanted[name].astype(np.float64)).max()
        apart = np.abs(array.astype(np.float64) - wanted[name].astype(np.float64)).max()
        assert apart <= 8 * ONE_ROUNDING * max(scale, 1e-3)


def test_model_has_the_names_and_types_of_the_blob(blob):
    model = decompile(blob)
    types = {"U8": ov.Type.u8, "FP16": ov.Type.f16, "FP32": ov.Type.f32, "I32": ov.Type.i32}
    for port, info in zip(model.inputs, blob.inputs, strict=True):
        assert port.get_names() == {info.name}
        assert port.get_node().get_friendly_name() == info.name
        assert port.element_type == types[info.desc.precision.value]
    for port, info in zip(model.outputs, blob.outputs, strict=True):
        assert port.get_names() == {info.name}
        assert port.element_type == types[info.desc.precision.value]
        assert port.get_node().input_value(0).get_node().get_friendly_name() == info.name


def test_layers_are_named_once(blob):
    names = [op.get_friendly_name() for op in decompile(blob).get_ops()]
    assert len(names) == len(set(names))


def test_simplifying_changes_no_number(blob):
    from tests.unit.decompiler.graphs import computed

    plain, pretty = (lift_graph(blob, simplified=choice) for choice in (False, True))
    for graph in (plain, pretty):
        graph.outputs = [
            (n, v.node.inputs[0] if v.node.op == "Convert" else v) for n, v in graph.outputs
        ]
    assert len(pretty.nodes()) <= len(plain.nodes())
    if any(v.dtype.kind != "f" for v in plain.inputs):
        pytest.skip("random integers are tested through the machine")
    before, after = computed(plain), computed(pretty)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(b, a, atol=2e-5 * max(np.abs(a).max(), 1e-6))


def test_decompiled_model_is_saved_and_read_again(blob, tmp_path):
    model = decompile(blob)
    ov.save_model(model, tmp_path / "model.xml", compress_to_fp16=False)
    again = ov.Core().read_model(tmp_path / "model.xml")
    assert [i.get_names() for i in again.inputs] == [i.get_names() for i in model.inputs]

    def kinds(of):
        return sorted(o.get_type_name() for o in of.get_ops() if o.get_type_name() != "Constant")

    assert kinds(again) == kinds(model)


def test_public_names_do_the_same():
    blob = Blob.open(CORPUS[0])
    given = arrays(blob)
    first, second = oakwright.run(blob, given), run(blob, given)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[k], second[k]) for k in first)
    assert isinstance(oakwright.decompile(blob), ov.Model)


def test_a_path_is_as_good_as_a_blob():
    path = CORPUS[0]
    given = arrays(Blob.open(path))
    for name, value in run(str(path), given).items():
        np.testing.assert_array_equal(value, run(Blob.open(path), given)[name])
    assert decompile(path).get_friendly_name() == decompile(Blob.open(path)).get_friendly_name()
    with pytest.raises(UsageError, match=r"cannot read nowhere\.blob"):
        run("nowhere.blob", given)
    with pytest.raises(UsageError, match="arrays by name, not ndarray"):
        run(path, next(iter(given.values())))
    assert Blob(path).digest == Blob.open(path).digest


def test_wrong_inputs_are_told_apart():
    blob = Blob.open(next(p for p in CORPUS if p.stem == "classifier--4"))
    network, given = CompiledBlob(blob), arrays(blob)
    name = blob.inputs[0].name
    with pytest.raises(RunError, match="no array for input"):
        network.infer({})
    with pytest.raises(RunError, match="has no input 'other'"):
        network.infer({**given, "other": given[name]})
    with pytest.raises(RunError, match="has shape"):
        network.infer({name: given[name][..., :-1]})
    with pytest.raises(RunError, match="not numbers"):
        network.infer({name: np.full(given[name].shape, "x")})


def test_floats_for_an_integer_input_must_be_integers():
    blob = Blob.open(next(p for p in CORPUS if p.stem == "blur--6"))
    if blob.inputs[0].desc.dtype.kind != "u":
        pytest.skip("no integer input in this corpus file")
    network, given = CompiledBlob(blob), arrays(blob)
    name = blob.inputs[0].name
    whole = network.infer({name: given[name].astype(np.float64)})
    assert all(np.array_equal(v, network.infer(given)[k]) for k, v in whole.items())
    with pytest.raises(RunError, match="cannot hold"):
        network.infer({name: given[name] + 0.5})


def test_results_are_own_copies():
    blob = Blob.open(CORPUS[0])
    network = CompiledBlob(blob)
    first = network.infer(arrays(blob, 1))
    kept = {k: v.copy() for k, v in first.items()}
    network.infer(arrays(blob, 2))
    assert all(np.array_equal(first[k], kept[k]) for k in kept)


@pytest.mark.parametrize("words", [{"precision": "f64"}, {"hint": "FAST"}])
def test_options_are_checked(words):
    with pytest.raises(UsageError, match="is no"):
        CompiledBlob(Blob.open(CORPUS[0]), **words)


def with_types(data: bytes, old: StageType, new: int) -> bytes:
    """The blob with a stage type renumbered, at both places of each record."""
    blob, changed = Blob.from_bytes(data), bytearray(data)
    for stage in blob.walk():
        if stage.type is old:
            for at in (stage.offset + 4, stage.offset + stage.length - 8):
                struct.pack_into("<I", changed, at, new)
    return bytes(changed)


def test_every_stage_that_cannot_be_lifted_is_named_at_once():
    path = next(p for p in CORPUS if p.stem == "classifier--4")
    blob = Blob.open(path)
    kind = next(s.type for s in blob.stages if s.type is not StageType.MyriadXHwOp)
    broken = Blob.from_bytes(with_types(path.read_bytes(), kind, 999))
    wanted = {s.index: "Unknown999" for s in blob.walk() if s.type is kind}
    with pytest.raises(RunError) as caught:
        decompile(broken)
    assert caught.value.stages == wanted
    assert caught.value.stage == next(iter(wanted))
    assert caught.value.type == "Unknown999"
    assert "reference machine" in caught.value.remedy


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Words of the stages, constants and shapes changed; the headers mostly left alone."""
    changed = bytearray(data)
    words = (0, 1, 2, 3, 5, 7, 16, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 20)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(132 // 4, len(changed) // 4) * 4
        old = struct.unpack_from("<I", changed, at)[0]
        new = chance.choice((*words, old + 1, old - 1, old * 2, old // 2, old ^ 4, old + 64))
        struct.pack_into("<I", changed, at, new & 0xFFFFFFFF)
    return bytes(changed)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_damaged_blobs_raise_our_errors_only(path):
    data, chance = path.read_bytes(), random.Random(path.stem)
    outcomes = {"whole": 0, "refused": 0}
    for _ in range(60):
        try:
            decompile(Blob.from_bytes(damaged(data, chance)))
            outcomes["whole"] += 1
        except (BlobError, RunError):
            outcomes["refused"] += 1
    assert outcomes["refused"]
