"""Quantised models: pairs are joined, the rounding is taken out, what is left is exact."""

import numpy as np
import openvino as ov
import pytest

from oakwright import ir
from oakwright.conversion.rounding import QUANTISED_LIMIT
from tests.unit.ir.rule_check import model_of, parameter

ops = ov.opset13


def pair(x, low, high, kind):
    """Quantise to small integers and back, as ONNX's QuantizeLinear and DequantizeLinear do."""
    bottom, top = (0, 255) if kind == "u8" else (-128, 127)
    bounds = [np.float32(v) for v in (low, high, bottom, top)]
    small = ops.convert(ops.fake_quantize(x, *bounds, 256), kind)
    step = np.float32((high - low) / 255)
    zero = np.float32(bottom - round(low / step))
    return ops.multiply(ops.subtract(ops.convert(small, "f32"), zero), step)


def kinds(model):
    skip = ("Parameter", "Constant", "Result")
    return [k for n in model.get_ordered_ops() if (k := n.get_type_name()) not in skip]


@pytest.mark.parametrize("kind", ["u8", "i8"])
def test_a_pair_is_a_clamp(kind):
    x = parameter([1, 3, 4, 8])
    model = model_of(pair(x, 0.0, 2.55, kind), x)
    assert kinds(ir.legalise(model).model) == ["Clamp"]
    plain, dropped = ir.without_rounding(model)
    assert dropped == 1
    values = {"x": np.linspace(-1, 4, 96, dtype=np.float32).reshape(1, 3, 4, 8)}
    values = dict.fromkeys(ir.port_names(model).inputs, values["x"])
    (rounded,) = ir.run_on_cpu(model, values)
    (smooth,) = ir.run_on_cpu(plain, values)
    gap = np.abs(rounded - smooth).max()
    assert 0.001 < gap <= 0.0051  # half a step of 0.01


def test_ranges_that_differ_in_the_last_bits_are_equal():
    x = parameter([1, 3, 4, 8])
    bounds = [np.float32(v) for v in (0, 1, 0, 0.9999661)]
    assert kinds(ir.legalise(model_of(ops.fake_quantize(x, *bounds, 256), x)).model) == ["Clamp"]
    other = [np.float32(v) for v in (0, 1, 0, 0.99)]
    legal = ir.legalise(model_of(ops.fake_quantize(x, *other, 256), x)).model
    assert kinds(legal) == ["Clamp", "Multiply"]


def test_what_is_not_quantised_comes_back_itself():
    x = parameter([1, 3, 4, 8])
    model = model_of(ops.relu(x), x)
    assert ir.without_rounding(model) == (model, 0)


def test_rms_difference():
    a = np.array([3.0, 4.0])
    assert ir.rms_difference(a, a) == 0
    assert ir.rms_difference(a, a + np.array([0.0, 1.0])) == pytest.approx(1 / 5)
    assert ir.rms_difference(a, np.array([np.nan, 1.0])) == float("inf")
    assert ir.rms_difference(a, -a) > QUANTISED_LIMIT
