"""Fourier transforms, sampling, reversing and buckets."""

import itertools

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from oakwright.ir.legalise.rewrite import op
from tests.unit.ir.rule_check import check, model_of, parameter

ops = ov.opset16


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(17).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    ("shape", "axes", "size"),
    [
        ([1, 8, 2], [1], None),
        ([1, 3, 6, 7, 2], [2, 3], None),
        ([1, 3, 6, 7, 2], [-1], None),
        ([1, 3, 6, 7, 2], [1, 2], [5, 4]),
        ([1, 6, 7, 2], [1, 2], [8, -1]),
        ([16, 2], [0], None),
    ],
)
def test_complex_transform(
    shape: list[int], axes: list[int], size: list[int] | None, inverse: bool
) -> None:
    x = parameter(shape)
    kind = "IDFT" if inverse else "DFT"
    node = op(kind, [x, axes, *([size] if size else [])], version=7)
    check(model_of(node, x), [values(*shape)], f"fourier.{kind.lower()}", tolerance=1e-5)


@pytest.mark.parametrize(
    ("shape", "axes", "size"),
    [
        ([1, 8], [1], None),
        ([1, 9], [-1], None),
        ([1, 3, 6, 8], [2, 3], None),
        ([1, 3, 6, 8], [3, 2], None),
        ([1, 3, 6, 8], [2, 3], [4, 7]),
        ([2, 12], [1], [7]),
    ],
)
def test_real_transform(shape: list[int], axes: list[int], size: list[int] | None) -> None:
    x = parameter(shape)
    node = op("RDFT", [x, axes, *([size] if size else [])], version=9)
    check(model_of(node, x), [values(*shape)], "fourier.rdft", tolerance=1e-5)


@pytest.mark.parametrize(
    ("shape", "axes", "size"),
    [
        ([1, 5, 2], [1], None),
        ([1, 5, 2], [1], [9]),
        ([1, 5, 2], [1], [6]),
        ([1, 3, 6, 5, 2], [2, 3], None),
        ([1, 3, 6, 5, 2], [2, 3], [4, 7]),
    ],
)
def test_real_inverse(shape: list[int], axes: list[int], size: list[int] | None) -> None:
    x = parameter(shape)
    node = op("IRDFT", [x, axes, *([size] if size else [])], version=9)
    given = values(*shape)
    # A spectrum of real data has real ends; other input is undefined.
    given[..., 0, 1] = given[..., -1, 1] = 0
    check(model_of(node, x), [given], "fourier.irdft", tolerance=1e-5)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(("shape", "window", "frame"), [([1, 80], 16, 16), ([2, 81], 12, 16)])
def test_spectrogram(shape: list[int], window: int, frame: int, transposed: bool) -> None:
    x = parameter(shape)
    inputs = [x, np.hanning(window).astype(np.float32), np.array(frame), np.array(5)]
    node = op("STFT", inputs, {"transpose_frames": transposed}, version=15)
    check(model_of(node, x), [values(*shape)], "fourier.stft", tolerance=1e-5)


def test_a_long_transform_is_refused() -> None:
    x = parameter([1, 4096, 2])
    finding = legalise(model_of(op("DFT", [x, [1]], version=7), x)).findings[0]
    assert finding.severity == "error"
    assert "4096 points" in finding.reason


def sampled(grid: np.ndarray, batch: int = 1, **attrs: object) -> ov.Model:
    x = parameter([batch, 2, 5, 6])
    given = {"mode": "bilinear", "padding_mode": "zeros", "align_corners": False, **attrs}
    return model_of(
        op(
            "GridSample",
            [
                x,
                grid,
            ],
            given,
            version=9,
        ),
        x,
    )


@pytest.mark.parametrize(
    ("mode", "padding", "aligned"),
    list(
        itertools.product(
            ["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"], [True, False]
        )
    ),
)
def test_grid(mode: str, padding: str, aligned: bool) -> None:
    grid = values(1, 4, 7, 2) * 1.6
    model = sampled(grid, mode=mode, padding_mode=padding, align_corners=aligned)
    check(model, [values(1, 2, 5, 6)], "sampling.grid_sample", tolerance=1e-5)


def test_grids_of_a_batch() -> None:
    grid = values(3, 4, 7, 2)
    check(sampled(grid, 3), [values(3, 2, 5, 6)], "sampling.grid_sample", tolerance=1e-5)
    same = np.repeat(grid[:1], 3, 0)
    check(sampled(same, 3), [values(3, 2, 5, 6)], "sampling.grid_sample", tolerance=1e-5)


