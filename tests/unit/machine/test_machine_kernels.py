"""Kernels on small arrays, against definitions written out; conformance/ asks the engine."""

import numpy as np
import pytest

from oakwright.blob import (
    ConvParams,
    EltwiseParams,
    ExpPriorGridGeneratorParams,
    HwOp,
    HwOpType,
    HwPadMode,
    HwParams,
    HwRelu,
    OneHotParams,
    PadMode,
    PadParams,
    PermuteParams,
    SCReluParams,
    StageType,
    TileParams,
)
from oakwright.machine import KERNELS
from oakwright.machine.kernels import Form, Tensor
from oakwright.machine.kernels.boxes import overlaps, suppress
from oakwright.machine.kernels.convolution import correlate, correlate_depthwise, pad_to, spread
from oakwright.machine.kernels.hardware import merged
from oakwright.machine.kernels.tensor import dims_of_code

HALF, NCHW, NHWC = np.dtype("<f2"), 0x4321, 0x4213
RNG = np.random.default_rng(5)


def form(*shape, order=None):
    """The form of an array in its default order, or in another of the same dims."""
    code = order or {1: 0x3, 2: 0x43, 3: 0x321, 4: 0x4321, 5: 0x43521}[len(shape)]
    sizes = dict(zip(sorted_dims(len(shape)), shape, strict=True))
    return Form.of(code, tuple(sizes[d] for d in dims_of_code(code, len(shape))), HALF)


def sorted_dims(rank):
    return {1: (3,), 2: (4, 3), 3: (3, 2, 1), 4: (4, 3, 2, 1), 5: (4, 3, 5, 2, 1)}[rank]


def tensor(values, order=None):
    values = np.asarray(values)
    shape = form(*values.shape, order=order)
    return Tensor(shape.shape, shape.stored, shape.dtype, values)


def run(kind, params, inputs, *outputs):
    return KERNELS[kind](params, inputs, list(outputs))


def eltwise(post=-1, coefficients=(1, 1)):
    return EltwiseParams(*coefficients, post, 0.25, -1.0, 1.0)


# --- forms -------------------------------------------------------------------------------------


def test_forms_name_axes_whatever_the_order():
    planar, interleaved = form(1, 3, 5, 7), form(1, 3, 5, 7, order=NHWC)
    assert planar.shape == interleaved.shape == (1, 3, 5, 7)
    assert [planar.axis(p) for p in range(4)] == [3, 2, 1, 0]
    assert [interleaved.axis(p) for p in range(4)] == [1, 3, 2, 0]
    stored = np.arange(105).reshape(1, 5, 7, 3)
    values = stored.transpose(interleaved.from_stored)
    assert values.shape == (1, 3, 5, 7)
    assert np.array_equal(values.transpose(interleaved.to_stored), stored)


def test_five_dimensions_are_ncdhw():
    assert form(1, 2, 3, 4, 5).named == (4, 3, 5, 2, 1)


@pytest.mark.parametrize(("code", "rank"), [(0x4311, 4), (0x321, 4), (0x54321, 4), (0, 1)])
def test_order_codes_that_name_no_dims_are_refused(code, rank):
    with pytest.raises(ValueError, match="order code"):
        dims_of_code(code, rank)


# --- convolution -------------------------------------------------------------------------------


def naive(x, w, out, stride, pad, dilation):
    oc, ic, kh, kw = w.shape
    y = np.zeros((oc, *out))
    for o, i, j, c, ky, kx in np.ndindex(oc, *out, ic, kh, kw):
        row = i * stride[0] + ky * dilation[0] - pad[0]
        column = j * stride[1] + kx * dilation[1] - pad[1]
        if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
            y[o, i, j] += w[o, c, ky, kx] * x[c, row, column]
    return y


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"),
    [((1, 1), (1, 1), (0, 0), (1, 1)), ((1, 1), (2, 3), (0, 0), (1, 1)),
     ((3, 3), (1, 1), (1, 1), (1, 1)), ((3, 2), (2, 1), (1, 0), (1, 2)),
     ((2, 5), (1, 3), (0, 2), (3, 1))],
)  # fmt: skip
def test_correlate_is_the_definition(kernel, stride, pad, dilation, monkeypatch):
    # A band so small that several are needed.
    monkeypatch.setattr("oakwright.machine.kernels.convolution.BAND_BYTES", 2000)
    x, w = RNG.normal(size=(3, 9, 11)).astype("f4"), RNG.normal(size=(4, 3, *kernel)).astype("f4")
    got = correlate(x, w, (5, 6), stride=stride, pad=pad, dilation=dilation)
    assert np.allclose(got, naive(x, w, (5, 6), stride, pad, dilation), atol=1e-5)
    one = correlate_depthwise(x, w[0], (5, 6), stride=stride, pad=pad, dilation=dilation)
    each = [naive(x[c : c + 1], w[:1, c : c + 1], (5, 6), stride, pad, dilation) for c in range(3)]
    assert np.allclose(one, np.concatenate(each), atol=1e-5)


