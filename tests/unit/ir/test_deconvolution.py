"""Transposed convolutions: dilations that the engine would drop, one axis for two."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from oakwright.ir.legalise.rewrite import op
from tests.unit.ir.rule_check import check, model_of, parameter


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(9).uniform(-1, 1, shape).astype(np.float32)


def deconvolution(
    weights: tuple[int, ...], strides: list[int], dilations: list[int], grouped: bool = False
) -> ov.Model:
    axes = len(strides)
    x = parameter([1, 4, 5, 6][: 2 + axes])
    attrs = {
        "strides": strides,
        "dilations": dilations,
        "pads_begin": [1] * axes,
        "pads_end": [0] * axes,
        "auto_pad": "explicit",
    }
    kind = "GroupConvolutionBackpropData" if grouped else "ConvolutionBackpropData"
    return model_of(op(kind, [x, values(*weights)], attrs), x)


@pytest.mark.parametrize(
    ("kernel", "strides", "dilations"),
    [([3, 3], [1, 1], [2, 2]), ([3, 2], [2, 3], [2, 1]), ([1, 3], [1, 2], [3, 3])],
)
@pytest.mark.parametrize("grouped", [True, False])
def test_dilation_goes_into_the_kernel(
    kernel: list[int], strides: list[int], dilations: list[int], grouped: bool
) -> None:
    weights = (2, 2, 3, *kernel) if grouped else (4, 3, *kernel)
    model = deconvolution(weights, strides, dilations, grouped)
    legal = check(model, [values(1, 4, 5, 6)], "convolution.deconvolution", tolerance=1e-5)
    left = [n for n in legal.model.get_ops() if n.get_type_name() == "ConvolutionBackpropData"]
    expected = [[1, 1]] * (2 if grouped else 1)
    assert [list(n.get_attributes()["dilations"]) for n in left] == expected


def test_one_axis_and_dilated() -> None:
    model = deconvolution((4, 3, 3), [2], [2])
    check(model, [values(1, 4, 5)], "convolution.deconvolution", tolerance=1e-5)


def test_groups_are_taken_apart() -> None:
    # The engine reads the weights of groups of several channels in the wrong order.
    model = deconvolution((2, 2, 3, 3, 3), [2, 2], [1, 1], grouped=True)
    legal = check(model, [values(1, 4, 5, 6)], "convolution.deconvolution", tolerance=1e-5)
    kinds = [n.get_type_name() for n in legal.model.get_ops()]
    assert kinds.count("ConvolutionBackpropData") == 2


def test_depthwise_is_left_to_the_engine() -> None:
    assert not legalise(deconvolution((4, 1, 2, 3, 3), [2, 2], [1, 1], grouped=True)).applied


def test_undilated_is_left_to_the_engine() -> None:
    assert not legalise(deconvolution((4, 3, 3, 3), [2, 2], [1, 1])).applied
