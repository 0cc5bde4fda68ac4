"""Every case, decompiled and run on the CPU plugin, against OpenVINO on the source."""

import sys
from pathlib import Path

import numpy as np
import pytest

from oakwright.blob import Blob, StageType
from oakwright.compiler import CompileOptions, compile_ir
from oakwright.decompiler import LIFTS, CompiledBlob
from oakwright.ir import legalise, serialise
from oakwright.machine import KERNELS
from tests.conformance.stages import (
    CASES,
    ONE_ROUNDING,
    WORST,
    as_stored,
    difference,
    from_stored,
    names,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXCEPTIONS = {
    name: entry
    for entry in tomllib.loads(Path(__file__).with_name("exceptions_decompiler.toml").read_text())[
        "decompiler"
    ]
    for name in entry["cases"]
}


def stored(blob, given):
    return {info.name: as_stored(info, given[info.name]) for info in blob.inputs}


def worst(name: str) -> float:
    """The greatest difference over a case's outputs."""
    case = CASES[name]
    blob, given = case.blob(), case.inputs()
    got = CompiledBlob(blob).infer(stored(blob, given))
    wanted = case.reference(given)
    assert set(got) == set(wanted)
    for info in blob.outputs:
        assert got[info.name].dtype == info.desc.dtype
    return max(
        difference(from_stored(info, got[info.name]), wanted[info.name]) for info in blob.outputs
    )


def check(name: str) -> None:
    found = worst(name)
    exception = EXCEPTIONS.get(name)
    if exception is None:
        assert found <= ONE_ROUNDING
    elif exception["kind"] == "rounding":
        assert ONE_ROUNDING < found <= WORST, "no exception any more? take it out of the file"
    else:
        assert found > WORST, "no exception any more? take it out of the file"


@pytest.mark.parametrize("name", names(slow=False))
def test_decompiled_agrees_with_openvino(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", names(slow=True))
def test_decompiled_agrees_on_large_networks(name):
    check(name)


def test_exceptions_are_few_and_known():
    assert set(EXCEPTIONS) <= set(CASES)
    assert len(EXCEPTIONS) <= len(CASES) / 20
    assert all(entry["reason"] for entry in EXCEPTIONS.values())


def test_whatever_the_machine_runs_is_lifted():
    assert set(KERNELS) <= set(LIFTS)
    assert StageType.LoopStart not in LIFTS


# --- back into a blob --------------------------------------------------------------------------

# One of each kind of network, and layers that the compiler takes apart most.
AGAIN = [
    "hw_conv_3x3",
    "hw_conv_depthwise_20_stride_2",
    "hw_conv_tiles_large_plane_5x5_stride_2_pool",
    "deconv_4x4_stride_2",
    "net_batch_3",
    "net_squeeze_excite",
    "net_ssd_heads",
    "net_yolo_silu",
    "net_unet_96",
    "net_resnet_64",
    "net_densenet",
    "net_shufflenet",
]


# Of these the second blob has the very stages of the first, and nearly all of its bytes.
IDENTICAL = ["hw_conv_3x3", "hw_conv_7x7", "net_squeeze_excite", "net_shufflenet", "net_unet_96"]


def recompiled(model, shaves: int) -> Blob:
    return Blob.from_bytes(
        compile_ir(*serialise(legalise(model).model), CompileOptions(shaves=shaves))
    )


@pytest.mark.parametrize("name", IDENTICAL)
def test_the_same_program_comes_back(name):
    blob = CASES[name].blob()
    again = recompiled(CompiledBlob(blob).model, blob.shaves)
    assert [(s.type, s.params) for s in again.walk()] == [(s.type, s.params) for s in blob.walk()]
    assert again.size == blob.size
    a, b = (np.frombuffer(bytes(each), np.uint8) for each in (blob, again))
    assert (a == b).mean() > 0.999


@pytest.mark.parametrize("name", AGAIN)
def test_decompiled_compiles_to_a_blob_of_the_same_outputs(name):
    case = CASES[name]
    blob, given = case.blob(), case.inputs()
    network = CompiledBlob(blob)
    again = recompiled(network.model, 6)
    assert [i.name for i in again.inputs] == [i.name for i in blob.inputs]
    assert [(o.name, o.spec.shape) for o in again.outputs] == [
        (o.name, o.spec.shape) for o in blob.outputs
    ]
    first = network.infer(stored(blob, given))
    second = CompiledBlob(again).infer(stored(again, given))
    for key in first:
        assert np.isfinite(first[key]).all()
        assert difference(second[key], first[key]) <= WORST
