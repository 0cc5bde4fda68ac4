"""Networks that hypothesis draws: a chain of layers with branches, small and well-conditioned.

``descriptions()`` is the strategy; a description is a tuple of plain values, so that a failing one
can be read, shrunk and written down. ``build(net, description)`` makes the network::

    @given(descriptions())
    def test_something(description):
        net = Net(repr(description))
        model = net.model(build(net, description))
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from openvino import opset1, opset4, opset5

from .builder import Net, node

Description = tuple[tuple[int, int, int], tuple[tuple[Any, ...], ...]]

ACTIVATIONS = {
    "none": lambda net, y: y,
    "relu": lambda net, y: net.relu(y),
    "relu6": lambda net, y: net.relu6(y),
    "leaky": lambda net, y: net.leaky(y, 0.25),
    "sigmoid": lambda net, y: opset1.sigmoid(y),
    "tanh": lambda net, y: opset1.tanh(y),
    "hswish": lambda net, y: opset4.hswish(y),
    "swish": lambda net, y: opset4.swish(y),
    "elu": lambda net, y: opset1.elu(y, 1.0),
    "clamp": lambda net, y: opset1.clamp(y, -2.0, 5.0),
    "mish": lambda net, y: opset4.mish(y),
    "softplus": lambda net, y: opset4.softplus(y),
    "hsigmoid": lambda net, y: opset5.hsigmoid(y),
}
ACTS = st.sampled_from(sorted(ACTIVATIONS))
COMBINE = {"add": opset1.add, "multiply": opset1.multiply, "maximum": opset1.maximum,
           "minimum": opset1.minimum, "subtract": opset1.subtract}  # fmt: skip
CHANNELS = st.sampled_from([1, 3, 4, 6, 8, 12, 16, 24, 33])
KERNELS = st.sampled_from([1, 2, 3, 5, 7])

LAYERS = st.one_of(
    st.tuples(st.just("conv"), CHANNELS, KERNELS, st.integers(1, 3), st.booleans(), ACTS),
    st.tuples(st.just("depthwise"), st.sampled_from([3, 5]), st.integers(1, 2), ACTS),
    st.tuples(st.just("dilated"), CHANNELS, ACTS),
    st.tuples(st.just("deconv"), CHANNELS, st.sampled_from([2, 4])),
    st.tuples(st.just("pool"), st.sampled_from(["max", "avg"]), st.integers(2, 3), st.booleans()),
    st.tuples(st.just("act"), ACTS),
    st.tuples(st.just("branch"), st.sampled_from(sorted(COMBINE)), KERNELS, ACTS),
    st.tuples(st.just("dense"), CHANNELS, ACTS),
    st.tuples(st.just("split"), ACTS),
    st.tuples(st.just("gate"),),
    st.tuples(st.just("scale"),),
    st.tuples(st.just("resize"), st.sampled_from(["nearest", "linear_onnx"])),
    st.tuples(st.just("pad"), st.sampled_from(["constant", "edge", "reflect"])),
    st.tuples(st.just("crop"),),
    st.tuples(st.just("swap"),),
    st.tuples(st.just("shuffle"),),
    st.tuples(st.just("fold"),),
    st.tuples(st.just("softmax"),),
)  # fmt: skip


def descriptions(most: int = 6) -> st.SearchStrategy[Description]:
    """Input sizes (C, H, W) and up to ``most`` layers."""
    sizes = st.tuples(st.integers(1, 9), st.integers(6, 24), st.integers(6, 24))
    return st.tuples(sizes, st.lists(LAYERS, min_size=1, max_size=most).map(tuple))


def build(net: Net, description: Description):
    """The network's results: the last tensor."""
    (channels, height, width), layers = description
    y = net.relu(net.input(1, channels, height, width))
    for kind, *options in layers:
        y = globals()[f"_{kind}"](net, y, *options) or y
    return opset1.multiply(y, net.const(np.full((1, 1, 1, 1), 0.75)))


def _size(y) -> tuple[int, int, int]:
    return tuple(y.output(0).shape)[1:]


