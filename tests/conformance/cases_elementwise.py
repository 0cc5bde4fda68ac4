"""Activations, arithmetic, comparisons, conversions."""

import numpy as np
from openvino import opset1, opset2, opset4, opset5

from oakwright.blob import StageType as T
from oakwright.compiler import CompileOptions
from oakwright.tensor import Precision

from .builder import Net, half
from .case import case

SHAPES = {"planes": (1, 6, 10, 14), "vector": (1, 40), "odd": (1, 5, 7, 9)}

ACTIVATIONS = {
    "relu": (T.Relu, opset1.relu, (-2, 2)),
    "leaky": (T.LeakyRelu, lambda x: opset1.prelu(x, np.array([0.1], np.float32)), (-2, 2)),
    "clamp": (T.Clamp, lambda x: opset1.clamp(x, -0.5, 0.75), (-2, 2)),
    "elu": (T.Elu, lambda x: opset1.elu(x, 0.75), (-3, 3)),
    "sigmoid": (T.Sigmoid, opset1.sigmoid, (-6, 6)),
    "tanh": (T.Tanh, opset1.tanh, (-3, 3)),
    "exp": (T.Exp, opset1.exp, (-4, 3)),
    "log": (T.Log, opset1.log, (0.05, 5)),
    "floor": (T.Floor, opset1.floor, (-5, 5)),
    "ceiling": (T.Ceiling, opset1.ceiling, (-5, 5)),
    "erf": (T.Erf, opset1.erf, (-3, 3)),
    "mish": (T.Mish, opset4.mish, (-5, 5)),
    "gelu": (T.Gelu, lambda x: opset2.gelu(x), (-4, 4)),
    "softplus": (T.SoftPlus, opset4.softplus, (-6, 6)),
    "swish": (T.Swish, opset4.swish, (-5, 5)),
    "swish_beta": (T.Swish, lambda x: opset4.swish(x, np.float32(0.5)), (-5, 5)),
    "hswish": (T.HSwish, opset4.hswish, (-5, 5)),
    "hsigmoid": (None, opset5.hsigmoid, (-5, 5)),
    "round_even": (T.Round, lambda x: opset5.round(x, "half_to_even"), (-5, 5)),
    "round_away": (T.Round, lambda x: opset5.round(x, "half_away_from_zero"), (-5, 5)),
    "sqrt": (T.Power, opset1.sqrt, (0.01, 5)),
    "negative": (T.Power, opset1.negative, (-3, 3)),
    "abs": (None, lambda x: opset1.maximum(x, opset1.negative(x)), (-3, 3)),
    "square": (None, lambda x: opset1.power(x, np.float32(2)), (-3, 3)),
    "cube": (T.Power, lambda x: opset1.power(x, np.float32(3)), (-2, 2)),
    "inverse": (None, lambda x: opset1.power(x, np.float32(-1)), (0.3, 5)),
    "affine": (T.Power, lambda x: opset1.add(opset1.multiply(x, half(1.7)), half(0.3)), (-3, 3)),
}
for name, (kind, function, (low, high)) in ACTIVATIONS.items():
    for shape_name, shape in SHAPES.items():

        @case(f"{name}_{shape_name}", *([kind] if kind is not None else []))
        def _(net: Net, function=function, low=low, high=high, shape=shape):
            return function(net.input(*shape, low=low, high=high))


@case("round_halves", T.Round)
def _(net: Net):
    return opset5.round(
        net.input(1, 2, 3, 16, values=lambda rng: half(rng.integers(-9, 9, (1, 2, 3, 16)) / 2))
    )


@case("round_halves_away", T.Round)
def _(net: Net):
    x = net.input(1, 2, 3, 16, values=lambda rng: half(rng.integers(-9, 9, (1, 2, 3, 16)) / 2))
    return opset5.round(x, "half_away_from_zero")


@case("prelu_channels", T.PRelu)
def _(net: Net):
    return opset1.prelu(net.input(1, 6, 10, 14), net.uniform(6, low=0.1, high=0.4))


