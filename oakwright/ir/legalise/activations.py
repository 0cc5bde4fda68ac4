"""Functions of one value: what the engine has no stage for, in arithmetic it has.

The engine computes in FP16, so the formulas are chosen for that: no intermediate value grows
beyond 65504 where the result does not, none loses its leading digits to a subtraction, and the
coefficients are near one. Each polynomial is a minimax fit (Lawson's weighted least squares on
4,000 Chebyshev nodes) of f(x)/x in x*x; the comment beside it gives the greatest relative error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from openvino import Node, Output, Type

from .rewrite import Rule, const, constant_input, dtype_of, op

# Odd polynomials, coefficients of x, x^3, x^5 ...
SIN = (0.999999061, -0.166655541, 0.0083118998, -0.000184881403)  # |x| <= pi/2, 9.4e-7
TAN = (1.00000129, -0.0719670247, -0.0017317875, -8.76078961e-05)  # tan(x)(1-(2x/pi)^2), 1.3e-6
ATAN = (0.99999563, -0.332994596, 0.19563592, -0.121239056, 0.0574772972, -0.013480463)  # 4.4e-6
ASIN = (0.999998491, 0.166852195, 0.0714840059, 0.065067569)  # |x| <= 1/2, 1.5e-6
ASINH = (0.999998918, -0.166581834, 0.0739032089, -0.039231073, 0.0171462136, -0.00386279975)
"""On [-1, 1], relative error 1.1e-6."""
ATANH = (0.999994284, 0.334039071, 0.186629527, 0.220007162)  # |x| <= 1/2, 5.7e-6

# pi in two parts: 201/64 has eight significant bits, so k * PI_HIGH is exact in FP16 for small k
# and the reduced angle keeps its digits.
PI_HIGH = 3.140625
PI_LOW = math.pi - PI_HIGH


def absolute(x: Output | Node) -> Node:
    """``|x|`` as the greater of x and -x: the engine has no Abs stage."""
    return op("Maximum", [x, op("Multiply", [x, _like(-1, x)])])


def truth(condition: Output | Node, dtype: Type) -> Node:
    """A boolean tensor as ones and zeros of ``dtype``."""
    return op("Select", [condition, const(1, dtype), const(0, dtype)])


def odd_polynomial(x: Output | Node, coefficients: Sequence[float]) -> Node:
    """``c0*x + c1*x^3 + c2*x^5 ...`` by Horner's scheme in x*x."""
    square = op("Multiply", [x, x])
    *rest, last = coefficients
    total = _add(_scale(square, last), rest.pop())
    while rest:
        total = _add(op("Multiply", [total, square]), rest.pop())
    return op("Multiply", [total, x])


def absolute_value(node: Node) -> Sequence[Node]:
    """Abs has no stage."""
    return [absolute(node.input_value(0))]


def sign(node: Node) -> Sequence[Node]:
    """Sign as a clamp of something large."""
    # Twice 65504, the greatest FP16: once would leave values below 1.5e-5 short of one.
    x = node.input_value(0)
    if not dtype_of(x).is_real():
        # Not a clamp to -1..1: the engine has none for integers.
        positive = op("GreaterEqual", [x, _like(1, x)])
        negative = op("GreaterEqual", [_like(-1, x), x])
        other = op("Select", [negative, _like(-1, x), _like(0, x)])
        return [op("Select", [positive, _like(1, x), other])]
    once = _clamp(_scale(x, 65504.0), -1, 1)
    return [_clamp(_scale(once, 65504.0), -1, 1)]


def selu(node: Node) -> Sequence[Node] | None:
    """Selu is an Elu times a constant."""
    alpha = _scalar(constant_input(node, 1))
    scale = _scalar(constant_input(node, 2))
    if alpha is None or scale is None:
        return None
    elu = op("Elu", [node.input_value(0)], {"alpha": alpha})
    return [_scale(elu, scale)]


def hard_sigmoid(node: Node) -> Sequence[Node] | None:
    """HardSigmoid as the clamp that it is."""
    alpha = _scalar(constant_input(node, 1))
    beta = _scalar(constant_input(node, 2))
    if alpha is None or beta is None:
        return None
    return [_clamp(_add(_scale(node.input_value(0), alpha), beta), 0, 1)]


def soft_sign(node: Node) -> Sequence[Node]:
    """``x / (1 + |x|)``."""
    x = node.input_value(0)
    return [op("Divide", [x, _add(absolute(x), 1.0)])]


