"""Every architecture becomes a blob that DepthAI accepts, and still computes what it did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import oakwright
from oakwright.conversion import Converted
from oakwright.errors import EngineNotFound, OakwrightError
from tests.conformance.architectures import ARCHITECTURES, Architecture

SHAVES = 4
TOLERANCE = 1e-3  # max |difference| / max |reference|, module against legalised model, in F32
REFUSED_AT_MOST = 2

CASES = [
    pytest.param(a, id=a.name, marks=[] if a.fast else [pytest.mark.slow]) for a in ARCHITECTURES
]


@pytest.mark.parametrize("architecture", CASES)
def test_architecture(architecture: Architecture, tmp_path: Path) -> None:
    _needs(architecture)
    if architecture.expected != "ok":
        with pytest.raises(OakwrightError) as caught:
            _convert(architecture)
        said = f"{caught.value} {caught.value.where}"
        assert architecture.expected in said
        assert caught.value.remedy or any(f.remedy for f in caught.value.where["findings"])
        return
    made = _convert(architecture)
    agreement = made.manifest["agreement"]
    assert agreement["against"] == "torch"
    assert agreement["difference"] < TOLERANCE
    _accepted_by_depthai(made, tmp_path)


def _needs(architecture: Architecture) -> None:
    if architecture.name.startswith("k_"):
        pytest.importorskip("kornia")


def _convert(architecture: Architecture) -> Converted:
    try:
        return oakwright.convert(
            architecture.module(),
            example_input=architecture.inputs(),
            shaves=SHAVES,
            verify="full",
            cache=False,
        )
    except EngineNotFound as error:
        pytest.skip(str(error))


def _accepted_by_depthai(made: Converted, folder: Path) -> None:
    """depthai reads the same inputs, outputs and shaves out of the blob as we do."""
    depthai = pytest.importorskip("depthai")
    path = folder / "x.blob"
    path.write_bytes(made.blobs[SHAVES])
    theirs, ours = depthai.OpenVINO.Blob(str(path)), made.blob
    assert theirs.numShaves == SHAVES
    assert theirs.stageCount == len(ours.stages)
    _same(theirs.networkInputs, ours.inputs)
    _same(theirs.networkOutputs, ours.outputs)


def _same(theirs: Mapping[str, Any], ours: Any) -> None:
    named = {info.spec.name: info.spec for info in ours}
    assert set(theirs) == set(named)
    for name, tensor in theirs.items():
        # depthai lists dimensions innermost first.
        assert tuple(tensor.dims[::-1]) == named[name].shape
        kind = {"FP16": "FP16", "FP32": "FP32", "INT": "I32", "U8F": "U8"}[tensor.dataType.name]
        assert kind == named[name].precision.value


def test_table_is_complete() -> None:
    names = [a.name for a in ARCHITECTURES]
    assert len(names) == len(set(names))
    assert len(names) >= 74
    assert sum(a.expected != "ok" for a in ARCHITECTURES) <= REFUSED_AT_MOST
    assert 20 <= sum(a.fast for a in ARCHITECTURES) <= 40


@pytest.mark.parametrize(
    "architecture", [pytest.param(a, id=a.name) for a in ARCHITECTURES if a.fast]
)
def test_weights_are_the_same_every_time(architecture: Architecture) -> None:
    _needs(architecture)
    first, second = (architecture.module().state_dict() for _ in range(2))
    assert first.keys() == second.keys()
    for name, weight in first.items():
        np.testing.assert_array_equal(weight.numpy(), second[name].numpy())