@case("prelu_vector")
def _(net: Net):
    return opset1.prelu(net.input(1, 24), net.uniform(24, low=0.1, high=0.4))


@case("scale_channels")
def _(net: Net):
    return opset1.multiply(net.input(1, 6, 10, 14), net.uniform(1, 6, 1, 1))


@case("bias_channels")
def _(net: Net):
    return opset1.add(net.input(1, 6, 10, 14), net.uniform(1, 6, 1, 1))


@case("scale_shift_channels", T.ScaleShift)
def _(net: Net):
    y = opset1.multiply(net.input(1, 6, 10, 14), net.uniform(1, 6, 1, 1))
    return opset1.add(y, net.uniform(1, 6, 1, 1))


@case("scale_shift_relu")
def _(net: Net):
    y = opset1.multiply(net.input(1, 6, 10, 14), net.uniform(1, 6, 1, 1))
    return net.relu(opset1.add(y, net.uniform(1, 6, 1, 1)))


@case("bias_relu")
def _(net: Net):
    return net.relu(opset1.add(net.input(1, 6, 10, 14), net.uniform(1, 6, 1, 1)))


@case("bias_leaky")
def _(net: Net):
    return net.leaky(opset1.add(net.input(1, 6, 10, 14), net.uniform(1, 6, 1, 1)))


@case("batch_norm")
def _(net: Net):
    x = net.input(1, 6, 10, 14)
    return opset5.batch_norm_inference(
        x,
        net.uniform(6, low=0.5, high=1.5),
        net.uniform(6),
        net.uniform(6),
        net.uniform(6, low=0.5, high=2),
        1e-3,
    )


# --- two operands ------------------------------------------------------------------------------

BINARY = {
    "add": (T.Sum, opset1.add),
    "subtract": (T.Sum, opset1.subtract),
    "multiply": (T.Prod, opset1.multiply),
    "divide": (None, opset1.divide),
    "maximum": (T.Max, opset1.maximum),
    "minimum": (T.Min, opset1.minimum),
    "power": (T.Pow, opset1.power),
    "floor_mod": (T.Floor_mod, opset1.floor_mod),
    "squared_difference": (T.Squared_diff, opset1.squared_difference),
}
BROADCASTS = {
    "same": ((1, 6, 8, 10), (1, 6, 8, 10)),
    "channels": ((1, 6, 8, 10), (1, 6, 1, 1)),
    "planes": ((1, 6, 8, 10), (1, 1, 8, 10)),
    "rows": ((1, 6, 8, 10), (1, 6, 1, 10)),
    "inner": ((1, 6, 8, 10), (10,)),
    "outer": ((1, 6, 1, 10), (1, 1, 8, 1)),
    "vectors": ((3, 20), (3, 20)),
    "ranks": ((2, 3, 4), (3, 1)),
    "five": ((1, 2, 3, 4, 5), (1, 2, 3, 4, 5)),
}
for name, (kind, function) in BINARY.items():
    # away from 0 where that is ill-conditioned
    low = 0.5 if name in ("divide", "power", "floor_mod") else -2
    for how, (a, b) in BROADCASTS.items():

        @case(f"{name}_{how}", *([kind] if kind is not None else []))
        def _(net: Net, function=function, a=a, b=b, low=low):
            return function(net.input(*a, low=low, high=2), net.input(*b, low=low, high=2))

    if name in ("add", "multiply", "maximum", "minimum", "squared_difference"):

        @case(f"{name}_constant")
        def _(net: Net, function=function):
            return function(net.input(1, 6, 8, 10), net.uniform(1, 6, 8, 10))


for name, act in {"relu": "relu", "leaky": "leaky", "relu6": "relu6"}.items():
    for op in ("add", "multiply", "maximum"):

        @case(f"{op}_then_{name}")
        def _(net: Net, act=act, op=op):
            y = BINARY[op][1](net.input(1, 6, 8, 10, low=-3, high=3), net.input(1, 6, 8, 10))
            return getattr(net, act)(y)


