"""Matrix products.

The engine turns a product of many rows with a constant matrix into one FullyConnected stage per
row: 256 rows give 258 stages, and transformers do not finish compiling at all. As a 1x1
convolution the same product is one stage on the hardware unit, at the price of a transpose on
either side, which ``peephole.py`` takes away again where two of them meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from openvino import Node, Output

from .matrices import pointwise
from .rewrite import Refusal, Rule, array_of, const, op, reshape, shape_of, transpose


def rows_by_constant(node: Node) -> Sequence[Output] | None:
    """x [.., n, k] times a constant [k, o], n > 1, as a 1x1 convolution over n positions."""
    weights = _plain_weights(node)
    if weights is None or _bias_reader(node) is not None:
        return None
    return [_as_convolution(node, weights, None)]


def rows_by_constant_with_bias(node: Node) -> Sequence[Output] | None:
    """The same with the bias that follows, so that it becomes the convolution's own."""
    for index in (0, 1):
        product, bias = node.input_value(index).get_node(), node.input_value(1 - index)
        if product.get_type_name() != "MatMul" or _bias_reader(product) is None:
            continue
        weights, values = _plain_weights(product), array_of(bias)
        if weights is None or values is None:
            continue
        if shape_of(product.output(0)) != shape_of(node.output(0)):
            return None
        # Either [o], or one number for all.
        return [
            _as_convolution(product, weights, np.broadcast_to(values.ravel(), weights.shape[1]))
        ]
    return None


def _plain_weights(node: Node) -> NDArray[np.floating] | None:
    """The constant as (k, o), where ``node`` is a product of several rows with it."""
    weights = array_of(node.input_value(1))
    if weights is None or weights.dtype.kind != "f" or weights.ndim < 2:
        return None
    if math.prod(weights.shape[:-2]) != 1 or len(shape_of(node.input_value(0))) < 2:
        return None
    if math.prod(_rows(node)) == 1:
        return None
    matrix = weights.reshape(weights.shape[-2:])
    return matrix.T if node.get_attributes()["transpose_b"] else matrix


def _rows(node: Node) -> list[int]:
    shape = shape_of(node.input_value(0))
    return [*shape[:-2], shape[-1] if node.get_attributes()["transpose_a"] else shape[-2]]


def _bias_reader(product: Node) -> Node | None:
    """The Add of a constant per column that alone reads the product."""
    readers = product.output(0).get_target_inputs()
    if len(readers) != 1:
        return None
    reader = next(iter(readers)).get_node()
    if reader.get_type_name() != "Add":
        return None
    columns = shape_of(product.output(0))[-1]
    for value in reader.input_values():
        values = array_of(value)
        if values is not None and (
            values.size == 1 or list(values.shape[-1:]) == [columns] == [values.size]
        ):
            same = shape_of(reader.output(0)) == shape_of(product.output(0))
            return reader if same else None
    return None


def _as_convolution(
    product: Node, weights: NDArray[np.floating], bias: NDArray[np.floating] | None
) -> Output:
    source, rows = product.input_value(0), _rows(product)
    depth, columns = weights.shape
    if product.get_attributes()["transpose_a"]:
        # x is [.., k, n]: channels stand before positions already.
        batch, (height, width) = math.prod(rows[:-1]), _sides(rows[-1:])
        x = reshape(source, [batch, depth, height, width])
    else:
        batch, (height, width) = 1, _sides(rows)
        x = transpose(reshape(source, [1, height, width, depth]), [0, 3, 1, 2])
    y = pointwise(x, weights.T)
    if bias is not None:
        y = op("Add", [y, const(bias.reshape(1, columns, 1, 1), y.get_element_type())]).output(0)
    return reshape(transpose(y, [0, 2, 3, 1]), shape_of(product.output(0)))


