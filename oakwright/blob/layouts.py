"""Orders of dimensions: one nibble per stored position, innermost in the lowest nibble.

Nibble values: 1 W, 2 H, 3 C, 4 N, 5 D; 6 to 8 are further dimensions without a letter, written
as their digit. A nibble of 0 ends the list.
"""

from __future__ import annotations

AXIS_LETTERS = {1: "W", 2: "H", 3: "C", 4: "N", 5: "D", 6: "6", 7: "7", 8: "8"}

# The orders the engine makes; a tensor of any rank gets the first of its rank by default.
ORDERS = {
    "C": 0x3,
    "NC": 0x43,
    "CHW": 0x321,
    "HWC": 0x213,
    "HCW": 0x231,
    "NCHW": 0x4321,
    "NHWC": 0x4213,
    "NHCW": 0x4231,
    "NCDHW": 0x43521,
    "NDHWC": 0x45213,
}

DEFAULT_ORDERS = {
    1: 0x3,
    2: 0x43,
    3: 0x321,
    4: 0x4321,
    5: 0x43521,
    6: 0x654321,
    7: 0x7654321,
    8: 0x87654321,
}

_NAMED = {code: name for name, code in ORDERS.items()}


def nibbles(order: int) -> tuple[int, ...]:
    """The dimension numbers of ``order``, innermost first, up to the first 0 nibble."""
    found = []
    while order & 0xF:
        found.append(order & 0xF)
        order >>= 4
    return tuple(found)


def order_is_valid(order: int, rank: int) -> bool:
    """Whether ``order`` names exactly ``rank`` different dimensions."""
    digits = nibbles(order)
    return len(digits) == rank == len(set(digits)) and max(digits) <= 8 and order >> (4 * rank) == 0


def order_letters(order: int) -> str:
    """The axes of ``order``, outermost first: ``NCHW`` for 0x4321."""
    return "".join(AXIS_LETTERS[digit] for digit in reversed(nibbles(order)))


def layout_name(order: int) -> str:
    """The usual name of ``order`` (``NHWC``), or nothing for orders that have none."""
    return _NAMED.get(order, "")