def test_spread_is_the_transpose_of_correlate():
    w = RNG.normal(size=(4, 3, 3, 3)).astype("f4")
    x, y = RNG.normal(size=(3, 9, 11)).astype("f4"), RNG.normal(size=(4, 5, 6)).astype("f4")
    forward = correlate(x, w, (5, 6), stride=(2, 2), pad=(1, 1))
    back = spread(y, w.transpose(1, 0, 2, 3), (9, 11), stride=(2, 2), pad=(1, 1))
    assert np.allclose((forward * y).sum(), (x * back).sum(), rtol=1e-4)


def test_padding_is_bounded():
    with pytest.raises(ValueError, match="padded"):
        pad_to(np.zeros((1, 3, 3), "f4"), 1 << 31, 0, 5, 5)
    with pytest.raises(ValueError, match="padded"):
        pad_to(np.zeros((1, 3, 3), "f4"), 0, 0, 1 << 20, 1 << 20)


@pytest.mark.parametrize(
    ("order", "layout"), [(NCHW, (2, 0, 1)), (NHWC, (2, 0, 1))], ids=["planar", "interleaved"]
)
def test_software_weights_by_layout(order, layout):
    """[K][OC][IC], but [K][IC][OC] for small interleaved convolutions."""
    w = RNG.normal(size=(4, 3, 3, 3)).astype("f4")  # 12 weights a tap: the small case
    flat = w.reshape(4, 3, 9).transpose(layout if order == NCHW else (2, 1, 0)).ravel()
    x = tensor(RNG.normal(size=(1, 3, 6, 7)).astype("f4"), order)
    params = ConvParams(3, 3, 1, 1, 1, 1, 1, 1)
    got = run(StageType.Conv, params, [x, tensor(flat)], form(1, 4, 6, 7, order=order))
    wanted = correlate(x.values[0], w, (6, 7), pad=(1, 1))
    assert np.allclose(got[0], wanted, atol=1e-5)


# --- hardware ----------------------------------------------------------------------------------


def conv_op(first=0, count=8, **change):
    fields = {
        "op_type": HwOpType.CONV, "pool_type": None, "mode": 0, "with_pad": False,
        "pad_mode": HwPadMode.ZEROS, "input": 0, "output": 1, "coeffs": 2, "bias": None,
        "scale": None, "out_chan_off": first, "out_num_chans": count, "fc_in_off": None,
        "fc_in_num": None, "fc_out_off": None, "fc_out_num": None, "fc_accum": None,
        "kernel_w": 1, "kernel_h": 1, "stride": 1, "pool_kernel_w": None, "pool_kernel_h": None,
        "relu": None, "clamp_max": None, "reuse_data": False, "reuse_coeff": False,
    }  # fmt: skip
    return HwOp(**(fields | change))


