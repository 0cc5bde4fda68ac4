"""Applying rules to a graph: one walk, producers before consumers.

A rule looks at one value and gives back another that computes the same, or None. It may build on
the value's operands, which are already rewritten. It must not change nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..graph import Graph, Node, Value, tag


class Uses:
    """Who reads what, and what was replaced so far, during one walk."""

    def __init__(self, graph: Graph) -> None:
        self._counts = graph.users()
        self.replaced: dict[Value, Value] = {}

    def single(self, value: Value) -> bool:
        """Whether nobody else would miss the value if its reader were replaced."""
        return self._counts.get(value, 1) == 1

    def hand_over(self, old: Value, new: Value) -> None:
        """``new`` is read wherever ``old`` was."""
        self._counts[new] = self._counts.get(new, 0) + self._counts.get(old, 1)
        self.replaced[old] = new

    def replace_also(self, others: Mapping[Value, Value]) -> bool:
        """Let all readers of the keys read the values; False where that would make a circle."""
        waiting = [v.node for v in others.values()]
        done: set[Node] = set()
        forbidden = {v.node for v in others}
        while waiting:
            node = waiting.pop()
            if node in done:
                continue
            if node in forbidden:
                return False
            done.add(node)
            waiting.extend(self.final(v).node for v in node.inputs)
        for old, new in others.items():
            self.hand_over(old, new)
        return True

    def final(self, value: Value) -> Value:
        """What stands for ``value`` by now."""
        while value in self.replaced:
            value = self.replaced[value]
        return value


Rule = Callable[[Value, Uses], "Value | None"]


def rewrite(graph: Graph, rules: Mapping[str, list[Rule]]) -> bool:
    """Walk once; ``rules`` by op. Says whether anything changed."""
    merged = merge_equal(graph)
    uses = Uses(graph)
    replaced = uses.replaced
    for node in graph.nodes():
        if any(v in replaced for v in node.inputs):
            node.inputs = tuple(uses.final(v) for v in node.inputs)
        old = node.outputs[0]
        if len(node.outputs) != 1 or old in replaced:
            continue
        new = None
        for rule in rules.get(node.op, ()):
            new = rule(old, uses)
            if new is not None:
                if new.shape != old.shape or new.dtype != old.dtype:
                    raise AssertionError(f"{rule.__name__} made {new!r} of {old!r}")
                tag([new], node.stage)
                break
        if new is not None and new is not old:
            uses.hand_over(old, new)
    if replaced:
        graph.replace(replaced)
    return bool(replaced) or merged


def merge_equal(graph: Graph) -> bool:
    """What is computed twice is computed once. Before rules count who reads a value."""
    seen: dict[object, Node] = {}
    replaced: dict[Value, Value] = {}
    for node in graph.nodes():
        if any(v in replaced for v in node.inputs):
            node.inputs = tuple(replaced.get(v, v) for v in node.inputs)
        twin = seen.setdefault(_key(node), node)
        if twin is not node:
            replaced.update(zip(node.outputs, twin.outputs, strict=True))
    if replaced:
        graph.replace(replaced)
    return bool(replaced)


def _key(node: Node) -> object:
    """Equal for nodes that compute the same; constants only where they are one object."""
    if node.op in ("Constant", "Parameter"):
        return id(node)
    return (
        node.op,
        tuple(id(v) for v in node.inputs),
        tuple((v.shape, v.dtype) for v in node.outputs),
        repr(sorted(node.attributes.items())),
    )


def readers(graph: Graph) -> dict[Value, list[Node]]:
    """The nodes that read each value."""
    found: dict[Value, list[Node]] = {}
    for node in graph.nodes():
        for value in node.inputs:
            found.setdefault(value, []).append(node)
    return found


def same(a: Value, b: Value) -> bool:
    """Whether two values are one, or equal constants."""
    if a is b:
        return True
    x, y = a.constant, b.constant
    return x is not None and y is not None and x.dtype == y.dtype and np.array_equal(x, y)


def first_stage(values: list[Value] | tuple[Value, ...]) -> int:
    """The first of the stages that ``values`` come from: what they are joined to is named so."""
    return min(v.node.stage for v in values)
