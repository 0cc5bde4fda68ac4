"""Each simplification: fewer layers, the same numbers."""

import itertools

import numpy as np
import pytest

from oakwright.decompiler.graph import F32, Value, make
from oakwright.decompiler.lift.windows import (
    Window,
    average_pool,
    convolution,
    max_pool,
    transposed_convolution,
)
from oakwright.decompiler.ops import (
    binary,
    concat,
    constant,
    convert,
    matmul,
    per_channel,
    reshape,
    slice_axis,
    slice_box,
    transpose,
    unary,
)
from oakwright.decompiler.simplify import simplify
from oakwright.decompiler.simplify.channels import blocks
from tests.unit.decompiler.graphs import computed, graph_of, ops, variable

RNG = np.random.default_rng(5)


def weights(*shape: int) -> Value:
    return constant(RNG.normal(size=shape).astype(np.float32) * 0.3)


def square(kernel: int, results: tuple[int, int], pad: int = 0, stride: int = 1) -> list[Window]:
    return [Window(kernel, stride, pad, n) for n in results]


def after(inputs, *outputs: Value) -> list[str]:
    """The ops that are left; what is computed must not change."""
    graph = graph_of(inputs, *outputs)
    before = computed(graph)
    simplify(graph)
    for old, new in zip(before, computed(graph), strict=True):
        assert np.abs(old).max() > 0
        np.testing.assert_allclose(new, old, atol=1e-5 * np.abs(old).max())
    return ops(graph)


def tile(x: Value, w: Value, rows: tuple[int, int], kernel: int, *, pad: int, stride: int = 1):
    """Result rows of a padded convolution, from no more input rows than they need."""
    begin = rows[0] * stride - pad
    low, high = max(begin, 0), min((rows[1] - 1) * stride - pad + kernel, x.shape[2])
    columns = (x.shape[3] + 2 * pad - kernel) // stride + 1
    windows = [
        Window(kernel, stride, max(-begin, 0), rows[1] - rows[0]),
        Window(kernel, stride, pad, columns),
    ]
    return convolution(slice_axis(x, 2, low, high), w, windows)


