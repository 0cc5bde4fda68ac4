"""Where the boxes and lines of a graph go: layers from top to bottom, long lines beside them.

A part of a graph is drawn at a time, so that the picture of a network of thousands of layers is no
larger than one can look at: the list of layers is cut into parts of at most `MOST_NODES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_NODES = 250
MOST_LINES = 1000
BOX_W, BOX_H = 176, 40
GAP_X, GAP_Y = 24, 36
LANE = 10  # between two long lines side by side
_SWEEPS = 4


@dataclass(frozen=True)
class Box:
    """A layer's place: left upper corner, in pixels. ``at``: its place in the whole list."""

    at: int
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A line between two layers, both by their place in the whole list. ``path``: as in SVG."""

    source: int
    target: int
    path: str


@dataclass(frozen=True)
class Part:
    """One part of a graph. ``first``, ``count``: which layers; sizes in pixels.

    ``outside``: (layer, the layer of another part that it takes from). ``left_out``: how many
    lines are not drawn, as there are too many.
    """

    first: int
    count: int
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    outside: tuple[tuple[int, int], ...]
    left_out: int


def parts_of(count: int) -> int:
    """How many parts a graph of that many layers has."""
    return max(1, -(-count // MOST_NODES))


def lay_out(takes: Sequence[Sequence[int]], part: int) -> Part:
    """Place one part of a graph. ``takes``: for each layer the earlier ones it reads."""
    parts = parts_of(len(takes))
    size = -(-len(takes) // parts) if takes else 0
    first = part * size
    own = [[s - first for s in row] for row in takes[first : first + size]]
    outside = [
        (first + at, first + source) for at, row in enumerate(own) for source in row if source < 0
    ]
    edges = [(source, at) for at, row in enumerate(own) for source in row if source >= 0]
    ranks = _ranks(len(own), edges)
    x = _columns(ranks, edges)
    lines, right = _lines(ranks, x, edges[:MOST_LINES], first)
    boxes = tuple(
        Box(first + at, round(x[at], 1), _top(ranks[at]) + GAP_Y / 2) for at in range(len(own))
    )
    height = _top(max(ranks, default=-1) + 1)
    return Part(
        first,
        len(own),
        right,
        height,
        boxes,
        lines,
        tuple(outside),
        max(len(edges) - MOST_LINES, 0),
    )


def _top(rank: int) -> float:
    return rank * (BOX_H + GAP_Y)


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Each layer one below the lowest it takes from; what starts a branch right above its use."""
    ranks = [0] * count
    for source, target in edges:  # sorted by target
        ranks[target] = max(ranks[target], ranks[source] + 1)
    fed = {target for _, target in edges}
    used: dict[int, int] = {}
    for source, target in edges:
        used[source] = min(used.get(source, ranks[target]), ranks[target])
    for at, below in used.items():
        if at not in fed:
            ranks[at] = max(below - 1, 0)
    return ranks


def _columns(ranks: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[float]:
    """Left edges: neighbours near each other, boxes of one rank apart."""
    count = len(ranks)
    near: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        near[source].append(target)
        near[target].append(source)
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for at, rank in enumerate(ranks):
        rows[rank].append(at)
    x = [0.0] * count
    for row in rows:
        _spread(row, x, {at: float(slot) * (BOX_W + GAP_X) for slot, at in enumerate(row)})
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = {}
            for at in row:
                side = [n for n in near[at] if (ranks[n] < ranks[at]) == down]
                wanted[at] = sum(x[n] for n in side) / len(side) if side else x[at]
            _spread(row, x, wanted)
    left = min(x, default=0.0) - GAP_X / 2
    return [value - left for value in x]


def _spread(row: Sequence[int], x: list[float], wanted: dict[int, float]) -> None:
    """Give boxes of a row the places they want as far as they do not overlap."""
    order = sorted(row, key=lambda at: (wanted[at], at))
    step = BOX_W + GAP_X
    placed: list[float] = []
    for at in order:
        placed.append(max(wanted[at], placed[-1] + step) if placed else wanted[at])
    # What was pushed was pushed to the right: the row goes back by the mean of it.
    back = sum(p - wanted[at] for p, at in zip(placed, order, strict=True)) / max(len(row), 1)
    for at, place in zip(order, placed, strict=True):
        x[at] = place - back


def _lines(
    ranks: Sequence[int], x: Sequence[float], edges: Sequence[tuple[int, int]], first: int
) -> tuple[tuple[Line, ...], float]:
    """Lines between the boxes, and the right edge of the picture."""
    lefts: list[list[float]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for at, rank in enumerate(ranks):
        lefts[rank].append(x[at])
    rights = [max(row, default=0.0) + BOX_W for row in lefts]
    lanes: dict[int, list[tuple[int, int]]] = {}  # by place: ranks from and to
    lines, right = [], max(rights, default=0.0)
    for source, target in sorted(edges, key=lambda e: ranks[e[1]] - ranks[e[0]]):
        top, bottom = ranks[source], ranks[target]
        x1, y1 = x[source] + BOX_W / 2, _top(top) + GAP_Y / 2 + BOX_H
        x2, y2 = x[target] + BOX_W / 2, _top(bottom) + GAP_Y / 2
        between = range(top + 1, bottom)
        path = f"M{x1:g} {y1:g}"
        if not between:
            path += _curve(x1, y1, x2, y2)
        elif all(
            abs(left + BOX_W / 2 - x1) > BOX_W / 2 + LANE for r in between for left in lefts[r]
        ):
            path += f"V{y2 - GAP_Y:g}" + _curve(x1, y2 - GAP_Y, x2, y2)
        else:
            slot = int(max(rights[r] for r in between) / LANE) + 2
            while any(begin < bottom and top < end for begin, end in lanes.get(slot, ())):
                slot += 1
            lanes.setdefault(slot, []).append((top, bottom))
            lane = slot * LANE
            right = max(right, lane)
            path += _curve(x1, y1, lane, y1 + GAP_Y) + f"V{y2 - GAP_Y:g}"
            path += _curve(lane, y2 - GAP_Y, x2, y2)
        lines.append(Line(first + source, first + target, path))
    return tuple(lines), right + GAP_X / 2


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (y1 + y2) / 2
    return f"C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"