def test_a_grid_outside_the_picture() -> None:
    grid = np.full((1, 2, 3, 2), 5, np.float32)
    check(sampled(grid), [values(1, 2, 5, 6)], "sampling.grid_sample", tolerance=0)


def test_a_grid_at_run_time_is_refused() -> None:
    x, grid = parameter([1, 2, 5, 6]), parameter([1, 3, 3, 2], name="grid")
    attrs = {"mode": "bilinear", "padding_mode": "zeros", "align_corners": False}
    model = model_of(op("GridSample", [x, grid], attrs, version=9), x, grid)
    finding = legalise(model).findings[0]
    assert "run time" in finding.reason
    assert "ImageManip" in finding.remedy


@pytest.mark.parametrize("pad", ["valid", "same_upper", "same_lower"])
@pytest.mark.parametrize(
    ("sizes", "strides", "rates"), [([3, 3], [1, 1], [1, 1]), ([2, 3], [3, 2], [2, 1])]
)
def test_patches(sizes: list[int], strides: list[int], rates: list[int], pad: str) -> None:
    x = parameter([1, 2, 9, 10])
    attrs = {"sizes": sizes, "strides": strides, "rates": rates, "auto_pad": pad}
    model = model_of(op("ExtractImagePatches", [x], attrs, version=3), x)
    check(model, [values(1, 2, 9, 10)], "sampling.extract_image_patches", tolerance=0)


@pytest.mark.parametrize(
    ("channels", "size", "kernel", "strides", "dilations", "begin", "end"),
    [
        (2, [6, 8], [2, 2], [2, 2], [1, 1], [0, 0], [0, 0]),
        (2, [6, 8], [3, 3], [1, 1], [1, 1], [1, 1], [1, 1]),
        (2, [9, 10], [3, 2], [2, 3], [2, 1], [1, 0], [0, 1]),
        (2, [8, 9], [3, 3], [3, 4], [1, 1], [0, 0], [0, 0]),
        (300, [4, 4], [2, 2], [2, 2], [1, 1], [0, 0], [0, 0]),
    ],
)
def test_patches_put_back(
    channels: int,
    size: list[int],
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    begin: list[int],
    end: list[int],
) -> None:
    counts = [
        (size[a] + begin[a] + end[a] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1
        for a in range(2)
    ]
    shape = [1, channels * kernel[0] * kernel[1], counts[0] * counts[1]]
    x = parameter(shape)
    attrs = {"strides": strides, "dilations": dilations, "pads_begin": begin, "pads_end": end}
    inputs = [x, np.array(size, np.int64), np.array(kernel, np.int64)]
    model = model_of(op("Col2Im", inputs, attrs, version=15), x)
    check(model, [values(*shape)], "sampling.col2im", tolerance=1e-6)


@pytest.mark.parametrize(
    ("shape", "batch_axis", "axis", "lengths"),
    [
        ([1, 6, 4], 0, 1, [4]),
        ([3, 6, 4], 0, 1, [4, 6, 1]),
        ([6, 3, 4], 1, 0, [4, 6, 1]),
        ([3, 2, 6, 4], 0, 2, [2, 2, 5]),
        ([2, 5], 0, 1, [5, 5]),
    ],
)
def test_reversed_sequences(
    shape: list[int], batch_axis: int, axis: int, lengths: list[int]
) -> None:
    x = parameter(shape)
    node = ops.reverse_sequence(x, np.array(lengths, np.int32), batch_axis, axis)
    check(model_of(node, x), [values(*shape)], "transforms.reverse_sequence", tolerance=0)


@pytest.mark.parametrize("right", [True, False])
def test_buckets(right: bool) -> None:
    x = parameter([1, 3, 8])
    edges = np.array([-0.5, 0, 0.25, 0.75], np.float32)
    given = values(1, 3, 8)
    given[0, 0, :4] = edges
    node = ops.bucketize(x, edges, "i32", right)
    check(model_of(node, x), [given], "transforms.bucketize", tolerance=0)


@pytest.mark.parametrize("right", [True, False])
def test_sorted_search(right: bool) -> None:
    x = parameter([1, 3, 8])
    edges = np.array([-0.5, 0, 0.25, 0.75], np.float32)
    given = values(1, 3, 8)
    given[0, 0, :4] = edges
    node = ops.search_sorted(edges, x, right)
    check(model_of(node, x), [given], "transforms.search_sorted", tolerance=0)
