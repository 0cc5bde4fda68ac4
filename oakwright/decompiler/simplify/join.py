"""Concat of equal ops as one op: tiles, channel groups, ranges of channels, samples of a batch.

``join(values, axis)`` is a value equal to the concatenation of ``values`` that needs none, or
None. ``plans`` says for each op which operands have to be joined, and what is built from them.
Plans are followed with a stack of their own: a batch is joined through a whole network.
"""

from __future__ import annotations

from ..graph import Value, tag
from ..ops import concat, slice_axis
from .plans import Plan, Values, plan_for
from .rewrite import Uses, first_stage

Key = tuple[Values, int]


def join_inputs(value: Value, uses: Uses) -> Value | None:
    """Concat: join all operands, or as long runs of them as can be joined."""
    axis = value.node.attributes["axis"]
    values = value.node.inputs
    joiner = Joiner(uses)
    whole = joiner.join(values, axis)
    if whole is not None and joiner.settle(values, axis):
        return whole
    runs: list[Value] = []
    start = 0
    while start < len(values):
        stop, joined = start + 1, values[start]
        # Only neighbours of one kind can belong together.
        while stop < len(values) and values[stop].node.op == values[start].node.op:
            longer = joiner.join(values[start : stop + 1], axis)
            if longer is None:
                break
            stop, joined = stop + 1, longer
        if stop > start + 1 and not joiner.settle(values[start:stop], axis):
            stop, joined = start + 1, values[start]
        runs.append(joined)
        start = stop
    return concat(runs, axis) if len(runs) < len(values) else None


class Joiner:
    """Joins, remembering what was tried."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._known: dict[Key, Value | None] = {}
        self._parts: dict[Key, list[Key]] = {}
        self._ranges: set[Key] = set()

    def join(self, values: Values, axis: int) -> Value | None:
        """The concatenation of ``values`` without a Concat, or None."""
        stack: list[Key] = [(values, axis)]
        plans: dict[Key, Plan | None] = {}
        while stack:
            key = stack[-1]
            if key in self._known:
                stack.pop()
                continue
            if key not in plans:
                plans[key] = plan_for(*key)
                plan = plans[key]
                if plan is not None:
                    stack.extend(part for part in plan.parts if part not in self._known)
                    continue
            plan = plans[key]
            made = None
            if plan is not None:
                parts = [self._known.get(part) for part in plan.parts]
                ready = [p for p in parts if p is not None]
                if len(ready) == len(parts):
                    made = plan.build(ready)
            if made is not None and plan is not None:
                tag([made], first_stage(key[0]))
                self._parts[key] = plan.parts
                if plan.is_range:
                    self._ranges.add(key)
            self._known[key] = made
            stack.pop()
        return self._known[values, axis]

    def settle(self, values: Values, axis: int) -> bool:
        """Give everybody else who reads a joined part a slice of the whole instead.

        Otherwise the part would be computed twice. False where a reader of a part leads to the
        whole, so that there is no such slice.
        """
        shared: dict[Value, Value] = {}
        waiting, done = [(values, axis)], set[Key]()
        while waiting:
            key = waiting.pop()
            if key in done:
                continue
            done.add(key)
            parts, along = key
            made = self._known[key]
            if made is None or parts[0].node.op in ("Slice", "Constant"):
                continue
            at = 0
            for part in parts:
                if not self._uses.single(part):
                    shared[part] = slice_axis(made, along, at, at + part.shape[along])
                at += part.shape[along]
            waiting.extend(self._parts[key])
        if shared and done & self._ranges:
            # Two convolutions of one tensor that are also read apart: branches of the network.
            return False
        return not shared or self._uses.replace_also(shared)
