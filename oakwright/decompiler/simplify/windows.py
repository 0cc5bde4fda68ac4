"""Convolutions and pools cut into tiles: crops move into the window op, tiles become one.

A tile computes some of the results from some of the rows. With a crop behind it taken into its
padding, a tile is ``op(x[begin:end])`` with its own padding, and the first window of each tile
says where it belongs: ``begin - pad_begin = origin + results before it * stride``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..graph import Graph, Node, Value, make, tag
from ..lift.windows import Window, fit
from ..ops import ARITHMETIC, ELEMENTWISE, slice_box
from .rewrite import Uses, readers, same

WINDOW_OPS = ("Convolution", "GroupConvolution", "MaxPool", "AvgPool")


def windows_of(node: Node) -> list[Window]:
    """Geometry of a window op, one entry per spatial axis."""
    a = node.attributes
    out = node.outputs[0].shape[2:]
    kernel = a.get("kernel_shape") or node.inputs[1].shape[-len(out) :]
    dilations = a.get("dilations", [1] * len(out))
    return [
        Window(k, s, p, n, d)
        for k, s, p, n, d in zip(kernel, a["strides"], a["pads_begin"], out, dilations, strict=True)
    ]


def rebuilt(node: Node, x: Value, windows: list[Window], weights: Value | None = None) -> Value:
    """The op of ``node`` on another input and other windows (same kernel and stride)."""
    x, begin, end = fit(x, windows)
    operands = (x, weights or node.inputs[1]) if len(node.inputs) == 2 else (x,)
    channels = node.outputs[0].shape[1]
    if weights is not None:
        grouped = node.op == "GroupConvolution"
        channels = weights.shape[0] * (weights.shape[1] if grouped else 1)
    elif node.op.endswith("Pool"):
        channels = x.shape[1]
    shape = (x.shape[0], channels, *(w.results for w in windows))
    return make(
        node.op, operands, shape, **{**node.attributes, "pads_begin": begin, "pads_end": end}
    )


def counts_padding(node: Node) -> bool:
    """Whether padding is more than absent: it divides an average by what is inside."""
    return node.op == "AvgPool" and bool(node.attributes["exclude_pad"])


def absorb_crop(value: Value, uses: Uses) -> Value | None:
    """Slice(window op): compute only the results that are kept."""
    source = value.node.inputs[0]
    node = source.node
    if node.op not in WINDOW_OPS or not uses.single(source):
        return None
    a = value.node.attributes
    if any(s != 1 for s in a["step"]):
        return None
    if a["begin"][:2] != (0, 0) or value.shape[:2] != source.shape[:2]:
        return None
    return _crop(source, a["begin"], a["end"])


def _crop(value: Value, begin: Sequence[int], end: Sequence[int]) -> Value | None:
    """The results of a window op from ``begin`` to ``end``, and no others."""
    node = value.node
    x = node.inputs[0]
    low, moved = [0] * x.rank, []
    for i, window in enumerate(windows_of(node), 2):
        start = begin[i] * window.stride - window.pad_begin
        low[i], pad = max(start, 0), max(-start, 0)
        if low[i] >= x.shape[i] or pad >= window.reach:
            return None
        moved.append(replace(window, pad_begin=pad, results=end[i] - begin[i]))
    return rebuilt(node, slice_box(x, low, list(x.shape)), moved)


def without_junk(graph: Graph) -> None:
    """Compute no more than is read: the hardware makes rows that nobody looks at.

    Where all readers of a value slice it, the box around their slices is what is needed.
    """
    outputs = {v for _, v in graph.outputs}
    replaced: dict[Value, Value] = {}
    found = readers(graph)
    for value, nodes in found.items():
        if value in outputs or any(n.op != "Slice" for n in nodes):
            continue
        begin = [min(n.attributes["begin"][i] for n in nodes) for i in range(value.rank)]
        end = [max(n.attributes["end"][i] for n in nodes) for i in range(value.rank)]
        if all(e - b == d for b, e, d in zip(begin, end, value.shape, strict=True)):
            continue
        smaller = _cropped(value, begin, end, found)
        if smaller is None:
            continue
        tag([smaller], value.node.stage)
        for node in nodes:
            a = node.attributes
            low = [x - b for x, b in zip(a["begin"], begin, strict=True)]
            high = [x - b for x, b in zip(a["end"], begin, strict=True)]
            replaced[node.outputs[0]] = slice_box(smaller, low, high, a["step"])
    graph.replace(replaced)


def _cropped(
    value: Value, begin: list[int], end: list[int], found: dict[Value, list[Node]]
) -> Value | None:
    """A box of a convolution or pool with what follows it, computed as that box."""
    chain: list[Node] = []
    at = value
    if value.rank < 3:
        return None
    while at.node.op in ELEMENTWISE or at.node.op in ARITHMETIC or at.node.op == "PRelu":
        main = [v for v in at.node.inputs if v.shape == at.shape and v.constant is None]
        rest = [v for v in at.node.inputs if v not in main]
        if len(main) != 1 or any(
            v.constant is None or v.size not in (1, at.shape[1]) for v in rest
        ):
            return None
        chain.append(at.node)
        at = main[0]
        if len(found[at]) != 1:
            return None
    if at.node.op not in WINDOW_OPS or (begin[0], end[0]) != (0, at.shape[0]):
        return None
    # Constants per channel stay as they are, so channels must.
    if (begin[1], end[1]) != (0, at.shape[1]):
        return None
    y = _crop(at, begin, end)
    for node in reversed(chain):
        if y is None:
            return None
        operands = tuple(y if v.constant is None else v for v in node.inputs)
        y = make(node.op, operands, y.shape, node.outputs[0].dtype, **node.attributes)
    return y


@dataclass(frozen=True)
class Tile:
    """A window op's input as a box of ``base``: begin and end per axis."""

    base: Value
    begin: tuple[int, ...]
    end: tuple[int, ...]

    @classmethod
    def of(cls, x: Value, base: Value | None = None) -> Tile:
        """``x`` seen as a slice; of itself where it is none (or where it is ``base``)."""
        a = x.node.attributes
        if x is not base and x.node.op == "Slice" and all(s == 1 for s in a["step"]):
            return cls(x.node.inputs[0], a["begin"], a["end"])
        return cls(x, (0,) * x.rank, x.shape)


