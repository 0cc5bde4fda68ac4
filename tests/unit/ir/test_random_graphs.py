"""Random small graphs of moves, products and activations: the legaliser never changes a value.

Mostly about `peephole`, where layers change places, and about names, which must stay unique.
"""

import math

import numpy as np
import openvino as ov
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openvino import Output

from oakwright.ir import check, compare, legalise, serialise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const, reshape, shape_of, transpose
from tests.unit.ir.rule_check import parameter

FLAT = {"transpose_a": False, "transpose_b": False}
SHAPES = [[1, 4, 6, 5], [1, 12, 8], [6, 10], [2, 3, 4], [1, 2, 3, 4, 5], [24]]
UNARY = ["Relu", "Sigmoid", "Tanh", "Negative", "HSwish"]


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


class Steps:
    """One method per kind of layer; each draws what it needs and returns the next tensor."""

    def __init__(self, data: st.DataObject, first: Output) -> None:
        self.data = data
        self.made = [first]

    def pick(self, options: list) -> object:
        return self.data.draw(st.sampled_from(options))

    def seed(self) -> int:
        return self.data.draw(st.integers(0, 1000))

    def unary(self, x: Output) -> Output:
        kind = self.pick(UNARY)
        return op(kind, [x], version=4 if kind == "HSwish" else 1).output(0)

    def turn(self, x: Output) -> Output:
        return transpose(x, self.data.draw(st.permutations(range(len(shape_of(x))))))

    def reshape(self, x: Output) -> Output:
        size = math.prod(shape_of(x))
        divisors = [d for d in range(1, size + 1) if size % d == 0]
        first = self.pick(divisors)
        second = self.pick([d for d in divisors if (size // first) % d == 0])
        return reshape(x, [1, first, second, size // first // second])

    def constant(self, x: Output) -> Output:
        shape = [size if self.data.draw(st.booleans()) else 1 for size in shape_of(x)]
        return op(
            self.pick(["Add", "Multiply", "Maximum"]), [x, numbers(self.seed(), *shape)]
        ).output(0)

    def earlier(self, x: Output) -> Output:
        alike = [y for y in self.made if shape_of(y) == shape_of(x)] or [x]
        return op("Add", [x, self.pick(alike)]).output(0)

    def product(self, x: Output) -> Output:
        # One column and a softmax between two products make the CPU plugin's compiler fail.
        inner, outer = shape_of(x)[-1], self.data.draw(st.integers(2, 6))
        y = op("MatMul", [x, numbers(self.seed(), inner, outer)], FLAT).output(0)
        if self.data.draw(st.booleans()):
            y = op("Add", [y, numbers(self.seed(), outer)]).output(0)
        return y

    def softmax(self, x: Output) -> Output:
        axis = self.data.draw(st.integers(-len(shape_of(x)), -1))
        return ov.opset8.softmax(x, axis).output(0)

    def part(self, x: Output) -> Output:
        axis = self.data.draw(st.integers(0, len(shape_of(x)) - 1))
        last = self.data.draw(st.integers(1, shape_of(x)[axis]))
        return ov.opset8.slice(x, [0], [last], [1], [axis]).output(0)

    def roll(self, x: Output) -> Output:
        axis = self.data.draw(st.integers(0, len(shape_of(x)) - 1))
        shift = const([self.data.draw(st.integers(-3, 3))], np.int64)
        return ov.opset7.roll(x, shift, const([axis], np.int64)).output(0)


KINDS = ["unary", "turn", "reshape", "constant", "earlier", "product", "softmax", "part", "roll"]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_legalised_graphs_compute_the_same(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    x = parameter(shape)
    steps = Steps(data, x.output(0))
    # Turns and products in the middle, so that there is something to move past.
    for kind in data.draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=9)):
        steps.made.append(getattr(steps, kind)(steps.made[-1]))
    results = [steps.made[-1]]
    if data.draw(st.booleans()):
        results.append(data.draw(st.sampled_from(steps.made[1:])))
    model = ov.Model([ov.opset1.result(value) for value in results], [x], "random")

    legal = legalise(model)
    assert not legal.refused
    assert not [f for f in check(legal.model) if f.severity == "error"]
    names = [node.get_friendly_name() for node in legal.model.get_ordered_ops()]
    assert len(set(names)) == len(names)
    assert compare(model, legal.model, {"x": numbers(1, *shape)}, 1e-4).difference <= 1e-4
    assert serialise(legal.model) == serialise(legalise(model).model)
