"""Convolutions cut along channels: ranges of outputs, groups, and partial sums over inputs.

The hardware knows no groups. A grouped convolution comes as one convolution per group, a
depthwise one as convolutions of eight channels whose weights are zero off the diagonal; a
convolution with too many input channels comes as a sum of convolutions over parts of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..graph import Value, make
from ..lift.windows import convolution
from ..ops import binary, concat, constant, slice_axis, slice_box
from .rewrite import Uses
from .windows import Tile, windows_of

Build = Callable[[Value], "Value | None"]


def blocks(weights: np.ndarray) -> np.ndarray:
    """[OC, IC, ...] as [G, OC/G, IC/G, ...] with as many groups as leave nothing out."""
    outputs, inputs = weights.shape[:2]
    used = np.asarray(weights.reshape(outputs, inputs, -1).any(2))
    largest = int(np.gcd(outputs, inputs))
    if used[0, -1] or used[-1, 0]:
        largest = 1  # a corner that no division leaves out
    for groups in range(largest, 0, -1):
        if outputs % groups or inputs % groups:
            continue
        square = used.reshape(groups, outputs // groups, groups, inputs // groups)
        between = np.asarray(square.any((1, 3)))
        if not between[~np.eye(groups, dtype=bool)].any():
            break
    split = weights.reshape(groups, outputs // groups, groups, inputs // groups, *weights.shape[2:])
    index = np.arange(groups)
    return np.ascontiguousarray(split[index, :, index])


def _weights(value: Value) -> np.ndarray | None:
    """[G, OC/G, IC/G, ...] of a convolution with constant weights."""
    data = value.node.inputs[1].constant
    if data is None:
        return None
    return data if value.node.op == "GroupConvolution" else data[None]


def join_channels(values: tuple[Value, ...]) -> Value | Build | None:
    """Convolutions side by side along channels: one value, or one over the joined inputs."""
    nodes = [v.node for v in values]
    geometry = windows_of(nodes[0])
    if any(windows_of(n) != geometry for n in nodes):
        return None
    if any(n.attributes["pads_end"] != nodes[0].attributes["pads_end"] for n in nodes):
        return None
    weights = [w for w in map(_weights, values) if w is not None]
    if len(weights) != len(values):
        return None
    inputs = [n.inputs[0] for n in nodes]
    if all(x is inputs[0] for x in inputs):
        # Ranges of output channels of one convolution. (Two of a network's own, side by side
        # on one map with one kernel, cannot be told from that; one is what they amount to.)
        if any(w.shape[0] != 1 for w in weights):
            return None
        whole = np.concatenate([w[0] for w in weights])
        return convolution(inputs[0], constant(whole), geometry)
    parts = [blocks(w[0]) if w.shape[0] == 1 else w for w in weights]
    if len({p.shape[1:] for p in parts}) > 1:
        parts = weights
    if len({p.shape[1:] for p in parts}) > 1:
        return None
    together = constant(np.concatenate(parts))

    def build(x: Value) -> Value | None:
        if together.shape[0] * together.shape[2] != x.shape[1]:
            return None
        return convolution(x, together, geometry)

    return build


def depthwise(value: Value, uses: Uses) -> Value | None:
    """A convolution whose weights are zero off the diagonal is a depthwise one."""
    data = value.node.inputs[1].constant
    if data is None or min(data.shape[:2]) < 2 or data.shape[0] % data.shape[1]:
        return None
    split = blocks(data)
    if split.shape[0] < 2 or not split.any():
        return None
    return convolution(value.node.inputs[0], constant(split), windows_of(value.node))


def without_unused_inputs(value: Value, uses: Uses) -> Value | None:
    """A convolution over pieces, without those that all its weights ignore.

    The hardware reads channels in blocks, and copies them so; what fills up the last block is
    whatever memory held, and not the network's.
    """
    source, data = value.node.inputs[0], value.node.inputs[1].constant
    if data is None or not _is_pieces(source):
        return None
    if source.node.op == "Concat" and source.node.attributes["axis"] == 1:
        return _without_parts(value, source, data)
    used = np.flatnonzero(data.reshape(data.shape[0], data.shape[1], -1).any((0, 2)))
    count = int(used[-1]) + 1 if used.size else 1
    if count == data.shape[1]:
        return None
    x = _first_channels(source, count)
    return convolution(x, constant(data[:, :count]), windows_of(value.node))


def _without_parts(value: Value, source: Value, data: np.ndarray) -> Value | None:
    kept: list[Value] = []
    weights: list[np.ndarray] = []
    at = 0
    for part in source.node.inputs:
        own = data[:, at : at + part.shape[1]]
        at += part.shape[1]
        if own.any():
            kept.append(part)
            weights.append(own)
    if not kept or len(kept) == len(source.node.inputs):
        return None
    together = constant(np.concatenate(weights, axis=1))
    return convolution(concat(kept, 1), together, windows_of(value.node))


def _is_pieces(value: Value) -> bool:
    return value.node.op == "Concat" or (
        value.node.op == "Slice" and _is_pieces(value.node.inputs[0])
    )


def _first_channels(value: Value, count: int) -> Value:
    """The first channels of a value, taken from each of the pieces it is made of."""
    node = value.node
    if node.op == "Concat":
        axis = node.attributes["axis"]
        if axis != 1:
            return concat([_first_channels(part, count) for part in node.inputs], axis)
        kept: list[Value] = []
        rest = count
        for part in node.inputs:
            if rest > 0:
                kept.append(_first_channels(part, rest) if part.shape[1] > rest else part)
            rest -= part.shape[1]
        return concat(kept, 1)
    if node.op == "Slice" and _is_pieces(value) and node.attributes["begin"][1] == 0:
        a = node.attributes
        base = _first_channels(node.inputs[0], count) if a["step"][1] == 1 else node.inputs[0]
        end = list(a["end"])
        end[1] = count
        return slice_box(base, a["begin"], end, a["step"])
    return slice_axis(value, 1, 0, count)


def crop_outputs(value: Value, uses: Uses) -> Value | None:
    """Slice along channels of a convolution: compute only the channels that are kept."""
    source = value.node.inputs[0]
    node, a = source.node, value.node.attributes
    if node.op != "Convolution" or not uses.single(source) or any(s != 1 for s in a["step"]):
        return None
    kept = [i for i in range(value.rank) if value.shape[i] != source.shape[i]]
    data = node.inputs[1].constant
    if kept != [1] or data is None:
        return None
    return convolution(
        node.inputs[0], constant(data[a["begin"][1] : a["end"][1]]), windows_of(node)
    )


def partial_sums(value: Value, uses: Uses) -> Value | None:
    """A sum of convolutions over parts of one tensor's channels is one convolution."""
    convolutions: list[Value] = []
    rest: list[Value] = []
    _terms(value, uses, convolutions, rest, top=True)
    if len(convolutions) < 2:
        return None
    grouped: dict[tuple[object, ...], list[Value]] = {}
    for each in convolutions:
        tile = Tile.of(each.node.inputs[0])
        others = [
            (b, e) for i, (b, e) in enumerate(zip(tile.begin, tile.end, strict=True)) if i != 1
        ]
        key = (tile.base, tuple(others), tuple(windows_of(each.node)))
        grouped.setdefault(key, []).append(each)
    flat = [v for parts in grouped.values() for v in _added(parts)]
    if len(flat) >= len(convolutions):
        return None
    total = flat[0]
    for each in flat[1:] + rest:
        total = binary("Add", total, each)
    return total


