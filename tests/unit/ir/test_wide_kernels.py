"""A kernel of 1x16 with a bias, which the engine would add twice."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from oakwright.ir.legalise.rewrite import op
from tests.unit.ir.rule_check import check, model_of, parameter


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(4).uniform(-1, 1, shape).astype(np.float32)


def convolution(width: int, strides: list[int], pads: list[int], auto_pad: str) -> ov.Model:
    x = parameter([1, 4, 5, 40])
    attrs = {
        "strides": strides,
        "dilations": [1, 1],
        "pads_begin": [0, pads[0]],
        "pads_end": [0, pads[1]],
        "auto_pad": auto_pad,
    }
    layer = op("Convolution", [x, values(8, 4, 1, width) / 8], attrs)
    return model_of(op("Add", [layer, values(1, 8, 1, 1)]), x)


@pytest.mark.parametrize(
    ("pads", "auto_pad"),
    [
        ([0, 0], "explicit"),
        ([8, 7], "explicit"),
        ([3, 0], "explicit"),
        ([0, 0], "same_upper"),
        ([0, 0], "same_lower"),
        ([0, 0], "valid"),
    ],
)
def test_halves(pads: list[int], auto_pad: str) -> None:
    model = convolution(16, [1, 1], pads, auto_pad)
    rule = "convolution.convolution_16_wide"
    legal = check(model, [values(1, 4, 5, 40)], rule, tolerance=1e-5)
    kinds = [node.get_type_name() for node in legal.model.get_ops()]
    assert kinds.count("Convolution") == 2


@pytest.mark.parametrize(("width", "strides"), [(15, [1, 1]), (17, [1, 1]), (16, [1, 2])])
def test_other_kernels_are_left_to_the_engine(width: int, strides: list[int]) -> None:
    assert not legalise(convolution(width, strides, [0, 0], "explicit")).applied
