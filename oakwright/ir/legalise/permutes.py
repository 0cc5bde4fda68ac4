"""Two transposes with reshapes between, as one. No rules here; ``peephole.py`` asks.

A product written as a convolution leaves [N, C, H, W]; attention turns it to [N, H, W, C], takes
the channels apart into heads, [N, T, heads, d], and turns that to [N, heads, T, d]. Seen by the
factors that the axes are made of, these two moves are one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MAX_RANK = 5


def joined(
    source: Sequence[int], first: Sequence[int], between: Sequence[int], second: Sequence[int]
) -> tuple[list[int], list[int]] | None:
    """One reshape and one order of axes that do what two moves do.

    ``source`` is transposed by ``first``, reshaped to ``between`` and transposed by ``second``.
    Comes back the shape to give the source before its one transpose, and the order of that; the
    result is then reshaped to its own shape. None where the axes have no common factors, or where
    more than `MAX_RANK` axes would be needed. An empty order says that nothing has to move.
    """
    factors = _factors([source[axis] for axis in first], between)
    if factors is None:
        return None
    # Every factor with its axis before and after the reshape; its number is its place between.
    numbers = range(len(factors))
    before = [n for axis in range(len(source)) for n in numbers if first[factors[n][1]] == axis]
    after = [n for axis in second for n in numbers if factors[n][2] == axis]
    runs: list[list[int]] = []
    for number in after:
        at = before.index(number)
        if runs and at and before[at - 1] == runs[-1][-1]:
            runs[-1].append(number)
        else:
            runs.append([number])
    if len(runs) <= 1:
        return [math.prod(source)], []
    if len(runs) > MAX_RANK:
        return None
    ordered = sorted(runs, key=lambda run: before.index(run[0]))
    shape = [math.prod(factors[number][0] for number in run) for run in ordered]
    return shape, [ordered.index(run) for run in runs]


def _factors(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int, int]] | None:
    """Sizes that both shapes are products of, each with its axis in ``a`` and in ``b``."""
    left, right = _long(a), _long(b)
    found = []
    while left and right:
        (i, size), (j, other) = left.pop(), right.pop()
        common = min(size, other)
        if max(size, other) % common:
            return None
        found.append((common, i, j))
        if size > common:
            left.append((i, size // common))
        if other > common:
            right.append((j, other // common))
    return found if not left and not right else None


def _long(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Axes longer than 1 with their sizes, the last one first."""
    return [(axis, size) for axis, size in enumerate(shape) if size != 1][::-1]
