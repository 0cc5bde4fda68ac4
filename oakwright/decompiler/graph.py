"""The graph between memory and model: single-assignment values, made by nodes.

Rule of this file: nothing here knows blobs or OpenVINO objects. ``Node.op`` is the name of an
OpenVINO operation and ``Node.attributes`` are the keyword arguments of the function that makes
it, so that emitting a node is a table look-up (``emit.py``). Three ops are ours alone:
``Parameter``, ``Slice`` (a box with steps, emitted as StridedSlice or Split) and
``ZeroInsertion`` (what the Upsampling stage does, absorbed by a transposed convolution).

Values are never changed; a rewrite makes new nodes and says ``replace(old, new)``. Nodes nobody
reaches from the outputs any more simply do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from oakwright.errors import RunError

# An OAK has 512 MB of memory: no tensor of a network has more elements.
MAX_ELEMENTS = 1 << 28

F32 = np.dtype(np.float32)
I32 = np.dtype(np.int32)
BOOL = np.dtype(np.bool_)


@dataclass(eq=False, slots=True)
class Value:
    """One output of a node: what it is, not where it lies. ``shape`` is outermost first."""

    node: Node
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def constant(self) -> np.ndarray | None:
        """The data where this is a constant."""
        data = self.node.attributes.get("data") if self.node.op == "Constant" else None
        return data if isinstance(data, np.ndarray) else None

    def __repr__(self) -> str:
        return f"<{self.node.op} {self.dtype}{list(self.shape)}>"


@dataclass(eq=False, slots=True)
class Node:
    """One operation. ``stage`` is the index of the blob's stage it came from, -1 before tagging."""

    op: str
    inputs: tuple[Value, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: list[Value] = field(default_factory=list)
    stage: int = -1

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.inputs))})"


def make(
    op: str,
    inputs: tuple[Value, ...],
    shape: tuple[int, ...],
    dtype: np.dtype = F32,
    **attributes: Any,
) -> Value:
    """A node with one output."""
    return make_many(op, inputs, [(shape, dtype)], **attributes)[0]


def make_many(
    op: str,
    inputs: tuple[Value, ...],
    outputs: list[tuple[tuple[int, ...], np.dtype]],
    **attributes: Any,
) -> list[Value]:
    """A node with several outputs, each ``(shape, dtype)``."""
    for shape, _ in outputs:
        if prod(shape) > MAX_ELEMENTS:
            raise RunError(
                f"{op} makes a tensor of {prod(shape)} elements: more than any device has"
            )
    node = Node(op, inputs, attributes)
    node.outputs = [
        Value(node, i, tuple(int(d) for d in shape), dtype)
        for i, (shape, dtype) in enumerate(outputs)
    ]
    return node.outputs


def tag(values: list[Value] | tuple[Value, ...], stage: int) -> None:
    """Say that the untagged nodes behind ``values`` come from ``stage``."""
    waiting = [v.node for v in values] if stage >= 0 else []
    while waiting:
        node = waiting.pop()
        if node.stage < 0:
            node.stage = stage
            waiting.extend(v.node for v in node.inputs)


@dataclass(eq=False)
class Graph:
    """Parameters in, named results out."""

    inputs: list[Value] = field(default_factory=list)
    outputs: list[tuple[str, Value]] = field(default_factory=list)

    def nodes(self) -> list[Node]:
        """All nodes that reach an output, producers before consumers."""
        order: list[Node] = []
        done: set[Node] = set()
        for _, value in self.outputs:
            _visit(value.node, order, done)
        return order

    def users(self) -> dict[Value, int]:
        """How many operands (results included) read each value."""
        counts: dict[Value, int] = {}
        for node in self.nodes():
            for value in node.inputs:
                counts[value] = counts.get(value, 0) + 1
        for _, value in self.outputs:
            counts[value] = counts.get(value, 0) + 1
        return counts

    def replace(self, replacements: dict[Value, Value]) -> None:
        """Read ``replacements[v]`` wherever ``v`` was read; chains are followed."""

        def final(value: Value) -> Value:
            seen = value
            while seen in replacements:
                seen = replacements[seen]
            return seen

        changed = {old: final(old) for old in replacements}
        self.outputs = [(name, changed.get(v, v)) for name, v in self.outputs]
        # New nodes may read old values too, so walk whatever the outputs reach, until quiet.
        done: set[Node] = set()
        waiting = [v.node for _, v in self.outputs]
        while waiting:
            node = waiting.pop()
            if node in done:
                continue
            done.add(node)
            if any(v in changed for v in node.inputs):
                node.inputs = tuple(changed.get(v, v) for v in node.inputs)
            waiting.extend(v.node for v in node.inputs)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes())


def _visit(root: Node, order: list[Node], done: set[Node]) -> None:
    # Depth first without recursion: graphs are thousands of nodes deep.
    stack: list[tuple[Node, Iterator[Value]]] = []
    if root not in done:
        done.add(root)
        stack.append((root, iter(root.inputs)))
    while stack:
        node, rest = stack[-1]
        for value in rest:
            if value.node not in done:
                done.add(value.node)
                stack.append((value.node, iter(value.node.inputs)))
                break
        else:
            order.append(node)
            stack.pop()