def _terms(
    value: Value, uses: Uses, convolutions: list[Value], rest: list[Value], top: bool = False
) -> None:
    stack = [(value, top)]
    while stack:
        each, first = stack.pop()
        alone = first or uses.single(each)
        node = each.node
        if alone and node.op == "Add" and each.shape == value.shape:
            stack += [(v, False) for v in reversed(node.inputs)]
        elif alone and node.op == "Convolution" and node.inputs[1].constant is not None:
            convolutions.append(each)
        else:
            rest.append(each)


def _added(parts: list[Value]) -> list[Value]:
    """Convolutions over channel ranges of one base, neighbours put together."""
    parts = sorted(parts, key=lambda v: Tile.of(v.node.inputs[0]).begin[1])
    result: list[Value] = []
    run: list[Value] = []
    for each in [*parts, None]:
        if each is not None and (
            not run
            or Tile.of(run[-1].node.inputs[0]).end[1] == Tile.of(each.node.inputs[0]).begin[1]
        ):
            run.append(each)
            continue
        result.append(_over_all_inputs(run))
        run = [each] if each is not None else []
    return result


def _over_all_inputs(run: list[Value]) -> Value:
    if len(run) == 1:
        return run[0]
    first, last = Tile.of(run[0].node.inputs[0]), Tile.of(run[-1].node.inputs[0])
    end = list(first.end)
    end[1] = last.end[1]
    x = slice_box(first.base, first.begin, end)
    weights = [v.node.inputs[1].constant for v in run]
    together = np.concatenate([w for w in weights if w is not None], axis=1)
    return convolution(x, constant(together), windows_of(run[0].node))


_WEIGHTED = {
    # op -> axes of the weights that, flattened, are the output channels
    "Convolution": (0,),
    "GroupConvolution": (0, 1),
    "ConvolutionBackpropData": (1,),
    "GroupConvolutionBackpropData": (0, 2),
}


def scaled_weights(value: Value, uses: Uses) -> Value | None:
    """A convolution times a number per channel: into its weights.

    The compiler scales weights by a power of two and undoes it behind the convolution.
    """
    for source, factor in (value.node.inputs, value.node.inputs[::-1]):
        node, data = source.node, factor.constant
        if node.op not in _WEIGHTED or data is None or not uses.single(source):
            continue
        weights, channels = node.inputs[1].constant, source.shape[1]
        if weights is None or data.ndim > source.rank or source.shape != value.shape:
            return None
        shape = [1] * (source.rank - data.ndim) + list(data.shape)
        if any(d != 1 for i, d in enumerate(shape) if i != 1):
            return None
        per_channel = np.broadcast_to(data.ravel(), (channels,))
        axes = _WEIGHTED[node.op]
        wanted = [weights.shape[i] if i in axes else 1 for i in range(weights.ndim)]
        scaled = constant(weights * per_channel.reshape(wanted))
        return make(node.op, (node.inputs[0], scaled), source.shape, **node.attributes)
    return None