def whole(shape, low=-2, high=3):
    return lambda rng: half(rng.integers(low, high, shape))


COMPARISONS = {
    "equal": (T.Equal, opset1.equal),
    "not_equal": (None, opset1.not_equal),
    "greater": (T.Greater, opset1.greater),
    "greater_equal": (None, opset1.greater_equal),
    "less": (T.Less, opset1.less),
    "less_equal": (None, opset1.less_equal),
}
# The engine compiles only these of the comparisons; the others it refuses.
for name in ("equal", "greater", "less"):
    kind, function = COMPARISONS[name]

    @case(f"{name}_select", kind, T.Select)
    def _(net: Net, function=function):
        shape = (1, 3, 6, 8)
        a, b = net.input(*shape, values=whole(shape)), net.input(*shape, values=whole(shape))
        return opset1.select(function(a, b), net.input(*shape), net.input(*shape))

    @case(f"{name}_as_number")
    def _(net: Net, function=function):
        shape = (1, 3, 6, 8)
        a, b = net.input(*shape, values=whole(shape)), net.input(*shape, values=whole(shape))
        return opset1.convert(function(a, b), "f32")


@case("logical_and_not", T.Logical_AND, T.Logical_NOT)
def _(net: Net):
    shape = (1, 3, 6, 8)
    a, b = net.input(*shape), net.input(*shape)
    zero = opset1.constant(np.zeros((1, 1, 1, 1), np.float32))
    both = opset1.logical_and(opset1.greater(a, zero), opset1.logical_not(opset1.greater(b, zero)))
    return opset1.select(both, a, b)


@case("select_broadcast", T.Select)
def _(net: Net):
    a = net.input(1, 3, 6, 8)
    mask = opset1.greater(net.input(1, 1, 6, 8), opset1.constant(np.float32(0)))
    return opset1.select(mask, a, net.const(np.zeros((1, 1, 1, 1))))


@case("integer_sum")
def _(net: Net):
    return opset1.add(net.integers(2, 8, below=50), net.integers(2, 8, below=50))


@case("integer_product")
def _(net: Net):
    return opset1.multiply(net.integers(2, 8, below=50), net.integers(2, 8, below=50))


@case("integer_maximum")
def _(net: Net):
    return opset1.maximum(net.integers(2, 8, below=50), net.integers(2, 8, below=50))


@case("integer_subtract")
def _(net: Net):
    return opset1.subtract(net.integers(2, 8, below=50), net.integers(2, 8, below=50))


@case("integer_to_float", T.Convert)
def _(net: Net):
    y = opset1.convert(net.integers(2, 8, below=50), "f32")
    return opset1.multiply(y, np.float32(0.5))


@case("float_to_integer", T.Convert)
def _(net: Net):
    return opset1.convert(net.input(2, 8, low=-9, high=9), "i32")


@case("u8_input", T.Convert, options=CompileOptions(input_precisions={"in0": Precision.U8}))
def _(net: Net):
    x = net.input(1, 3, 12, 16, values=lambda rng: half(rng.integers(0, 256, (1, 3, 12, 16))))
    return net.conv(opset1.multiply(x, half(1 / 64)), 8, 3)


@case(
    "fp32_input_and_output",
    T.Convert,
    options=CompileOptions(
        input_precisions={"in0": Precision.FP32}, output_precisions={"out0": Precision.FP32}
    ),
)
def _(net: Net):
    return net.conv(net.input(1, 3, 12, 16), 8, 3)


@case(
    "u8_input_nhwc",
    options=CompileOptions(input_precisions={"in0": Precision.U8}, input_layouts={"in0": "NHWC"}),
)
def _(net: Net):
    x = net.input(1, 3, 12, 16, values=lambda rng: half(rng.integers(0, 256, (1, 3, 12, 16))))
    return net.conv(opset1.multiply(x, half(1 / 64)), 8, 3)


@case("nhwc_output", options=CompileOptions(output_layouts={"out0": "NHWC"}))
def _(net: Net):
    return net.conv(net.input(1, 3, 12, 16), 8, 3)
