"""Operations that the compiler took apart: full connections, transposed convolutions, splits."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, Node, Value, make_many, tag
from ..lift.windows import Window, transposed_convolution
from ..ops import binary, constant, matmul, reshape, unary
from .rewrite import Uses
from .windows import windows_of


def full_connection(value: Value, uses: Uses) -> Value | None:
    """A convolution over the whole of a reshaped vector is a matrix product."""
    node = value.node
    source, weights = node.inputs[0], node.inputs[1].constant
    if weights is None or source.node.op != "Reshape":
        return None
    vector = source.node.inputs[0]
    windows = windows_of(node)
    if any(
        w.pad_begin or w.results != 1 or w.kernel != d
        for w, d in zip(windows, source.shape[2:], strict=True)
    ):
        return None
    if any(node.attributes["pads_end"]):
        return None
    size = int(np.prod(source.shape[1:]))
    vector = reshape(vector, (source.shape[0], size))
    matrix = constant(weights.reshape(weights.shape[0], size))
    return reshape(matmul(vector, matrix, transpose_b=True), value.shape)


def deconvolution(value: Value, uses: Uses) -> Value | None:
    """A convolution over spread-out elements is a transposed convolution.

    With ``y[o] = sum_k w[k] u[o + k - p]`` and ``u[i*f + b] = x[i]``, the tap of a transposed
    convolution is ``o - i*f + P`` for ``P = K - 1 - b - p``: the kernel mirrored.
    """
    node = value.node
    spread, weights = node.inputs[0], node.inputs[1].constant
    if spread.node.op != "ZeroInsertion" or weights is None:
        return None
    factors, begin = spread.node.attributes["factors"], spread.node.attributes["begin"]
    windows = []
    for window, factor, before in zip(windows_of(node), factors, begin, strict=True):
        crop = window.kernel - 1 - before - window.pad_begin
        if window.stride != 1 or window.dilation != 1 or crop < 0:
            return None
        windows.append(Window(window.kernel, factor, crop, window.results))
    x = spread.node.inputs[0]
    for axis, (window, dim) in enumerate(zip(windows, x.shape[2:], strict=True)):
        # Cropping at the far end must not reach into what the zeros around would still see.
        if (dim - 1) * window.stride + window.kernel - window.pad_begin < 1 or axis > 1:
            return None
    mirrored = weights[..., ::-1, ::-1]
    if node.op == "GroupConvolution":
        flipped = mirrored.transpose(0, 2, 1, 3, 4)
    else:
        flipped = mirrored.transpose(1, 0, 2, 3)
    return transposed_convolution(x, constant(np.ascontiguousarray(flipped)), windows)


def swish(value: Value, uses: Uses) -> Value | None:
    """x * sigmoid(x)."""
    for a, b in (value.node.inputs, value.node.inputs[::-1]):
        if b.node.op == "Sigmoid" and b.node.inputs[0] is a and a.shape == value.shape:
            return unary("Swish", a, beta=1.0)
    return None


def hswish(value: Value, uses: Uses) -> Value | None:
    """x * clamp(x + 3, 0, 6) * (1/6), multiplied in either order."""
    factors: list[Value] = []
    scale = 1.0
    stack = [value]
    while stack:
        each = stack.pop()
        node = each.node
        data = each.constant
        if data is not None and data.size == 1:
            scale *= float(data.ravel()[0])
        elif node.op == "Multiply" and (each is value or uses.single(each)) and len(factors) < 3:
            stack.extend(node.inputs)
        else:
            factors.append(each)
    if len(factors) != 2 or abs(scale * 6 - 1) > 1e-3:
        return None
    for x, gate in (factors, factors[::-1]):
        inner = gate.node.inputs[0] if gate.node.op == "Clamp" else None
        if inner is None or inner.node.op != "Add" or x.shape != value.shape:
            continue
        a = gate.node.attributes
        shift = [v.constant for v in inner.node.inputs if v.constant is not None]
        if (
            (a["min_value"], a["max_value"]) != (0, 6)
            or len(shift) != 1
            or x not in inner.node.inputs
        ):
            continue
        if shift[0] is not None and shift[0].size == 1 and float(shift[0].ravel()[0]) == 3:
            return unary("HSwish", x)
    return None


def clamp(value: Value, uses: Uses) -> Value | None:
    """min(relu(x), high) is clamp(x, 0, high)."""
    for source, limit in (value.node.inputs, value.node.inputs[::-1]):
        data = limit.constant
        if source.node.op == "Relu" and data is not None and data.size == 1 and data.min() > 0:
            high = float(data.ravel()[0])
            if uses.single(source) and source.shape == value.shape:
                return unary("Clamp", source.node.inputs[0], min_value=0.0, max_value=high)
    return None


def hsigmoid(value: Value, uses: Uses) -> Value | None:
    """clamp(x + 3, 0, 6) / 6, where no multiplication by x follows."""
    for gate, factor in (value.node.inputs, value.node.inputs[::-1]):
        data, a = factor.constant, gate.node.attributes
        if gate.node.op != "Clamp" or data is None or data.size != 1:
            continue
        inner = gate.node.inputs[0]
        if inner.node.op != "Add" or (a["min_value"], a["max_value"]) != (0, 6):
            continue
        if abs(float(data.ravel()[0]) * 6 - 1) > 1e-3:
            continue
        for x, shift in (inner.node.inputs, inner.node.inputs[::-1]):
            number = shift.constant
            if number is None or x.shape != value.shape:
                continue
            # The 3 may have gone into a bias: take it out again.
            rest = number - np.float32(3)
            return unary("HSigmoid", binary("Add", x, constant(rest)) if rest.any() else x)
    return None


def splits(graph: Graph) -> None:
    """Slices that part a tensor along one axis, none left out, become one Split."""
    readers: dict[Value, list[Node]] = {}
    for node in graph.nodes():
        if node.op == "Slice":
            readers.setdefault(node.inputs[0], []).append(node)
    replaced: dict[Value, Value] = {}
    for base, nodes in readers.items():
        for axis in range(base.rank):
            parts = sorted(
                (n for n in nodes if _cuts_only(n, axis)), key=lambda n: n.attributes["begin"][axis]
            )
            bounds = [(n.attributes["begin"][axis], n.attributes["end"][axis]) for n in parts]
            joints = [b for b, _ in bounds[1:]] + [base.shape[axis]]
            if len(parts) < 2 or bounds[0][0] or [e for _, e in bounds] != joints:
                continue
            made = make_many(
                "Split",
                (base,),
                [(n.outputs[0].shape, base.dtype) for n in parts],
                axis=axis,
                sizes=[e - b for b, e in bounds],
            )
            tag(made, parts[0].stage)
            replaced |= {n.outputs[0]: v for n, v in zip(parts, made, strict=True)}
            break
    graph.replace(replaced)


def _cuts_only(node: Node, axis: int) -> bool:
    a, base = node.attributes, node.inputs[0]
    return all(s == 1 for s in a["step"]) and all(
        (b, e) == (0, d) or i == axis
        for i, (b, e, d) in enumerate(zip(a["begin"], a["end"], base.shape, strict=True))
    )