def stored_weights(w):
    """(OC, IC, KH, KW) as the hardware has them: [OC/8][IC][K][8]."""
    oc, ic, kh, kw = w.shape
    return tensor(w.reshape(oc // 8, 8, ic, kh * kw).transpose(0, 2, 3, 1))


def test_neighbouring_ops_are_computed_as_one():
    ops = [conv_op(0, 8), conv_op(8, 8, mode=2), conv_op(16, 8, clamp_max=6.0), conv_op(24, 8)]
    ranges = [(op.out_chan_off, op.out_num_chans) for op in merged(ops)]
    assert ranges == [(0, 16), (16, 8), (24, 8)]


def test_bias_comes_before_scale_and_relu_multiplies_both_halves():
    x = tensor(np.array([1.0, -2.0], "f4").reshape(1, 1, 1, 2))
    w = stored_weights(np.ones((8, 1, 1, 1), "f4"))
    bias, scale = tensor(np.full(8, 0.5, "f4")), tensor(np.full(8, 0.1, "f4"))
    op = conv_op(bias=3, scale=4, relu=HwRelu(0, 1, 10))
    got = run(StageType.MyriadXHwOp, HwParams((op,)), [x, None, w, bias, scale], form(1, 8, 1, 2))
    assert np.allclose(got[0, 0, 0], [1.5, -0.15])


def test_stale_memory_does_not_leak():
    x = RNG.normal(size=(1, 8, 4, 4)).astype("f4")
    x[0, 3:] = np.nan  # channels rounded up: nobody wrote them, no weight reads them
    w = np.zeros((8, 8, 3, 3), "f4")
    w[:, :3] = RNG.normal(size=(8, 3, 3, 3))
    op = conv_op(kernel_w=3, kernel_h=3, with_pad=True)
    operands = [tensor(x), None, stored_weights(w)]
    got = run(StageType.MyriadXHwOp, HwParams((op,)), operands, form(1, 8, 4, 4))
    assert np.allclose(got[0], correlate(x[0, :3], w[:, :3], (4, 4), pad=(1, 1)), atol=1e-5)


def test_infinities_that_are_read_stay():
    x = np.full((1, 1, 1, 1), np.inf, "f4")
    w = stored_weights(np.ones((8, 1, 1, 1), "f4"))
    operands = [tensor(x), None, w]
    got = run(StageType.MyriadXHwOp, HwParams((conv_op(),)), operands, form(1, 8, 1, 1))
    assert np.isinf(got).all()


def test_block_diagonal_weights_give_the_same_as_dense():
    x = RNG.normal(size=(1, 8, 6, 6)).astype("f4")
    w = np.zeros((8, 8, 3, 3), "f4")
    w[np.arange(8), np.arange(8)] = RNG.normal(size=(8, 3, 3))
    op = conv_op(kernel_w=3, kernel_h=3, with_pad=True)
    got = run(StageType.MyriadXHwOp, HwParams((op,)), [tensor(x), None, stored_weights(w)],
              form(1, 8, 6, 6))  # fmt: skip
    assert np.allclose(got[0], naive(x[0], w, (6, 6), (1, 1), (1, 1), (1, 1)), atol=1e-5)


def test_channels_that_no_op_computes_are_told():
    operands = [tensor(np.ones((1, 1, 1, 1), "f4")), None,
                stored_weights(np.ones((16, 1, 1, 1), "f4"))]  # fmt: skip
    with pytest.raises(ValueError, match="output channel 8"):
        run(StageType.MyriadXHwOp, HwParams((conv_op(),)), operands, form(1, 16, 1, 1))
    full = HwParams((conv_op(op_type=HwOpType.FC),))
    with pytest.raises(ValueError, match="FC op"):
        run(StageType.MyriadXHwOp, full, operands, form(1, 8, 1, 1))


# --- what no network reaches -------------------------------------------------------------------

A = np.array([[-2.0, 0.0, 1.0, 3.0]], "f4")
B = np.array([[2.0, 0.0, 1.0, -2.0]], "f4")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(StageType.Not_equal, A != B), (StageType.Greater_equal, A >= B),
     (StageType.Less_equal, A <= B), (StageType.Logical_OR, (A != 0) | (B != 0)),
     (StageType.Logical_XOR, (A != 0) ^ (B != 0))],
)  # fmt: skip
def test_comparisons_and_logic(kind, wanted):
    got = run(kind, eltwise(), [tensor(A), tensor(B)], form(1, 4))
    assert np.array_equal(np.asarray(got, bool), wanted)


def test_division():
    with np.errstate(divide="ignore", invalid="ignore"):
        got = run(StageType.Div, eltwise(), [tensor(A), tensor(B)], form(1, 4))
    assert np.array_equal(got, [[-1, np.nan, 1, -1.5]], equal_nan=True)
    whole = [tensor(np.array([[-7, 7, 5]], "i4")), tensor(np.array([[2, 2, 0]], "i4"))]
    assert run(StageType.Div, eltwise(), whole, form(1, 3)).tolist() == [[-3, 3, 5]]