def gelu_tanh(node: Node) -> Sequence[Node] | None:
    """Gelu in its tanh form; the other one is native.

    ``0.5x(1 + tanh(u))`` is ``x * sigmoid(2u)``, which spares two stages.
    """
    if str(node.get_attributes().get("approximation_mode", "ERF")).upper() != "TANH":
        return None
    x = node.input_value(0)
    cubic = op("Multiply", [x, _add(_scale(op("Multiply", [x, x]), 0.044715), 1.0)])
    gate = op("Sigmoid", [_scale(cubic, 2 * math.sqrt(2 / math.pi))])
    return [op("Multiply", [x, gate])]


def sin(node: Node) -> Sequence[Node]:
    """Sine, by half turns."""
    x = node.input_value(0)
    turns = op("Round", [_scale(x, 1 / math.pi)], {"mode": "half_to_even"}, version=5)
    angle = _less_half_turns(x, turns)
    return [op("Multiply", [odd_polynomial(angle, SIN), _alternate(turns, first=1.0)])]


def cos(node: Node) -> Sequence[Node]:
    """Cosine, by half turns."""
    # cos(x) = -(-1)^k sin(x - (k + 1/2) pi), k = floor(x / pi).
    x = node.input_value(0)
    turns = op("Floor", [_scale(x, 1 / math.pi)])
    angle = _less_half_turns(x, _add(turns, 0.5))
    return [op("Multiply", [odd_polynomial(angle, SIN), _alternate(turns, first=-1.0)])]


def tan(node: Node) -> Sequence[Node]:
    """Tangent, by half turns."""
    # The poles are divided out: tan(r) (1 - (2r/pi)^2) is nearly a straight line.
    x = node.input_value(0)
    turns = op("Round", [_scale(x, 1 / math.pi)], {"mode": "half_to_even"}, version=5)
    angle = _less_half_turns(x, turns)
    outer = _scale(angle, 2 / math.pi)
    below = op("Multiply", [_add(_scale(outer, -1.0), 1.0), _add(outer, 1.0)])
    return [op("Divide", [odd_polynomial(angle, TAN), below])]


def sinh(node: Node) -> Sequence[Node]:
    """Hyperbolic sine."""
    # tanh(x/2) (1 + cosh x), which keeps its digits near zero where e^x - e^-x loses them.
    x = node.input_value(0)
    half = op("Tanh", [_scale(x, 0.5)])
    return [op("Multiply", [half, _add(_mean_exponential(x), 1.0)])]


def cosh(node: Node) -> Sequence[Node]:
    """Hyperbolic cosine."""
    return [_mean_exponential(node.input_value(0))]


def atan(node: Node) -> Sequence[Node]:
    """Arc tangent."""
    # |x| <= 1: P(x); beyond: +-pi/2 - P(1/x). Both arguments are clamp(x) / max(|x|, 1).
    x = node.input_value(0)
    inner = _clamp(x, -1, 1)
    size = absolute(x)
    near = odd_polynomial(op("Divide", [inner, op("Maximum", [size, _like(1, x)])]), ATAN)
    far = op("Subtract", [_scale(inner, math.pi / 2), near])
    return [op("Select", [op("Greater", [size, _like(1, x)]), far, near])]


def asin(node: Node) -> Sequence[Node]:
    """Arc sine."""
    x = node.input_value(0)
    size = absolute(x)
    near = odd_polynomial(_small_arc(size), ASIN)
    far = _add(_scale(near, -2.0), math.pi / 2)
    arc = op("Select", [op("Greater", [size, _like(0.5, x)]), far, near])
    return [op("Select", [op("Less", [x, _like(0, x)]), _scale(arc, -1.0), arc])]


def acos(node: Node) -> Sequence[Node]:
    """Arc cosine."""
    # Not pi/2 - asin(x), which has no digits left near one.
    x = node.input_value(0)
    size = absolute(x)
    arc = odd_polynomial(_small_arc(size), ASIN)
    far, near = _scale(arc, 2.0), _add(_scale(arc, -1.0), math.pi / 2)
    positive = op("Select", [op("Greater", [size, _like(0.5, x)]), far, near])
    negative = _add(_scale(positive, -1.0), math.pi)
    return [op("Select", [op("Less", [x, _like(0, x)]), negative, positive])]


def asinh(node: Node) -> Sequence[Node]:
    """Area hyperbolic sine."""
    return [area_sine(node.input_value(0))]


