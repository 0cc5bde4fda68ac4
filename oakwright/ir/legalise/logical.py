"""Comparisons, logic, and the remainders of a division.

The engine's stages are particular about types, and booleans are S32 to it. It compiles LogicalAnd
and LogicalNot; of comparisons, Equal, Greater and Less for floats, Equal and GreaterEqual for
integers. The others end in "output #0 has type S32, but FP16 is expected", or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from openvino import Node, Output, Type

from .activations import absolute, truth
from .rewrite import Refusal, Rule, const, dtype_of, op, shape_of

FLOAT_MAX = float(np.finfo(np.float32).max)
_MASKED = -32752.0  # half of what minus infinity becomes: no score that is meant is so low


def negation(condition: Output | Node) -> Node:
    """The opposite of a boolean tensor."""
    return op("LogicalNot", [condition])


def either(a: Output | Node, b: Output | Node, broadcast: str = "numpy") -> Node:
    """``a or b`` as ``not (not a and not b)``."""
    both = op("LogicalAnd", [negation(a), negation(b)], {"auto_broadcast": broadcast})
    return negation(both)


def not_equal(node: Node) -> Sequence[Node]:
    """``not (a == b)``."""
    return [negation(_same_inputs("Equal", node))]


def greater_equal(node: Node) -> Sequence[Node] | None:
    """``not (a < b)``; a NaN on either side counts as greater, which IEEE would not have."""
    if _compares_integers(node):
        return None
    return [negation(_same_inputs("Less", node))]


def less_equal(node: Node) -> Sequence[Node]:
    """``not (a > b)``, of integers ``b >= a``; as for GreaterEqual with a NaN."""
    if _compares_integers(node):
        return [_not_less(node, 1, 0)]
    return [negation(_same_inputs("Greater", node))]


def greater(node: Node) -> Sequence[Node] | None:
    """Of integers: ``not (b >= a)``."""
    return [negation(_not_less(node, 1, 0))] if _compares_integers(node) else None


def less(node: Node) -> Sequence[Node] | None:
    """Of integers: ``not (a >= b)``."""
    return [negation(_not_less(node, 0, 1))] if _compares_integers(node) else None


def logical_or(node: Node) -> Sequence[Node]:
    """Or by De Morgan's rule."""
    return [either(node.input_value(0), node.input_value(1), _broadcast(node))]


def logical_xor(node: Node) -> Sequence[Node]:
    """``(a or b) and not (a and b)``."""
    a, b, broadcast = node.input_value(0), node.input_value(1), _broadcast(node)
    both = op("LogicalAnd", [a, b], {"auto_broadcast": broadcast})
    return [op("LogicalAnd", [either(a, b, broadcast), negation(both)])]


def reduce_logical_or(node: Node) -> Sequence[Node]:
    """Any is not all of the opposites."""
    attrs = {"keep_dims": bool(node.get_attributes()["keep_dims"])}
    inputs = [negation(node.input_value(0)), node.input_value(1)]
    return [negation(op("ReduceLogicalAnd", inputs, attrs))]


def is_nan(node: Node) -> Sequence[Node]:
    """Only a NaN differs from itself; of an attention's rows, the one with everything masked."""
    x = node.input_value(0)
    masked = _fully_masked(x)
    if masked is not None:
        return [masked]
    return [negation(op("Equal", [x, x]))]


def _fully_masked(x: Output) -> Node | None:
    """Where a softmax, or its product with anything, has only masked scores in the row.

    Minus infinity is a finite number in the blob, and a row of it gives equal parts, no NaN.
    """
    softmax = x.get_node()
    if softmax.get_type_name() == "MatMul" and not softmax.get_attributes()["transpose_a"]:
        softmax = softmax.input_value(0).get_node()
    if softmax.get_type_name() != "Softmax":
        return None
    scores = softmax.input_value(0)
    rank = len(shape_of(scores))
    if int(softmax.get_attributes()["axis"]) % rank != rank - 1 or len(shape_of(x)) != rank:
        return None
    highest = op("ReduceMax", [scores, [rank - 1]], {"keep_dims": True})
    along = op("Tile", [highest, [1] * (rank - 1) + shape_of(x)[-1:]])
    return op("Less", [along, const(_MASKED, dtype_of(x))])


def is_finite(node: Node) -> Sequence[Node]:
    """``x - x`` is zero, but NaN for infinities and NaNs."""
    x = node.input_value(0)
    return [op("Equal", [op("Subtract", [x, x]), const(0, dtype_of(x))])]


