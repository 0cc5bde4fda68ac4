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


def enter(running: list[Loop], start: Stage, at: int) -> None:
    """Come to a LoopStart: for the first time, or back from the end of its loop."""
    if not running or running[-1].at != at:
        running.append(Loop(start, at))


def leave(running: list[Loop], at: int) -> int:
    """Done with the LoopEnd at ``at``: where to go on, which is the start until all is done."""
    loop = running[-1]
    loop.iteration += 1
    if loop.iteration < loop.iterations:
        return loop.at
    running.pop()
    return at + 1


def move(memory: Memory, stage: Stage, running: list[Loop]) -> None:
    """Copy slices: of sources to parts at a LoopStart (119), of parts to wholes at a LoopEnd (120).

    Slices go by the rules of that stage and by the round of the innermost loop.
    """
    if not running:
        raise ValueError("the end of a loop that did not start")
    params = cast(LoopStartParams | LoopEndParams, stage.params)
    iteration = running[-1].iteration
    for rule, source, destination in zip(params.rules, stage.inputs, stage.outputs, strict=True):
        whole, part = (source, destination) if stage is running[-1].start else (destination, source)
        place = sliced(memory.view(whole), rule, part_size(part, rule), iteration)
        if part is destination:
            memory.view(part)[...] = place
        else:
            place[...] = memory.view(part)


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
