"""Small networks written by hand, in operations of opset 1..7, and inputs for them.

``Net`` makes the layers that cases share, with weights that FP16 holds exactly and scaled so
that values keep their size from layer to layer; what is rare a case takes from the opsets
directly. Nothing here is random between two runs: the seed is the case's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import openvino as ov
from openvino import opset1
from openvino.utils.node_factory import NodeFactory

Generator = Callable[[np.random.Generator], np.ndarray]


def half(array) -> np.ndarray:
    """Values rounded to FP16, as float32."""
    return np.asarray(array, np.float32).astype(np.float16).astype(np.float32)


def node(opset: int, kind: str, inputs: Sequence, **attributes) -> ov.Output:
    """An operation by number of its opset and name, for what the Python opsets lack."""
    made = NodeFactory(f"opset{opset}").create(kind, [_output(i) for i in inputs], attributes)
    return made.output(0)


def _output(value) -> ov.Output:
    return value if isinstance(value, ov.Output) else value.output(0)


class Net:
    """A network under construction."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.parameters: list = []
        self.generators: dict[str, Generator] = {}

    def input(self, *shape: int, name="", low=-1.0, high=1.0, values: Generator | None = None):
        """An FP16 input, uniform in [low, high] unless ``values`` makes it."""
        name = name or f"in{len(self.parameters)}"
        parameter = opset1.parameter(list(shape), np.float32, name=name)
        self.parameters.append(parameter)
        self.generators[name] = values or (lambda rng: half(rng.uniform(low, high, shape)))
        return parameter

    def integers(self, *shape: int, below: int, name=""):
        """An I32 input of indices in [0, below)."""
        name = name or f"in{len(self.parameters)}"
        parameter = opset1.parameter(list(shape), np.int32, name=name)
        self.parameters.append(parameter)
        self.generators[name] = lambda rng: rng.integers(0, below, shape, dtype=np.int32)
        return parameter

    def const(self, values):
        """A float constant, rounded to FP16."""
        return opset1.constant(half(values))

    def uniform(self, *shape: int, low=-1.0, high=1.0):
        """A float constant, uniform in [low, high]."""
        return self.const(self.rng.uniform(low, high, shape))

    def weights(self, *shape: int, fan_in: int):
        """A normal constant that keeps the size of what it is applied to, after a ReLU."""
        return self.const(self.rng.normal(size=shape) * np.sqrt(2.0 / fan_in))

    def conv(self, x, oc, k=1, *, s=1, pad=None, end=None, dil=1, groups=1, bias=True, auto=""):
        """A convolution; numbers may be pairs (y, x). ``pad`` None keeps the size at stride 1."""
        (kh, kw), (sy, sx), (dy, dx) = _pair(k), _pair(s), _pair(dil)
        begin = [dy * (kh - 1) // 2, dx * (kw - 1) // 2] if pad is None else list(_pair(pad))
        last = [dy * (kh - 1) - begin[0], dx * (kw - 1) - begin[1]] if pad is None else begin
        last = last if end is None else list(_pair(end))
        ic = _output(x).shape[1] // groups
        fan_in = ic * kh * kw
        args = ([sy, sx], begin, last, [dy, dx]) + ((auto,) if auto else ())
        if groups == 1:
            y = opset1.convolution(x, self.weights(oc, ic, kh, kw, fan_in=fan_in), *args)
        else:
            shape = (groups, oc // groups, ic, kh, kw)
            y = opset1.group_convolution(x, self.weights(*shape, fan_in=fan_in), *args)
        if bias:
            y = opset1.add(y, self.uniform(1, oc, 1, 1, low=-0.5, high=0.5))
        return y

    def deconv(self, x, oc, k, *, s=1, pad=0, out_pad=0, groups=1, bias=False):
        """A transposed convolution."""
        (kh, kw), (sy, sx), pads, more = _pair(k), _pair(s), list(_pair(pad)), list(_pair(out_pad))
        ic = _output(x).shape[1]
        fan_in = max(1, ic * kh * kw // (sy * sx * groups))
        if groups == 1:
            w, make = self.weights(ic, oc, kh, kw, fan_in=fan_in), opset1.convolution_backprop_data
        else:
            shape = (groups, ic // groups, oc // groups, kh, kw)
            w = self.weights(*shape, fan_in=fan_in)
            make = opset1.group_convolution_backprop_data
        y = make(
            x,
            w,
            strides=[sy, sx],
            pads_begin=pads,
            pads_end=pads,
            output_padding=more,
            dilations=[1, 1],
        )
        return opset1.add(y, self.uniform(1, oc, 1, 1)) if bias else y

    def linear(self, x, features):
        """A fully connected layer on [N, C], with bias."""
        inputs = _output(x).shape[1]
        y = opset1.matmul(x, self.weights(features, inputs, fan_in=inputs), False, True)
        return opset1.add(y, self.uniform(1, features))

    def max_pool(self, x, k, *, s=None, pad=0, end=None, rounding="floor"):
        """Max pooling."""
        strides = list(_pair(k if s is None else s))
        begin = list(_pair(pad))
        last = begin if end is None else list(_pair(end))
        return opset1.max_pool(x, strides, begin, last, list(_pair(k)), rounding)

    def avg_pool(self, x, k, *, s=None, pad=0, end=None, exclude=False, rounding="floor"):
        """Average pooling."""
        strides = list(_pair(k if s is None else s))
        begin = list(_pair(pad))
        last = begin if end is None else list(_pair(end))
        return opset1.avg_pool(x, strides, begin, last, list(_pair(k)), exclude, rounding)

    def relu(self, x):
        """ReLU."""
        return opset1.relu(x)

    def relu6(self, x):
        """ReLU6."""
        return opset1.clamp(x, 0.0, 6.0)

    def leaky(self, x, slope=0.1):
        """Leaky ReLU."""
        return opset1.prelu(x, opset1.constant(np.array([slope], np.float32)))

    def resize(self, x, size, *, mode="nearest", coordinates="half_pixel", nearest="floor"):
        """Resizing of the last two axes to a size (h, w)."""
        height, width = _output(x).shape[2], _output(x).shape[3]
        return node(
            4,
            "Interpolate",
            [
                x,
                opset1.constant(np.array(size, np.int64)),
                opset1.constant(np.array([size[0] / height, size[1] / width], np.float32)),
                opset1.constant(np.array([2, 3], np.int64)),
            ],
            mode=mode,
            shape_calculation_mode="sizes",
            coordinate_transformation_mode=coordinates,
            nearest_mode=nearest,
            antialias=False,
            pads_begin=[0, 0, 0, 0],
            pads_end=[0, 0, 0, 0],
            cube_coeff=-0.75,
        ).get_node()

    def shape(self, x, *shape: int):
        """A reshape to a constant shape."""
        return opset1.reshape(x, opset1.constant(np.array(shape, np.int64)), False)

    def transpose(self, x, *order: int):
        """A transposition."""
        return opset1.transpose(x, opset1.constant(np.array(order, np.int64)))

    def model(self, results) -> ov.Model:
        """The network that ends in ``results``, one or several."""
        results = list(results) if isinstance(results, (list, tuple)) else [results]
        made = []
        for i, result in enumerate(results):
            output = _output(result)
            owner = output.get_node()
            if owner.get_output_size() == 1:
                owner.set_friendly_name(f"out{i}")
            else:
                owner.set_friendly_name("many")
            made.append(opset1.result(output))
        return ov.Model(made, self.parameters, self.name)


def _pair(value) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def output_names(model: ov.Model) -> list[str]:
    """What the engine calls each result: its producer, with the port where that has several."""
    names = []
    for result in model.outputs:
        source = result.get_node().input_value(0)
        owner = source.get_node()
        port = f".{source.get_index()}" if owner.get_output_size() > 1 else ""
        names.append(owner.get_friendly_name() + port)
    return names
