"""Random networks on the machine, against OpenVINO on the source."""

import numpy as np
import openvino as ov
import pytest
from hypothesis import HealthCheck, given, settings

from oakwright.blob import Blob
from oakwright.compiler import compile_ir
from oakwright.ir import serialise
from oakwright.machine import run
from tests.conformance.builder import Net, output_names
from tests.conformance.random_networks import build, descriptions
from tests.conformance.stages import WORST, difference


def apart(description) -> float:
    """The greatest difference between the machine and OpenVINO."""
    net = Net(repr(description))
    model = net.model(build(net, description))
    rng = np.random.default_rng(1)
    inputs = {name: make(rng) for name, make in net.generators.items()}
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    wanted = dict(zip(output_names(model), compiled(inputs).values(), strict=True))
    got = run(Blob.from_bytes(compile_ir(*serialise(model))), inputs)
    assert set(got) == set(wanted)
    return max(difference(got[name], wanted[name]) for name in wanted)


# No deadline: a compile waits for the machine's other work.
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}


@settings(max_examples=30, derandomize=True, **QUIET)
@given(descriptions())
def test_random_networks_agree(description):
    assert apart(description) <= WORST


@pytest.mark.slow
@settings(max_examples=400, **QUIET)
@given(descriptions(most=10))
def test_many_random_networks_agree(description):
    assert apart(description) <= WORST