def acosh(node: Node) -> Sequence[Node]:
    """Area hyperbolic cosine."""
    # 2 asinh(sqrt((x-1)/2)): x - 1 is exact near one, where x*x - 1 is not.
    root = op("Sqrt", [_scale(_add(node.input_value(0), -1.0), 0.5)])
    return [_scale(area_sine(root), 2.0)]


def atanh(node: Node) -> Sequence[Node]:
    """Area hyperbolic tangent."""
    # P on [-1/2, 1/2]; beyond, the rest atanh(m) - atanh(1/2), m = max(|x|, 1/2), with x's sign.
    # There clamp(x) is +-1/2, so that its double is the sign.
    x = node.input_value(0)
    inner = _clamp(x, -0.5, 0.5)
    size = op("Maximum", [absolute(x), _like(0.5, x)])
    ratio = op("Divide", [_add(size, 1.0), _add(_scale(size, -3.0), 3.0)])
    return [op("Add", [odd_polynomial(inner, ATANH), op("Multiply", [inner, op("Log", [ratio])])])]


def area_sine(x: Output | Node) -> Node:
    """Asinh: a polynomial on [-1, 1] and, beyond, the logarithm of what is left.

    asinh(m) = log(m) + log(1 + sqrt(1 + 1/m^2)) for m >= 1 needs no square of m, which FP16
    could not hold above 255. Outside [-1, 1] clamp(x) is the sign of x.
    """
    inner = _clamp(x, -1, 1)
    size = op("Maximum", [absolute(x), _like(1, x)])
    inverse = op("Divide", [_like(1, x), size])
    root = op("Sqrt", [_add(op("Multiply", [inverse, inverse]), 1.0)])
    at_one = 1 + math.sqrt(2)
    # (1 + root) / (1 + sqrt 2) is one at m = 1: nothing is added inside [-1, 1].
    tail = op("Add", [op("Log", [size]), op("Log", [_scale(_add(root, 1.0), 1 / at_one)])])
    return op("Add", [odd_polynomial(inner, ASINH), op("Multiply", [inner, tail])])


def _small_arc(size: Node) -> Node:
    """The argument that brings asin and acos of ``size`` in [0, 1] into [0, 1/2].

    ``size`` itself below a half, ``sqrt((1 - size) / 2)`` above: in either case the lesser.
    """
    other = op("Sqrt", [_add(_scale(size, -0.5), 0.5)])
    return op("Minimum", [size, other])


def _less_half_turns(x: Output | Node, turns: Node) -> Node:
    # Adding the negative spares a stage each: the engine subtracts by negating first.
    rough = op("Add", [x, _scale(turns, -PI_HIGH)])
    return op("Add", [rough, _scale(turns, -PI_LOW)])


def _alternate(turns: Node, first: float) -> Node:
    """``first`` where ``turns`` is even, ``-first`` where it is odd."""
    half = _scale(turns, 0.5)
    odd = op("Subtract", [half, op("Floor", [half])])  # 0 or 1/2
    return _add(_scale(odd, -4.0 * first), first)


def _mean_exponential(x: Output | Node) -> Node:
    rising, falling = op("Exp", [x]), op("Exp", [_scale(x, -1.0)])
    return op("Add", [_scale(rising, 0.5), _scale(falling, 0.5)])


def _clamp(x: Output | Node, low: float, high: float) -> Node:
    return op("Clamp", [x], {"min": float(low), "max": float(high)})


def _scale(x: Output | Node, factor: float) -> Node:
    return op("Multiply", [x, _like(factor, x)])


def _add(x: Output | Node, term: float) -> Node:
    return op("Add", [x, _like(term, x)])


def _like(value: float, x: Output | Node) -> Output:
    return const(value, dtype_of(x))


def _scalar(values: object) -> float | None:
    """The one number in an array; None where there are several different ones."""
    flat = np.unique(np.asarray(values))
    return float(flat[0]) if flat.size == 1 else None


RULES: dict[str, Sequence[Rule]] = {
    "Abs": [absolute_value],
    "Sign": [sign],
    "Selu": [selu],
    "HardSigmoid": [hard_sigmoid],
    "SoftSign": [soft_sign],
    "Gelu": [gelu_tanh],
    "Sin": [sin],
    "Cos": [cos],
    "Tan": [tan],
    "Sinh": [sinh],
    "Cosh": [cosh],
    "Asin": [asin],
    "Acos": [acos],
    "Atan": [atan],
    "Asinh": [asinh],
    "Acosh": [acosh],
    "Atanh": [atanh],
}