def _sides(rows: list[int]) -> list[int]:
    """Rows as height and width: as they are for a picture, else as square as they divide.

    The hardware unit works on tiles of rows and columns; one row of ten thousand pixels suits it
    badly.
    """
    sizes = [size for size in rows if size != 1]
    if len(sizes) == 2:
        return sizes
    count = math.prod(rows)
    height = next(d for d in range(math.isqrt(count), 0, -1) if count % d == 0)
    return [height, count // height]


def merge_batches(node: Node) -> Sequence[Output] | None:
    """Products of more than four dimensions: the batch dimensions become one."""
    wanted = shape_of(node.output(0))
    if len(wanted) <= 4:
        return None
    batch = wanted[:-2]
    merged = []
    for value in node.input_values():
        shape = shape_of(value)
        shape = [1] * (len(wanted) - len(shape)) + shape
        if math.prod(shape[:-2]) == 1:
            merged.append(reshape(value, [1, *shape[-2:]]))
            continue
        if shape[:-2] != batch:
            value = _repeat(reshape(value, shape), [*batch, *shape[-2:]])
        merged.append(reshape(value, [math.prod(batch), *shape[-2:]]))
    product = op("MatMul", merged, dict(node.get_attributes()))
    return [reshape(product.output(0), wanted)]


def _repeat(value: Output, wanted: list[int]) -> Output:
    counts = [b // a for a, b in zip(shape_of(value), wanted, strict=True)]
    return op("Tile", [value, counts]).output(0)


def einsum(node: Node) -> Sequence[Output]:
    """Einsum-7 as transposes, sums and matrix products, two operands at a time."""
    left, _, right = str(node.get_attributes()["equation"]).replace(" ", "").partition("->")
    terms = left.split(",")
    ranks = [len(shape_of(value)) for value in node.input_values()]
    widest = max(
        (
            rank - len(term.replace("...", ""))
            for rank, term in zip(ranks, terms, strict=True)
            if "..." in term
        ),
        default=0,
    )
    spare = [chr(code) for code in range(ord("0"), ord("0") + widest)]
    labels = []
    for term, rank in zip(terms, ranks, strict=True):
        missing = rank - len(term.replace("...", ""))
        labels.append(list(term.replace("...", "".join(spare[widest - missing :]))))
    if "->" in str(node.get_attributes()["equation"]):
        wanted = list(right.replace("...", "".join(spare)))
    else:
        every = [label for term in labels for label in term]
        wanted = spare + sorted(c for c in set(every) if every.count(c) == 1 and c not in spare)
    if any(len(set(term)) != len(term) for term in labels):
        raise Refusal(
            "an Einsum that takes a diagonal (the same letter twice in one operand)",
            "take the diagonal with an identity mask and a sum",
        )
    value, have = node.input_value(0), labels[0]
    for index in range(1, len(labels)):
        later = {c for term in labels[index + 1 :] for c in term} | set(wanted)
        value, have = _contract(value, have, node.input_value(index), labels[index], later)
    value, have = _sum_out(value, have, set(wanted))
    return [transpose(value, [have.index(label) for label in wanted])]


def _sum_out(value: Output, have: list[str], kept: set[str]) -> tuple[Output, list[str]]:
    axes = [axis for axis, label in enumerate(have) if label not in kept]
    if not axes:
        return value, have
    value = op("ReduceSum", [value, axes], {"keep_dims": False}).output(0)
    return value, [label for label in have if label in kept]


def _contract(
    a: Output, a_labels: list[str], b: Output, b_labels: list[str], later: set[str]
) -> tuple[Output, list[str]]:
    """One product of two operands: [batch, rows, inner] x [batch, inner, columns]."""
    a, a_labels = _sum_out(a, a_labels, set(b_labels) | later)
    b, b_labels = _sum_out(b, b_labels, set(a_labels) | later)
    shared = [label for label in a_labels if label in b_labels]
    batch = [label for label in shared if label in later]
    inner = [label for label in shared if label not in later]
    rows = [label for label in a_labels if label not in shared]
    columns = [label for label in b_labels if label not in shared]
    a_shape = dict(zip(a_labels, shape_of(a), strict=True))
    b_shape = dict(zip(b_labels, shape_of(b), strict=True))
    if any(a_shape[label] != b_shape[label] for label in shared):
        raise Refusal("an Einsum that broadcasts a letter", "repeat the operand first")
    sizes = {**a_shape, **b_shape}

    def size(labels: list[str]) -> int:
        return math.prod(sizes[label] for label in labels)

    left = transpose(a, [a_labels.index(label) for label in (*batch, *rows, *inner)])
    right = transpose(b, [b_labels.index(label) for label in (*batch, *inner, *columns)])
    lead = [size(batch)] if batch else []
    left = reshape(left, [*lead, size(rows), size(inner)])
    right = reshape(right, [*lead, size(inner), size(columns)])
    product = op("MatMul", [left, right], {"transpose_a": False, "transpose_b": False})
    labels = [*batch, *rows, *columns]
    return reshape(product.output(0), [sizes[label] for label in labels]), labels


RULES: dict[str, Sequence[Rule]] = {
    "MatMul": [merge_batches, rows_by_constant],
    "Add": [rows_by_constant_with_bias],
    "Einsum": [einsum],
}
