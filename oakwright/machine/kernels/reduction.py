"""Reductions along axes, softmax, top-k, and matrix products."""

# numpy's stubs call arithmetic on arrays of any type Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oakwright.blob import GEMMParams, ReduceParams, SoftMaxParams, TopKMode, TopKParams, TopKSort

from .activation import Kernel
from .tensor import Array, Form, Tensor, must_fill


def reduce(function: Callable[..., Array]) -> Kernel:
    """A reduction kernel from ``function(x, axis=...)``; the axes are a constant operand."""

    def kernel(_: ReduceParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
        x, positions = inputs
        axes = tuple(x.axis(int(p)) for p in positions.values.ravel())
        return np.asarray(function(x.values, axis=axes)).reshape(outputs[0].shape)

    kernel.__name__ = f"reduce_{getattr(function, '__name__', '')}"
    return kernel


def softmax(params: SoftMaxParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """SoftMax (3)."""
    x, axis = inputs[0].values, inputs[0].axis(params.axis)
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def top_k(params: TopKParams, inputs: list[Tensor], outputs: list[Form]) -> list[Array]:
    """TopK (104): values and indices, of equals the first; sorted by value or by index."""
    x, k = inputs
    axis, count = x.axis(params.axis), int(k.values.ravel()[0])
    if not 0 < count <= x.shape[axis]:
        raise ValueError(f"the top {count} of {x.shape[axis]} values")
    keys = x.values if params.mode is TopKMode.MIN else -x.values
    indices = np.argsort(keys, axis=axis, kind="stable").take(np.arange(count), axis)
    if params.sort is TopKSort.INDEX:
        indices = np.sort(indices, axis=axis)
    values = np.take_along_axis(x.values, indices, axis)
    return [values] * params.has_values + [indices] * params.has_indices


def gemm(params: GEMMParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """GEMM (91): alpha * A @ B + beta * C over the two innermost axes, batched over the rest."""
    a, b = (x.values for x in inputs[:2])
    a = a.swapaxes(-1, -2) if params.transpose_a else a
    b = b.swapaxes(-1, -2) if params.transpose_b else b
    must_fill(
        outputs[0], (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    )
    product: Array = np.float32(params.alpha) * (a @ b)
    if params.has_c:
        product = product + np.float32(params.beta) * inputs[2].values
    return product.reshape(outputs[0].shape)
