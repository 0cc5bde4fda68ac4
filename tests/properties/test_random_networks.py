"""Random small networks: compiled, decompiled, run, and the same as their source.

Networks are drawn layer by layer, each from what is possible on some tensor made so far, so that
branches, joins and reuse come about by chance. Left out is what the engine itself gets wrong
(see ``exceptions_decompiler.toml``): averages that leave padding out, kernels of 16, transposed
convolutions in groups.
"""

from dataclasses import dataclass, field

import numpy as np
import openvino as ov
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openvino import opset1, opset4

from oakwright.blob import Blob
from oakwright.compiler import CompileOptions, compile_ir
from oakwright.decompiler import CompiledBlob
from oakwright.ir import serialise
from oakwright.machine import Machine
from tests.conformance.builder import Net, output_names
from tests.conformance.stages import WORST, difference


@dataclass
class Drawn:
    """A network under construction: every tensor made so far, and what it is made of."""

    net: Net
    tensors: list = field(default_factory=list)

    def shape(self, x) -> tuple[int, ...]:
        return tuple((x if isinstance(x, ov.Output) else x.output(0)).shape)


def convolve(draw, drawn: Drawn, x):
    channels, height, width = drawn.shape(x)[1:]
    kernel = draw(st.sampled_from([1, 1, 3, 3, 3, 5, 7]))
    stride = draw(st.sampled_from([1, 1, 1, 2])) if min(height, width) >= 8 else 1
    kind = draw(st.sampled_from(["plain", "plain", "depthwise", "grouped"]))
    if kind == "depthwise":
        groups, outputs = channels, channels
    elif kind == "grouped" and channels % 4 == 0:
        groups, outputs = 4, 4 * draw(st.integers(1, 6))
    else:
        groups, outputs = 1, draw(st.integers(1, 48))
    pad = kernel // 2 if draw(st.integers(0, 4)) or min(height, width) < kernel else 0
    return drawn.net.conv(
        x, outputs, kernel, s=stride, pad=pad, groups=groups, bias=draw(st.booleans())
    )


def activate(draw, drawn: Drawn, x):
    return draw(
        st.sampled_from(
            [
                drawn.net.relu,
                drawn.net.relu6,
                lambda y: drawn.net.leaky(y, 0.25),
                opset1.sigmoid,
                opset1.tanh,
                opset4.swish,
                opset4.hswish,
                lambda y: opset1.elu(y, 1.0),
            ]
        )
    )(x)


def pool(draw, drawn: Drawn, x):
    if min(drawn.shape(x)[2:]) < 4:
        return None
    kernel = draw(st.sampled_from([2, 3]))
    pad = kernel // 2 if kernel == 3 else 0
    if draw(st.booleans()):
        return drawn.net.max_pool(x, kernel, s=draw(st.sampled_from([1, 2])), pad=pad)
    return drawn.net.avg_pool(x, 2, s=2)


def join(draw, drawn: Drawn, x):
    """Side by side with, or added to, another tensor of the size."""
    shape = drawn.shape(x)
    fitting = [t for t in drawn.tensors if t is not x and drawn.shape(t)[2:] == shape[2:]]
    if not fitting:
        return None
    other = draw(st.sampled_from(fitting))
    if drawn.shape(other) == shape and draw(st.booleans()):
        return draw(st.sampled_from([opset1.add, opset1.multiply, opset1.maximum]))(x, other)
    return opset1.concat([x, other], 1) if shape[1] + drawn.shape(other)[1] <= 128 else None


def part(draw, drawn: Drawn, x):
    """Some of the channels, or a crop."""
    shape = drawn.shape(x)
    axis = draw(st.sampled_from([1, 2, 3]))
    if shape[axis] < 4:
        return None
    begin = draw(st.integers(0, shape[axis] // 2))
    end = draw(st.integers(begin + 2, shape[axis]))
    low, high = [0] * 4, list(shape)
    low[axis], high[axis] = begin, end
    bounds = [opset1.constant(np.array(b, np.int64)) for b in (low, high, [1] * 4)]
    return opset1.strided_slice(x, *bounds, [0] * 4, [0] * 4)


def enlarge(draw, drawn: Drawn, x):
    height, width = drawn.shape(x)[2:]
    if max(height, width) > 32:
        return None
    if draw(st.booleans()):
        return drawn.net.resize(x, (height * 2, width * 2), coordinates="asymmetric")
    return drawn.net.deconv(x, draw(st.integers(1, 24)), 2, s=2)


def scale(draw, drawn: Drawn, x):
    channels = drawn.shape(x)[1]
    y = opset1.multiply(x, drawn.net.uniform(1, channels, 1, 1, low=0.5, high=1.5))
    return opset1.add(y, drawn.net.uniform(1, channels, 1, 1)) if draw(st.booleans()) else y


LAYERS = [convolve, convolve, convolve, activate, activate, pool, join, join, part, enlarge, scale]


@st.composite
def networks(draw) -> tuple[Net, ov.Model]:
    """A network with one or two inputs and one or two results."""
    net = Net(f"random_{draw(st.integers(0, 1 << 30))}")
    drawn = Drawn(net)
    size = (draw(st.integers(8, 40)), draw(st.integers(8, 40)))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        drawn.tensors.append(net.input(1, draw(st.integers(1, 20)), *size))
    for _ in range(draw(st.integers(1, 8))):
        layer = draw(st.sampled_from(LAYERS))
        source = (
            drawn.tensors[-1] if draw(st.integers(0, 3)) else draw(st.sampled_from(drawn.tensors))
        )
        made = layer(draw, drawn, source)
        if made is not None:
            drawn.tensors.append(made)
    made = [t for t in drawn.tensors if t not in net.parameters]
    last = made[-1] if made else net.relu(drawn.tensors[0])
    if draw(st.integers(0, 3)) == 0:
        mean = opset1.reduce_mean(last, opset1.constant(np.array([2, 3], np.int64)), False)
        last = opset1.softmax(net.linear(mean, draw(st.integers(2, 20))), 1)
    results = [last]
    if len(made) > 2 and draw(st.booleans()) and made[len(made) // 2] is not last:
        results.append(made[len(made) // 2])
    return net, net.model(results)


def compare(net: Net, model: ov.Model, shaves: int) -> None:
    blob = Blob.from_bytes(compile_ir(*serialise(model), CompileOptions(shaves=shaves)))
    rng = np.random.default_rng(0)
    given_ = {name: make(rng) for name, make in net.generators.items()}
    settings_ = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    results = ov.Core().compile_model(model, "CPU", settings_)(
        {p.get_friendly_name(): given_[p.get_friendly_name()] for p in model.get_parameters()}
    )
    wanted = {n: np.array(results[i]) for i, n in enumerate(output_names(model))}
    # The engine drops inputs that no result depends on.
    taken = {info.name: given_[info.name] for info in blob.inputs}
    got = CompiledBlob(blob, config={"INFERENCE_NUM_THREADS": 1}).infer(taken)
    machine = Machine(blob).run(taken)
    for name in wanted:
        assert difference(got[name], machine[name]) <= WORST, "against the machine"
        assert difference(got[name], wanted[name]) <= WORST, "against the source"


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(networks(), st.sampled_from([1, 4, 6, 13]))
def test_random_network_survives_the_blob(network, shaves):
    compare(*network, shaves)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=CHECKS)
@given(networks(), st.sampled_from([1, 4, 6, 13]))
def test_many_random_networks_survive_the_blob(network, shaves):
    compare(*network, shaves)
