"""Reductions, softmax, top-k, matrix products, normalisations."""

import numpy as np
from openvino import opset1, opset3, opset4, opset6

from oakwright.blob import StageType as T

from .builder import Net
from .case import case


def ints(*values):
    return opset1.constant(np.array(values, np.int64))


REDUCTIONS = {
    "mean": (T.ReduceMean, opset1.reduce_mean),
    "sum": (T.ReduceSum, opset1.reduce_sum),
    "max": (T.ReduceMax, opset1.reduce_max),
    "min": (T.ReduceMin, opset1.reduce_min),
    "l2": (None, lambda *a: opset4.reduce_l2(*a)),
}
for name, (_, function) in REDUCTIONS.items():
    for axes in ((1,), (2,), (3,), (2, 3), (1, 2, 3)):
        for keep in (True, False):
            which = "".join(map(str, axes)) + ("_keep" if keep else "")

            @case(f"reduce_{name}_{which}")
            def _(net: Net, function=function, axes=axes, keep=keep):
                x = net.input(1, 6, 8, 10, low=0, high=2)
                return function(x, ints(*axes), keep)

    @case(f"reduce_{name}_3d")
    def _(net: Net, function=function):
        return function(net.input(3, 5, 7, low=0, high=2), ints(1), False)


for name, (kind, function) in REDUCTIONS.items():
    # Neighbouring inner axes become pools; these do not.
    for shape, axes in (((3, 5, 7, 2), (1, 3)), ((2, 3, 4, 5, 6), (1, 3))):

        @case(f"reduce_{name}_apart_{len(shape)}d", *([kind] if kind is not None else []))
        def _(net: Net, function=function, shape=shape, axes=axes):
            return function(net.input(*shape, low=0, high=2), ints(*axes), True)


@case("reduce_and", T.ReduceAnd)
def _(net: Net):
    shape = (1, 3, 6, 8)
    positive = opset1.greater(net.input(*shape, low=-0.3), net.const(np.zeros((1, 1, 1, 1))))
    every = opset1.reduce_logical_and(positive, ints(1), True)
    return opset1.select(every, net.input(*shape), net.input(*shape))


for shape, axis in [
    ((1, 10), 1),
    ((1, 6, 8, 10), 1),
    ((1, 6, 8, 10), 2),
    ((1, 6, 8, 10), 3),
    ((2, 5, 7), 2),
    ((1, 3, 4, 5, 6), 2),
    ((4, 1000), 1),
]:

    @case(f"softmax_{len(shape)}d_{shape[-1]}_axis_{axis}", T.SoftMax)
    def _(net: Net, shape=shape, axis=axis):
        return opset1.softmax(net.input(*shape, low=-4, high=4), axis)


for mode in ("max", "min"):
    for order in ("value", "index"):
        for axis, shape in ((1, (2, 30)), (2, (1, 3, 12, 5)), (1, (1, 9, 4, 5))):

            @case(f"top_k_{mode}_{order}_{len(shape)}d_{axis}", T.TopK)
            def _(net: Net, mode=mode, order=order, axis=axis, shape=shape):
                x = net.input(*shape, values=distinct(shape))
                found = opset3.topk(x, opset1.constant(np.int64(4)), axis, mode, order, "i32")
                return [found.output(0), found.output(1)]


def distinct(shape):
    """No two values alike, so that the order is defined."""
    count = int(np.prod(shape))
    return lambda rng: (rng.permutation(count).astype(np.float32) / 8 - count / 16).reshape(shape)


@case("arg_max", T.TopK)
def _(net: Net):
    x = net.input(1, 9, 4, 5, values=distinct((1, 9, 4, 5)))
    found = opset3.topk(x, opset1.constant(np.int64(1)), 1, "max", "value", "i32")
    return opset1.convert(found.output(1), "f32")


for a, b, ta, tb in [
    ((3, 4), (4, 5), False, False),
    ((4, 3), (4, 5), True, False),
    ((3, 4), (5, 4), False, True),
    ((2, 3, 4), (2, 4, 5), False, False),
    ((1, 2, 3, 4), (1, 2, 5, 4), False, True),
    ((1, 4, 16, 32), (1, 4, 32, 16), False, False),
    ((1, 2, 3, 4), (4, 5), False, False),
]:
    label = "x".join(map(str, a)) + "_" + "x".join(map(str, b)) + "_t" * ta + "_u" * tb

    @case(f"matmul_{label}", T.GEMM)
    def _(net: Net, a=a, b=b, ta=ta, tb=tb):
        return opset1.matmul(net.input(*a), net.input(*b), ta, tb)


@case("attention")
def _(net: Net):
    q, k, v = (net.input(1, 2, 12, 16) for _ in range(3))
    scores = opset1.multiply(opset1.matmul(q, k, False, True), net.const(0.25))
    return opset1.matmul(opset1.softmax(scores, 3), v, False, False)


# --- normalisations ----------------------------------------------------------------------------

for name, axes in {"planes": (2, 3), "all": (1, 2, 3)}.items():
    for variance in (False, True):

        @case(f"mvn_{name}{'_variance' * variance}", T.MVN)
        def _(net: Net, axes=axes, variance=variance):
            x = net.input(1, 6, 10, 14, low=-1, high=3)
            return opset6.mvn(x, ints(*axes), variance, 1e-5, "inside_sqrt")


@case("mvn_outside_root", T.MVN)
def _(net: Net):
    return opset6.mvn(net.input(1, 6, 10, 14), ints(2, 3), True, 1e-5, "outside_sqrt")


@case("instance_norm_small", T.MVN)
def _(net: Net):
    return opset6.mvn(
        net.input(1, 6, 3, 4, low=-0.1, high=0.1), ints(2, 3), True, 1e-2, "inside_sqrt"
    )


@case("grn", T.GRN)
def _(net: Net):
    return opset1.grn(net.input(1, 6, 10, 14), 1e-3)


for size in (3, 5):

    @case(f"lrn_channels_{size}", T.LRN)
    def _(net: Net, size=size):
        return opset1.lrn(net.input(1, 12, 9, 11, low=-2, high=2), ints(1), 0.5, 0.75, 1.0, size)


@case("lrn_planes", T.InnerLRN)
def _(net: Net):
    return opset1.lrn(net.input(1, 4, 9, 11, low=-2, high=2), ints(2, 3), 0.5, 0.75, 1.0, 3)


for name, axes in {"channels": (1,), "all": (1, 2, 3)}.items():

    @case(f"normalize_{name}", T.Normalize)
    def _(net: Net, axes=axes):
        return opset1.normalize_l2(net.input(1, 6, 10, 14), ints(*axes), 1e-6, "add")

    @case(f"normalize_{name}_scaled", T.Normalize)
    def _(net: Net, axes=axes):
        y = opset1.normalize_l2(net.input(1, 6, 10, 14), ints(*axes), 1e-6, "add")
        return opset1.multiply(y, net.uniform(1, 6, 1, 1, low=5, high=20))