@pytest.mark.parametrize(("kernel", "pad", "stride"), [(3, 1, 1), (3, 1, 2), (1, 0, 1), (7, 3, 2)])
def test_tiles_of_rows_are_one_convolution(kernel, pad, stride):
    x, w = variable(1, 4, 24, 10), weights(6, 4, kernel, kernel)
    total = (24 + 2 * pad - kernel) // stride + 1
    cuts = [0, total // 3, total // 2, total]
    parts = [
        unary("Relu", tile(x, w, (a, b), kernel, pad=pad, stride=stride))
        for a, b in itertools.pairwise(cuts)
    ]
    assert after([x], concat(parts, 2)) == ["Convolution", "Relu"]


def test_tiles_with_junk_rows_are_one_convolution():
    x, w = variable(1, 4, 20, 10), weights(6, 4, 3, 3)
    first = tile(x, w, (0, 12), 3, pad=1)
    # Padded where the tensor goes on: the first row is wrong, and cropped away.
    padded = [Window(3, 1, 1, 12), Window(3, 1, 1, 10)]
    second = convolution(slice_axis(x, 2, 8, 20), w, padded)
    joined = concat([slice_axis(first, 2, 0, 10), slice_axis(second, 2, 2, 12)], 2)
    assert after([x], joined) == ["Convolution"]


def test_tiles_padded_inside_the_tensor_stay_apart():
    x, w = variable(1, 4, 20, 10), weights(6, 4, 3, 3)
    parts = [
        convolution(slice_axis(x, 2, a, a + 10), w, square(3, (10, 10), pad=1)) for a in (0, 10)
    ]
    assert after([x], concat(parts, 2)).count("Convolution") == 2


def test_tiles_of_other_weights_stay_apart():
    x = variable(1, 4, 20, 10)
    parts = [tile(x, weights(6, 4, 3, 3), rows, 3, pad=1) for rows in ((0, 10), (10, 20))]
    assert after([x], concat(parts, 2)).count("Convolution") == 2


def test_tiles_that_read_tiles_are_two_convolutions():
    x, w, v = variable(1, 4, 20, 10), weights(6, 4, 3, 3), weights(5, 6, 3, 3)
    middle = concat([tile(x, w, rows, 3, pad=1) for rows in ((0, 8), (8, 20))], 2)
    last = concat([tile(middle, v, rows, 3, pad=1) for rows in ((0, 11), (11, 20))], 2)
    assert after([x], last) == ["Convolution", "Convolution"]


def test_a_tile_that_is_also_read_alone_is_not_computed_twice():
    x, w = variable(1, 4, 20, 10), weights(6, 4, 3, 3)
    parts = [tile(x, w, rows, 3, pad=1) for rows in ((0, 8), (8, 20))]
    assert after([x], concat(parts, 2), unary("Sigmoid", parts[0])) == [
        "Convolution",
        "Sigmoid",
        "Slice",
    ]


@pytest.mark.parametrize("pool", [max_pool, lambda x, w: average_pool(x, w, exclude_pad=False)])
def test_pools_in_tiles_are_one(pool):
    x = variable(1, 4, 20, 10)
    parts = [pool(slice_axis(x, 2, a, a + 8), square(2, (4, 5), stride=2)) for a in (0, 8)]
    parts.append(pool(slice_axis(x, 2, 16, 20), square(2, (2, 5), stride=2)))
    assert len(after([x], concat(parts, 2))) == 1


def test_convolution_and_pool_in_tiles_are_two_layers():
    x, w = variable(1, 4, 20, 10), weights(6, 4, 3, 3)
    parts = [
        max_pool(unary("Relu", tile(x, w, (a, a + 10), 3, pad=1)), square(2, (5, 5), stride=2))
        for a in (0, 10)
    ]
    assert after([x], concat(parts, 2)) == ["Convolution", "MaxPool", "Relu"]


def test_channel_groups_are_a_group_convolution():
    x = variable(1, 12, 8, 8)
    parts = [
        convolution(slice_axis(x, 1, a, a + 4), weights(6, 4, 3, 3), square(3, (8, 8), pad=1))
        for a in (0, 4, 8)
    ]
    assert after([x], concat(parts, 1)) == ["GroupConvolution"]


def test_blocks_of_a_depthwise_convolution_are_one():
    x = variable(1, 20, 8, 8)
    parts = []
    for begin, size in ((0, 8), (8, 8), (16, 4)):
        w = np.zeros((size, size, 3, 3), np.float32)
        w[np.arange(size), np.arange(size)] = RNG.normal(size=(size, 3, 3))
        y = convolution(
            slice_axis(x, 1, begin, begin + size), constant(w), square(3, (8, 8), pad=1)
        )
        y = binary("Add", y, per_channel(RNG.normal(size=size).astype(np.float32), 4))
        parts.append(unary("Clamp", y, min_value=0.0, max_value=6.0))
    assert after([x], concat(parts, 1)) == ["Add", "Clamp", "GroupConvolution"]


def test_finest_blocks_of_weights():
    dense = np.ones((6, 4, 1, 1), np.float32)
    assert blocks(dense).shape == (1, 6, 4, 1, 1)
    split = np.kron(np.eye(2), np.ones((3, 2))).astype(np.float32)[:, :, None, None]
    assert blocks(split).shape == (2, 3, 2, 1, 1)


def test_partial_sums_over_input_channels_are_one_convolution():
    x = variable(1, 12, 8, 8)
    parts = [
        convolution(slice_axis(x, 1, a, b), weights(6, b - a, 3, 3), square(3, (8, 8), pad=1))
        for a, b in ((0, 5), (5, 8), (8, 12))
    ]
    first = binary("Add", parts[0], per_channel(np.arange(6, dtype=np.float32), 4))
    total = binary("Add", binary("Add", first, parts[1]), parts[2])
    assert after([x], unary("Relu", total)) == ["Add", "Convolution", "Relu"]


def test_ranges_of_output_channels_are_one_convolution():
    x = variable(1, 4, 8, 8)
    parts = [
        max_pool(
            convolution(x, weights(3, 4, 1, 1), square(1, (8, 8))), square(2, (4, 4), stride=2)
        )
        for _ in range(2)
    ]
    assert after([x], concat(parts, 1)) == ["Convolution", "MaxPool"]


def test_other_kernels_on_one_map_stay_two():
    x = variable(1, 4, 8, 8)
    parts = [
        convolution(x, weights(3, 4, 1, 1), square(1, (8, 8))),
        convolution(x, weights(3, 4, 3, 3), square(3, (8, 8), pad=1)),
    ]
    assert after([x], concat(parts, 1)).count("Convolution") == 2


def test_hsigmoid_is_named():
    x = variable(1, 4, 8, 8)
    gate = unary("Relu", binary("Add", x, constant(np.float32(3))))
    gate = binary("Minimum", gate, constant(np.float32(6)))
    assert after([x], binary("Multiply", gate, constant(np.float32(1 / 6)))) == ["HSigmoid"]
    bias = per_channel(np.array([1, 2, 3, 4], np.float32), 4)
    gate = unary("Clamp", binary("Add", x, bias), min_value=0.0, max_value=6.0)
    assert after([x], binary("Multiply", gate, constant(np.float32(1 / 6)))) == ["Add", "HSigmoid"]


def test_reshapes_behind_each_other_are_one():
    x, y = variable(1, 4, 3, 2), variable(1, 4, 3, 2, name="y")
    both = concat([reshape(v, (1, 1, 4, 6)) for v in (x, y)], 1)
    assert after([x, y], transpose(both, (0, 2, 1, 3))) == ["Concat", "Reshape", "Transpose"]


def test_unused_input_channels_are_not_read():
    x, y = variable(1, 3, 8, 8), variable(1, 1, 8, 8, name="y")
    w = RNG.normal(size=(4, 4, 1, 1)).astype(np.float32)
    w[:, 3] = 0
    read = convolution(concat([x, y], 1), constant(w), square(1, (8, 8)))
    assert after([x, y], read, unary("Relu", y)) == ["Convolution", "Relu"]


@pytest.mark.parametrize(
    ("kernel", "factor", "pad", "groups"), [(4, 2, 1, 1), (2, 2, 0, 1), (3, 2, 1, 1), (4, 2, 1, 3)]
)
def test_spread_elements_under_a_convolution_are_a_transposed_one(kernel, factor, pad, groups):
    x = variable(1, 6, 5, 7)
    before = kernel - 1 - pad
    size = [(d - 1) * factor + 1 + 2 * before for d in x.shape[2:]]
    spread = make(
        "ZeroInsertion", (x,), (1, 6, *size), factors=(factor, factor), begin=(before, before)
    )
    results = (size[0] - kernel + 1, size[1] - kernel + 1)
    w = weights(8, 6, kernel, kernel) if groups == 1 else weights(groups, 4, 2, kernel, kernel)
    read = convolution(spread, w, square(kernel, results))
    assert after([x], read)[0].endswith("ConvolutionBackpropData")


def test_a_factor_behind_a_convolution_goes_into_its_weights():
    x = variable(1, 4, 8, 8)
    factor = per_channel(np.array([1, 2, 3, 4, 5, 6], np.float32), 4)
    y = convolution(x, weights(6, 4, 3, 3), square(3, (8, 8), pad=1))
    assert after([x], binary("Multiply", y, factor)) == ["Convolution"]
    z = transposed_convolution(x, weights(4, 6, 2, 2), square(2, (16, 16), stride=2))
    assert after([x], binary("Multiply", factor, z)) == ["ConvolutionBackpropData"]


def test_a_convolution_over_a_vector_is_a_matrix_product():
    x = variable(1, 64)
    y = convolution(reshape(x, (1, 4, 4, 4)), weights(10, 4, 4, 4), [Window(4, 4, 0, 1)] * 2)
    y = binary("Add", y, per_channel(np.arange(10, dtype=np.float32), 4))
    assert after([x], reshape(y, (1, 10))) == ["Add", "MatMul"]


def test_swish_and_hswish_are_named():
    x = variable(1, 4, 8, 8)
    assert after([x], binary("Multiply", x, unary("Sigmoid", x))) == ["Swish"]
    gate = unary("Clamp", binary("Add", x, constant(np.float32(3))), min_value=0.0, max_value=6.0)
    scaled = binary("Multiply", binary("Multiply", x, gate), constant(np.float32(1 / 6)))
    assert after([x], scaled) == ["HSwish"]


def test_slices_that_part_a_tensor_are_a_split():
    x = variable(1, 10, 8, 8)
    parts = [slice_axis(x, 1, a, b) for a, b in ((0, 3), (3, 10))]
    assert after([x], *(unary("Relu", p) for p in parts)) == ["Relu", "Relu", "Split"]


def test_slices_of_a_concat_are_its_parts():
    x, y = variable(1, 4, 8, 8), variable(1, 6, 8, 8, name="y")
    both = concat([unary("Relu", x), y], 1)
    assert after([x, y], slice_axis(both, 1, 0, 4), slice_axis(both, 1, 6, 9)) == ["Relu", "Slice"]


def test_the_same_rows_of_several_tensors_are_rows_of_their_concat():
    x, y = variable(1, 4, 8, 8), variable(1, 6, 8, 8, name="y")
    rows = [unary("Relu", concat([slice_axis(v, 2, a, a + 4) for v in (x, y)], 1)) for a in (0, 4)]
    assert after([x, y], concat(rows, 2)) == ["Concat", "Relu"]


def test_samples_of_a_batch_are_one_batch():
    x = variable(3, 4, 8, 8)
    w, v = weights(6, 4, 3, 3), weights(5, 6)
    samples = []
    for n in range(3):
        y = unary("Relu", convolution(slice_axis(x, 0, n, n + 1), w, square(3, (8, 8), pad=1)))
        y = average_pool(y, square(8, (1, 1)), exclude_pad=False)
        y = matmul(reshape(y, (1, 6)), v, transpose_b=True)
        samples.append(unary("Softmax", y, axis=1))
    assert after([x], concat(samples, 0)) == [
        "AvgPool",
        "Convolution",
        "MatMul",
        "Relu",
        "Reshape",
        "Softmax",
    ]


def test_rows_one_by_one_are_one_matrix_product():
    x, w = variable(6, 32), weights(20, 2, 4, 4)
    maps = reshape(x, (1, 12, 4, 4))
    rows = [
        convolution(slice_axis(maps, 1, 2 * n, 2 * n + 2), w, square(4, (1, 1), stride=4))
        for n in range(6)
    ]
    assert after([x], reshape(concat(rows, 0), (6, 20))) == ["MatMul"]


def test_a_batch_through_a_residual_network_is_one_batch():
    x = variable(2, 4, 8, 8)
    layers = [weights(4, 4, 3, 3) for _ in range(30)]
    samples = []
    for n in range(2):
        y = slice_axis(x, 0, n, n + 1)
        for w in layers:
            y = binary("Add", y, unary("Relu", convolution(y, w, square(3, (8, 8), pad=1))))
        samples.append(y)
    left = after([x], concat(samples, 0))
    assert len(left) == 3 * 30


def test_steps_that_feed_each_other_stay_steps():
    x, h = variable(4, 8), variable(1, 8, name="h")
    states, state = [], h
    for n in range(4):
        state = unary("Tanh", binary("Add", slice_axis(x, 0, n, n + 1), state))
        states.append(state)
    assert after([x, h], concat(states, 0)).count("Tanh") == 4


def test_reshapes_and_transpositions_meet_and_cancel():
    x = variable(1, 4, 6, 5)
    y = unary("Sigmoid", transpose(unary("Relu", transpose(x, (0, 2, 3, 1))), (0, 3, 1, 2)))
    assert after([x], y) == ["Relu", "Sigmoid"]
    z = reshape(unary("Relu", reshape(x, (24, 5))), (1, 4, 6, 5))
    assert after([x], z) == ["Relu"]


def test_equal_computations_are_done_once():
    x = variable(1, 4, 6, 5)
    parts = [unary("Relu", slice_box(x, (0, 0, 0, 0), (1, 2, 6, 5))) for _ in range(2)]
    assert after([x], concat([*parts, parts[0]], 1)) == ["Concat", "Relu", "Slice"]


def test_conversions_join_like_other_functions():
    x = variable(2, 4)
    parts = [convert(slice_axis(x, 0, n, n + 1), np.dtype(np.int32)) for n in range(2)]
    assert after([x], convert(concat(parts, 0), F32)) == ["Convert", "Convert"]