def tiles_of(values: list[Value]) -> list[Tile] | None:
    """Inputs as boxes of one common base."""
    tiles = [Tile.of(v) for v in values]
    bases = {t.base for t in tiles}
    if len(bases) > 1:
        # One tile may read the whole of what the others read a part of.
        for base in bases:
            tiles = [Tile.of(v, base) for v in values]
            if len({t.base for t in tiles}) == 1:
                return tiles
        return None
    return tiles


def join_tiles(values: tuple[Value, ...], axis: int) -> Value | None:
    """Window ops side by side along a spatial axis, over boxes of one tensor, as one op."""
    nodes = [v.node for v in values]
    first = nodes[0]
    geometry = [windows_of(n) for n in nodes]
    tiles = tiles_of([n.inputs[0] for n in nodes])
    if tiles is None or not all(_alike(first, n, axis) for n in nodes):
        return None
    size = tiles[0].base.shape[axis]
    own = [g[axis - 2] for g in geometry]
    origin = tiles[0].begin[axis] - own[0].pad_begin
    results = 0
    for tile, window in zip(tiles, own, strict=True):
        others = [
            (b, e) for i, (b, e) in enumerate(zip(tile.begin, tile.end, strict=True)) if i != axis
        ]
        wanted = [
            (b, e)
            for i, (b, e) in enumerate(zip(tiles[0].begin, tiles[0].end, strict=True))
            if i != axis
        ]
        start = tile.begin[axis] - window.pad_begin
        if others != wanted or start != origin + results * window.stride:
            return None
        if window.pad_begin and tile.begin[axis]:
            return None
        if start + window.needed() > tile.end[axis] < size:
            return None
        results += window.results
    low, high = list(tiles[0].begin), list(tiles[0].end)
    low[axis], high[axis] = max(origin, 0), size
    windows = list(geometry[0])
    w = own[0]
    windows[axis - 2] = Window(w.kernel, w.stride, max(-origin, 0), results, w.dilation)
    return rebuilt(first, slice_box(tiles[0].base, low, high), windows)


def _alike(a: Node, b: Node, axis: int) -> bool:
    """Whether two window ops differ at most in padding and size along ``axis``."""
    if a.op != b.op or counts_padding(a) != counts_padding(b):
        return False
    if len(a.inputs) == 2 and not same(a.inputs[1], b.inputs[1]):
        return False
    for i, (v, w) in enumerate(zip(windows_of(a), windows_of(b), strict=True)):
        if (v.kernel, v.stride, v.dilation) != (w.kernel, w.stride, w.dilation):
            return False
        if i != axis - 2 and v != w:
            return False
    return True