def is_inf(node: Node) -> Sequence[Node]:
    """Neither finite nor NaN; for one sign, beyond the greatest finite number and not NaN.

    The bound is F32's; when constants are brought into FP16's range it becomes 65504, which is
    just as exact there: the chip knows no finite number beyond it. The comparison with itself is
    not idle: OpenVINO's CPU plugin takes NaN for greater than anything.
    """
    x = node.input_value(0)
    attrs = node.get_attributes()
    number = op("Equal", [x, x])
    if attrs["detect_negative"] and attrs["detect_positive"]:
        return [op("LogicalAnd", [number, negation(is_finite(node)[0])])]
    if attrs["detect_positive"]:
        beyond = op("Greater", [x, const(FLOAT_MAX, dtype_of(x))])
        return [op("LogicalAnd", [number, beyond])]
    if attrs["detect_negative"]:
        beyond = op("Less", [x, const(-FLOAT_MAX, dtype_of(x))])
        return [op("LogicalAnd", [number, beyond])]
    return [op("LogicalAnd", [number, negation(number)])]  # never both: false everywhere


def bitwise(kind: str) -> Rule:
    """Bitwise operations on booleans are the logical ones; on integers there is no stage."""

    def rule(node: Node) -> Sequence[Node]:
        if dtype_of(node.input_value(0)) != Type.boolean:
            raise Refusal(
                f"{node.get_type_name()} of integers: the chip has no bit operations",
                "do it on the host, or write it as arithmetic (a shift is a multiplication)",
            )
        attrs = {} if kind == "LogicalNot" else {"auto_broadcast": _broadcast(node)}
        return [op(kind, node.input_values(), attrs)]

    rule.__name__ = f"bitwise_as_{kind.lower()}"
    return rule


def bit_shift(node: Node) -> None:
    """Shifts have no stage."""
    raise Refusal(
        f"{node.get_type_name()}: the chip has no bit operations",
        "write it as a multiplication or division by a power of two",
    )


def floor_mod(node: Node) -> Sequence[Node] | None:
    """The remainder with the sign of ``b``, as in Python; native for floats."""
    if dtype_of(node.output(0)).is_real():
        return None
    a, b = node.input_values()
    zero, one = const(0, dtype_of(a)), const(1, dtype_of(a))
    left = _remainder_of_sizes(a, b)
    up = op("GreaterEqual", [b, zero])
    signed = op("Select", [up, left, _negative(left)])
    # Where the signs differ and something is left, the other part of b.
    agree = op("Equal", [truth(op("GreaterEqual", [a, zero]), dtype_of(a)), truth(up, dtype_of(a))])
    other = op("LogicalAnd", [negation(agree), op("GreaterEqual", [left, one])])
    return [op("Select", [other, op("Subtract", [b, signed]), signed])]


def mod(node: Node) -> Sequence[Node]:
    """The remainder of the magnitudes, with the sign of ``a``, as in C."""
    a, b = node.input_values()
    zero = const(0, dtype_of(a))
    if dtype_of(node.output(0)).is_real():
        left = op("FloorMod", [absolute(a), absolute(b)])
        return [op("Select", [op("Less", [a, zero]), _negative(left), left])]
    left = _remainder_of_sizes(a, b)
    return [op("Select", [op("GreaterEqual", [a, zero]), left, _negative(left)])]


def _remainder_of_sizes(a: Output, b: Output) -> Node:
    """``|a| - |b| * (|a| / |b|)`` of integers; of magnitudes all divisions round the same way."""
    size, step = absolute(a), absolute(b)
    whole = op("Divide", [size, step])
    return op("Subtract", [size, op("Multiply", [whole, step])])


def _negative(x: Node) -> Node:
    return op("Multiply", [x, const(-1, dtype_of(x))])


def _compares_integers(node: Node) -> bool:
    return bool(dtype_of(node.input_value(0)).is_integral_number())


def _not_less(node: Node, first: int, second: int) -> Node:
    inputs = [node.input_value(first), node.input_value(second)]
    return op("GreaterEqual", inputs, {"auto_broadcast": _broadcast(node)})


def _same_inputs(kind: str, node: Node) -> Node:
    return op(kind, node.input_values(), {"auto_broadcast": _broadcast(node)})


def _broadcast(node: Node) -> str:
    return str(node.get_attributes().get("auto_broadcast", "numpy"))


RULES: dict[str, Sequence[Rule]] = {
    "NotEqual": [not_equal],
    "GreaterEqual": [greater_equal],
    "LessEqual": [less_equal],
    "Greater": [greater],
    "Less": [less],
    "LogicalOr": [logical_or],
    "LogicalXor": [logical_xor],
    "ReduceLogicalOr": [reduce_logical_or],
    "IsNaN": [is_nan],
    "IsFinite": [is_finite],
    "IsInf": [is_inf],
    "BitwiseAnd": [bitwise("LogicalAnd")],
    "BitwiseOr": [bitwise("LogicalOr")],
    "BitwiseXor": [bitwise("LogicalXor")],
    "BitwiseNot": [bitwise("LogicalNot")],
    "BitwiseLeftShift": [bit_shift],
    "BitwiseRightShift": [bit_shift],
    "Mod": [mod],
    "FloorMod": [floor_mod],
}
