"""Loops over slices: what LoopStart cuts out for an iteration, and LoopEnd puts back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from oakwright.blob import Buffer, LoopEndParams, LoopStartParams, SliceRule, Stage

from .kernels import Array
from .memory import Memory


@dataclass
class Loop:
    """A loop that is running: its LoopStart, where that stands in the program, and the round."""

    start: Stage
    at: int
    iteration: int = 0

    @property
    def iterations(self) -> int:
        """How often the body runs."""
        return cast(LoopStartParams, self.start.params).iterations


def cut(memory: Memory, loop: Loop) -> None:
    """LoopStart (119): copy this round's slice of each source to its destination."""
    params = cast(LoopStartParams, loop.start.params)
    pairs = zip(params.rules, loop.start.inputs, loop.start.outputs, strict=True)
    for rule, source, destination in pairs:
        part = memory.view(destination)
        part[...] = sliced(memory.view(source), rule, part_size(destination, rule), loop.iteration)


def paste(memory: Memory, end: Stage, loop: Loop) -> None:
    """LoopEnd (120): copy each source to this round's slice of its destination."""
    params = cast(LoopEndParams, end.params)
    for rule, source, destination in zip(params.rules, end.inputs, end.outputs, strict=True):
        whole = memory.view(destination)
        sliced(whole, rule, part_size(source, rule), loop.iteration)[...] = memory.view(source)


def part_size(part: Buffer, rule: SliceRule) -> int:
    """Size of a slice along the axis of its rule, a stored position."""
    if not 0 <= rule.axis < part.desc.rank:
        raise ValueError(f"slices along axis {rule.axis} of {part.desc.rank}")
    return part.desc.dims[rule.axis]


def sliced(whole: Array, rule: SliceRule, size: int, iteration: int) -> Array:
    """The slice of a round, in place. Negative starts count from the end.

    With a negative stride the first slice is the one that ends at ``start``.
    """
    axis = whole.ndim - 1 - rule.axis  # numpy counts from the outermost
    length = whole.shape[axis]
    first = rule.start + length if rule.start < 0 else rule.start
    if rule.stride < 0:
        first -= size - 1
    first += iteration * rule.stride
    if not 0 <= first <= length - size:
        raise ValueError(f"round {iteration} takes {size} at {first} of {length}")
    return whole[(slice(None),) * axis + (slice(first, first + size),)]
