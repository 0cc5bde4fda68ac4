"""Tiny constants that keep a divisor from zero: guards that are still there in FP16.

``x / max(norm, 1e-12)`` (PyTorch's ``normalize``), ``log(p + 1e-9)``, ``x / sqrt(s + 1e-10)``: no
FP16 number between 0 and 2**-14 reaches the chip (``storage.py``), so the guard is lost and a black
frame gives 0 / 0. Mended so that nothing changes where the guard is not needed:

    max(x, c)        becomes     max(x, 2**-14)
    sqrt(x + c)      becomes     max(sqrt(x + c), max(sqrt(c), 2**-14))
    x + c            becomes     2**-14 where x + c is 0, else x + c
"""

from __future__ import annotations

import math

import numpy as np
import openvino as ov
from openvino import Input, Node, Output

from .rewrite import array_of, const, op

SMALLEST = 2.0**-14
# Input of an operation -> where a zero is fatal.
_FATAL = {"Divide": 1, "Log": 0}
_GUARDS = frozenset(("Add", "Maximum"))
# What passes values on without changing them.
_CARRIERS = frozenset(("Reshape", "Squeeze", "Unsqueeze", "Transpose", "Broadcast"))


def guard_denominators(model: ov.Model) -> list[Node]:
    """Mend, in place, the guards that storing would lose; what divides by them is returned."""
    mended = []
    for node in model.get_ordered_ops():
        place = _FATAL.get(node.get_type_name())
        if place is None or not node.get_output_element_type(0).is_real():
            continue
        divisor = _behind_carriers(node.input_value(place))
        guard, root = divisor.get_node(), _root_of(divisor.get_node())
        tiny = _tiny_in(_behind_carriers(root).get_node() if root else guard)
        users = divisor.get_target_inputs()
        if tiny is None or _is_guarded(users):
            continue
        floor = const(SMALLEST, divisor.get_element_type())
        if guard.get_type_name() == "Maximum":
            guard.input(tiny[0]).replace_source_output(floor)
        else:
            kept = _over_root(divisor, tiny[1]) if root else _not_zero(divisor, floor)
            for user in users:
                user.replace_source_output(kept.output(0))
        mended.append(node)
    return mended


def _behind_carriers(value: Output) -> Output:
    while value.get_node().get_type_name() in _CARRIERS:
        value = value.get_node().input_value(0)
    return value


def _root_of(node: Node) -> Output | None:
    """What a square root is of, be it a Power."""
    if node.get_type_name() == "Sqrt":
        return node.input_value(0)
    if node.get_type_name() == "Power":
        exponent = array_of(node.input_value(1))
        if exponent is not None and exponent.size and np.all(exponent == 0.5):
            return node.input_value(0)
    return None


def _tiny_in(node: Node) -> tuple[int, float] | None:
    """The input of a guard that is a constant too small to be kept, and its value."""
    if node.get_type_name() not in _GUARDS:
        return None
    for place in (0, 1):
        values = array_of(node.input_value(place))
        if values is not None and values.size and values.min() > 0 and values.max() < SMALLEST:
            return place, float(values.max())
    return None


def _is_guarded(users: set[Input]) -> bool:
    """Whether another division has had it mended already."""
    return any(user.get_node().get_type_name() in ("Maximum", "Select") for user in users)


def _over_root(root: Output, inside: float) -> Node:
    floor = const(max(math.sqrt(inside), SMALLEST), root.get_element_type())
    return op("Maximum", [root, floor])


def _not_zero(value: Output, floor: Output) -> Node:
    zero = const(0.0, value.get_element_type())
    return op("Select", [op("Equal", [value, zero]), floor, value])
