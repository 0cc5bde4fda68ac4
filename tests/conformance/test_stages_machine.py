"""Every case, run by the machine, against OpenVINO on the source."""

import sys
from pathlib import Path

import pytest

from oakwright.blob import Location, StageType
from oakwright.machine import KERNELS, UNSUPPORTED, Machine
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
    for entry in tomllib.loads(Path(__file__).with_name("exceptions.toml").read_text())["machine"]
    for name in entry["cases"]
}

NAN_BYTE = 0xFF  # two of them are a NaN in FP16

# Stage types with a kernel that no network makes the engine emit, and why.
UNREACHED = {
    StageType.Div: "a division becomes Power(-1) and Prod",
    StageType.Not_equal: "the engine refuses the comparison's S32 result",
    StageType.Greater_equal: "the engine refuses the comparison's S32 result",
    StageType.Less_equal: "the engine refuses the comparison's S32 result",
    StageType.Logical_OR: "the engine refuses the S32 result",
    StageType.Logical_XOR: "the engine refuses the S32 result",
    StageType.SCRelu: "the engine only merges these with an option that is off",
    StageType.ExpPriorGridGenerator: "the engine cannot read the attribute 'flatten' of its own IR",
}


def worst(name: str) -> float:
    """The greatest difference over a case's outputs."""
    case = CASES[name]
    blob, given = case.blob(), case.inputs()
    stored = {info.name: as_stored(info, given[info.name]) for info in blob.inputs}
    machine = Machine(blob)
    for scratch in (Location.BSS, Location.CMX):
        machine.memory.arena(scratch)[:] = NAN_BYTE  # what nobody wrote must not matter
    got, wanted = machine.run(stored), case.reference(given)
    assert set(got) == set(wanted)
    return max(
        difference(from_stored(info, got[info.name]), wanted[info.name]) for info in blob.outputs
    )


def check(name: str) -> None:
    types = {stage.type for stage in CASES[name].blob().walk()}
    assert set(CASES[name].covers) <= types
    assert not types & (set(UNREACHED) | set(UNSUPPORTED)), "reached: take it out of the table"
    found = worst(name)
    exception = EXCEPTIONS.get(name)
    if exception is None:
        assert found <= ONE_ROUNDING
    elif exception["kind"] == "rounding":
        assert ONE_ROUNDING < found <= WORST, "no exception any more? take it out of the file"
    else:
        assert found > WORST, "no exception any more? take it out of the file"


@pytest.mark.parametrize("name", names(slow=False))
def test_machine_agrees_with_openvino(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", names(slow=True))
def test_machine_agrees_on_large_networks(name):
    check(name)


def test_every_kernel_has_a_case_or_a_reason():
    covered = {kind for case in CASES.values() for kind in case.covers}
    assert set(KERNELS) - covered == set(UNREACHED)


def test_exceptions_are_few_and_known():
    assert set(EXCEPTIONS) <= set(CASES)
    assert len(EXCEPTIONS) <= len(CASES) / 20
    assert all(entry["reason"] for entry in EXCEPTIONS.values())