def _act(net, y, act):
    return ACTIVATIONS[act](net, y)


def _conv(net, y, oc, k, stride, bias, act):
    channels, height, width = _size(y)
    if min(height, width) < 2 * stride or channels * k * k > 4000:
        return None
    return _act(net, net.conv(y, oc, k, s=stride, bias=bias), act)


def _depthwise(net, y, k, stride, act):
    channels, height, width = _size(y)
    if min(height, width) < 2 * stride or channels < 2:
        return None
    return _act(net, net.conv(y, channels, k, s=stride, groups=channels), act)


def _dilated(net, y, oc, act):
    return _act(net, net.conv(y, oc, 3, dil=2), act) if min(_size(y)[1:]) > 4 else None


def _deconv(net, y, oc, k):
    _, height, width = _size(y)
    return net.deconv(y, oc, k, s=2, pad=(k - 2) // 2, bias=True) if height * width < 400 else None


def _pool(net, y, how, k, padded):
    _, height, width = _size(y)
    # The engine makes padding before a max pool repeat the edge (exceptions.toml).
    if min(height, width) < 2 * k or (how == "max" and y.get_type_name() == "Pad"):
        return None
    pool = net.max_pool if how == "max" else net.avg_pool
    return pool(y, k, s=2, pad=k // 2 if padded and how == "max" else 0)


def _branch(net, y, how, k, act):
    other = _act(net, net.conv(y, _size(y)[0], k), act)
    return COMBINE[how](y, other)


def _dense(net, y, oc, act):
    return opset1.concat([y, _act(net, net.conv(y, oc, 3), act)], 1) if _size(y)[0] < 60 else None


def _split(net, y, act):
    channels = _size(y)[0]
    if channels % 2:
        return None
    halves = opset1.split(y, opset1.constant(np.int64(1)), 2)
    left = _act(net, net.conv(halves.output(0), channels // 2, 1), act)
    return opset1.concat([left, halves.output(1)], 1)


def _gate(net, y):
    axes = opset1.constant(np.array([2, 3], np.int64))
    mean = opset1.reduce_mean(y, axes, True)
    return opset1.multiply(y, opset1.sigmoid(net.conv(mean, _size(y)[0], 1)))


def _scale(net, y):
    channels = _size(y)[0]
    y = opset1.multiply(y, net.uniform(1, channels, 1, 1, low=0.5, high=1.5))
    return opset1.add(y, net.uniform(1, channels, 1, 1))


def _resize(net, y, mode):
    _, height, width = _size(y)
    if height * width > 400:
        return None
    coordinates = "asymmetric" if mode == "nearest" else "half_pixel"
    return net.resize(y, (2 * height, 2 * width), mode=mode, coordinates=coordinates)


def _pad(net, y, mode):
    if min(_size(y)[1:]) < 4:
        return None
    bounds = [opset1.constant(np.array(v, np.int64)) for v in ([0, 0, 1, 2], [0, 0, 2, 1])]
    return opset1.pad(y, *bounds, mode, opset1.constant(np.float32(0)))


def _crop(net, y):
    channels, height, width = _size(y)
    if min(height, width) < 5:
        return None
    bounds = ([0, 0, 1, 2], [1, channels, height - 1, width], [1] * 4)
    begin, end, step = (opset1.constant(np.array(v, np.int64)) for v in bounds)
    return opset1.strided_slice(y, begin, end, step, [0] * 4, [0] * 4, [], [], [])


def _swap(net, y):
    return net.transpose(y, 0, 1, 3, 2)


def _shuffle(net, y):
    channels, height, width = _size(y)
    if channels % 2:
        return None
    y = net.shape(y, 1, 2, channels // 2, height, width)
    return net.shape(net.transpose(y, 0, 2, 1, 3, 4), 1, channels, height, width)


def _fold(net, y):
    _, height, width = _size(y)
    if height % 2 or width % 2:
        return None
    return node(1, "SpaceToDepth", [y], mode="blocks_first", block_size=2).get_node()


def _softmax(net, y):
    return opset1.softmax(y, 1) if _size(y)[0] > 1 else None