@pytest.mark.parametrize(
    ("post", "wanted"),
    [(-1, [-4, 8]), (StageType.Relu, [0, 8]), (StageType.LeakyRelu, [-1, 8]),
     (StageType.Clamp, [-1, 1])],
)  # fmt: skip
def test_what_may_follow_an_eltwise(post, wanted):
    x = tensor(np.array([[-2, 4]], "f4"))
    got = run(StageType.Sum, eltwise(post, (0.5, 1.5)), [x, x], form(1, 2))
    assert got.tolist() == [wanted]


def test_an_unknown_post_operation_is_refused():
    with pytest.raises(ValueError, match="post-operation 99"):
        run(StageType.Sum, eltwise(99), [tensor(A), tensor(B)], form(1, 4))


def test_scale_bias_relu():
    x = tensor(np.array([1.0, -1.0], "f4").reshape(1, 2, 1, 1))
    two, half = tensor(np.full(2, 2, "f4")), tensor(np.full(2, 0.5, "f4"))
    got = run(StageType.SCRelu, SCReluParams(0.1, 0), [x, two, half], form(1, 2, 1, 1))
    assert np.allclose(got.ravel(), [2.5, -0.15])


def test_prior_grid():
    priors = tensor(np.array([[-1, -2, 1, 2]], "f4"))
    params = ExpPriorGridGeneratorParams(1, 0, 0, 0.0, 0.0)
    cells, image = tensor(np.zeros((1, 1, 2, 3), "f4")), tensor(np.zeros((1, 3, 20, 30), "f4"))
    got = run(StageType.ExpPriorGridGenerator, params, [priors, cells, image], form(6, 4))
    assert got[0].tolist() == [4, 3, 6, 7]
    assert got[5].tolist() == [24, 13, 26, 17]


# --- movement ----------------------------------------------------------------------------------


def test_permute_goes_by_stored_positions():
    x = RNG.normal(size=(1, 3, 5, 7)).astype("f4")
    order = (2, 0, 1, 3, -1, -1, -1, -1)  # C, W, H, N of what is stored W, H, C, N
    wanted = x.transpose(0, 2, 3, 1)
    same = run(StageType.Permute, PermuteParams(order), [tensor(x)], form(1, 5, 7, 3))
    assert np.array_equal(same, wanted)
    # The same bytes called NHWC: what is meant has not moved at all.
    kept = run(StageType.Permute, PermuteParams(order), [tensor(x)], form(1, 3, 5, 7, order=NHWC))
    assert np.array_equal(kept, x)
    with pytest.raises(ValueError, match="permutation"):
        run(StageType.Permute, PermuteParams((0, 0, 1, 2)), [tensor(x)], form(1, 3, 5, 7))


@pytest.mark.parametrize(
    ("kind", "params"),
    [(StageType.Tile, TileParams(0, 1 << 30)),
     (StageType.Pad, PadParams((1 << 31,) * 4, (0,) * 4, 0.0, PadMode.CONSTANT)),
     (StageType.OneHot, OneHotParams(0, 1 << 31, 1.0, 0.0))],
)  # fmt: skip
def test_results_that_do_not_fit_are_refused_before_they_are_made(kind, params):
    with pytest.raises(ValueError, match="output of"):
        run(kind, params, [tensor(np.zeros((1, 1, 2, 2), "f4"))], form(1, 1, 2, 2))


# --- boxes -------------------------------------------------------------------------------------


def test_suppression_keeps_the_best_of_what_overlaps():
    boxes = np.array([[0, 0, 2, 2], [0.2, 0, 2.2, 2], [5, 5, 6, 6], [5, 5, 6, 6.1]], "f4")
    assert suppress(boxes, 0.5).tolist() == [0, 2]
    assert suppress(boxes, 0.99).tolist() == [0, 1, 2, 3]
    assert suppress(boxes, 0.5, limit=1).tolist() == [0]
    assert overlaps(boxes[0], boxes)[:2] == pytest.approx([1, 1.8 / 2.2])


def test_empty_boxes_overlap_nothing():
    nothing = np.zeros((2, 4), "f4")
    assert overlaps(nothing[0], nothing).tolist() == [0, 0]
