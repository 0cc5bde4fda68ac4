"""Reading and writing by index: gathers, scatters, slices, one-hot."""

# numpy's stubs call arithmetic on arrays of any type Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from oakwright.blob import (
    GatherElementsParams,
    GatherNDParams,
    GatherParams,
    NoParams,
    OneHotParams,
    ReverseSequenceParams,
    StridedSliceParams,
)

from .tensor import Array, Form, Tensor, must_fill


def _whole(indices: Tensor) -> Array:
    """Indices as integers; they may be stored as FP16."""
    return indices.values.astype(np.int64)


def gather(params: GatherParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """Gather (100): slices along one axis, picked by index."""
    x, indices = inputs
    axis = x.axis(params.axis)
    must_fill(outputs[0], (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
    return np.take(x.values, _whole(indices), axis=axis).reshape(outputs[0].shape)


def gather_nd(params: GatherNDParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """GatherND (136): the last axis of the indices is a place in the input."""
    x, indices = inputs[0].values, _whole(inputs[1])
    depth, batch = indices.shape[-1], params.batch_dims
    batches = np.indices(indices.shape[:batch]).reshape(batch, *indices.shape[:batch])
    shape = indices.shape[:-1]
    grid = [b.reshape(b.shape + (1,) * (len(shape) - batch)) for b in batches]
    place = (*grid, *(indices[..., i] for i in range(depth)))
    return x[place].reshape(outputs[0].shape)


def gather_elements(
    params: GatherElementsParams, inputs: list[Tensor], outputs: list[Form]
) -> Array:
    """GatherElements (139): along one axis, an index for every element; axis outermost first."""
    return np.take_along_axis(inputs[0].values, _whole(inputs[1]), axis=params.axis)


def scatter_update(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ScatterUpdate (103): slices along one axis (outermost first) replaced."""
    x, indices, updates, axis = inputs
    along, places = int(axis.values.ravel()[0]), _whole(indices)
    out = x.values.copy()
    # updates: shape of x with the axis replaced by the shape of the indices
    shape = (*x.shape[:along], places.size, *x.shape[along + 1 :])
    out[(slice(None),) * along + (places.ravel(),)] = updates.values.reshape(shape)
    return out


def scatter_elements_update(_: NoParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ScatterElementsUpdate (126): along one axis, single elements replaced."""
    x, indices, updates, axis = inputs
    out = x.values.copy()
    np.put_along_axis(out, _whole(indices), updates.values, axis=int(axis.values.ravel()[0]))
    return out


def strided_slice(
    params: StridedSliceParams, inputs: list[Tensor | None], outputs: list[Form]
) -> Array:
    """StridedSlice (133): begin, end and strides by axis, outermost first.

    A mask bit of 1 says that the value counts, 0 that the whole range is meant: the opposite of
    the operation in OpenVINO's opsets.
    """
    x, begin, end = inputs[:3]
    if x is None or begin is None or end is None:
        raise ValueError("a slice without its bounds")
    steps = inputs[3] if len(inputs) > 3 else None
    first, last = begin.values.ravel().tolist(), end.values.ravel().tolist()
    step = steps.values.ravel().tolist() if steps is not None else [1] * len(first)
    place = tuple(
        slice(
            b if _used(params.begin_mask, i) else None,
            e if _used(params.end_mask, i) else None,
            s,
        )
        for i, (b, e, s) in enumerate(zip(first, last, step, strict=True))
    )
    return x.values[place].reshape(outputs[0].shape)


def _used(mask: int, axis: int) -> bool:
    return bool(mask >> axis & 1)


def one_hot(params: OneHotParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """OneHot (117): ``on`` where the index is the place along the axis, else ``off``."""
    out = outputs[0]
    axis = out.axis(params.axis)
    if params.depth != out.shape[axis]:
        raise ValueError(f"{params.depth} places for an output of {out.shape}")
    shape = [1] * out.rank
    shape[axis] = params.depth
    places = np.arange(params.depth).reshape(shape)
    indices = np.expand_dims(_whole(inputs[0]).reshape(_without(out.shape, axis)), axis)
    return np.where(indices == places, np.float32(params.on_value), np.float32(params.off_value))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def reverse_sequence(
    params: ReverseSequenceParams, inputs: list[Tensor], outputs: list[Form]
) -> Array:
    """ReverseSequence (94): per batch entry the first ``length`` steps backwards."""
    x, lengths = inputs
    sequence, batch = x.axis(params.seq_axis), x.axis(params.batch_axis)
    steps = np.arange(x.shape[sequence])
    length = _whole(lengths).reshape(-1, 1)
    source = np.where(steps < length, length - 1 - steps, steps)  # (batch, steps)
    shape = [1] * x.rank
    shape[batch], shape[sequence] = x.shape[batch], x.shape[sequence]
    source = source if batch < sequence else source.T
    indices = np.broadcast_to(source.reshape(shape), x.shape)
    return np.take_along_axis(x.values, indices, axis=sequence)
