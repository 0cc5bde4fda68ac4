"""Comparisons, logic, and the remainders of a division.

Of the comparisons and logical operations the engine compiles Equal, Greater, Less, LogicalAnd and
LogicalNot; the others end in "output #0 has type S32, but FP16 is expected".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from openvino import Node, Output, Type

from .activations import absolute
from .rewrite import Refusal, Rule, const, dtype_of, op

FLOAT_MAX = float(np.finfo(np.float32).max)


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


def greater_equal(node: Node) -> Sequence[Node]:
    """``not (a < b)``; a NaN on either side counts as greater, which IEEE would not have."""
    return [negation(_same_inputs("Less", node))]


def less_equal(node: Node) -> Sequence[Node]:
    """``not (a > b)``; as for GreaterEqual with a NaN."""
    return [negation(_same_inputs("Greater", node))]


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
    """Only a NaN differs from itself."""
    x = node.input_value(0)
    return [negation(op("Equal", [x, x]))]


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


def floor_mod(node: Node) -> Sequence[Output | Node]:
    """``a - b * floor(a / b)``: the result has the sign of ``b``, as in Python."""
    return _remainder(node, _floored)


def mod(node: Node) -> Sequence[Output | Node]:
    """``a - b * trunc(a / b)``: the result has the sign of ``a``, as in C."""
    return _remainder(node, _truncated)


def _remainder(
    node: Node, quotient: Callable[[Output, Output, bool], Node]
) -> Sequence[Output | Node]:
    dtype = dtype_of(node.output(0))
    whole = not dtype.is_real()
    a, b = node.input_values()
    if whole:
        # The engine's arithmetic is FP16: integers are exact there up to 2048.
        a, b = (op("Convert", [v], {"destination_type": "f32"}).output(0) for v in (a, b))
    times = quotient(a, b, whole)
    left = op("Subtract", [a, op("Multiply", [times, b])])
    if whole:
        return [op("Convert", [left], {"destination_type": dtype.get_type_name()})]
    return [left]


def _truncated(a: Output, b: Output, whole: bool) -> Node:
    # floor of the magnitudes, with the quotient's sign: that of a/b, clamped after scaling up.
    size = op("Floor", [op("Divide", [_half_up(absolute(a), whole), absolute(b)])])
    ratio = op("Multiply", [op("Divide", [a, b]), const(65504.0, dtype_of(a))])
    sign = op("Clamp", [ratio], {"min": -1.0, "max": 1.0})
    return op("Multiply", [size, sign])


def _floored(a: Output, b: Output, whole: bool) -> Node:
    if not whole:
        return op("Floor", [op("Divide", [a, b])])
    # (a + 1/2) / b has the same floor as a / b for whole a and b > 0, and the other way round
    # for b < 0; it lies so far from the next integer that an inexact division cannot reach it.
    half = op("Clamp", [b], {"min": -0.5, "max": 0.5})
    return op("Floor", [op("Divide", [op("Add", [a, half]), b])])


def _half_up(size: Node, whole: bool) -> Node:
    return op("Add", [size, const(0.5, dtype_of(size))]) if whole else size


def _same_inputs(kind: str, node: Node) -> Node:
    return op(kind, node.input_values(), {"auto_broadcast": _broadcast(node)})


def _broadcast(node: Node) -> str:
    return str(node.get_attributes().get("auto_broadcast", "numpy"))


RULES: dict[str, Sequence[Rule]] = {
    "NotEqual": [not_equal],
    "GreaterEqual": [greater_equal],
    "LessEqual": [less_equal],
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
