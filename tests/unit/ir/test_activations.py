"""Functions of one value: legalised forms against OpenVINO, in F32 and in FP16."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from tests.unit.ir.rule_check import (
    check,
    compile_with_engine,
    difference,
    in_fp16,
    model_of,
    parameter,
)

ops = ov.opset16
F = np.float32
X = np.linspace


def line(low: float, high: float) -> np.ndarray:
    return X(low, high, 256, dtype=np.float32).reshape(1, 4, 8, 8)


def one(function) -> ov.Model:
    x = parameter([1, 4, 8, 8])
    return model_of(function(x), x)


def hard(x: ov.Node) -> ov.Node:
    return ops.hard_sigmoid(x, F(0.3), F(0.4))


# op, rule, range, tolerance in F32, in FP16 (of the greatest value)
CASES = {
    "abs": (ops.abs, "absolute_value", (-9, 9), 0, 1e-3),
    "sign": (ops.sign, "sign", (-2, 2), 0, 1e-3),
    "selu": (lambda x: ops.selu(x, F(1.67326), F(1.0507)), "selu", (-5, 5), 1e-6, None),
    "hard_sigmoid": (
        lambda x: ops.hard_sigmoid(x, F(0.3), F(0.4)),
        "hard_sigmoid",
        (-4, 4),
        1e-6,
        2e-3,
    ),
    "softsign": (ops.softsign, "soft_sign", (-300, 300), 1e-6, 2e-3),
    "gelu_tanh": (lambda x: ops.gelu(x, "tanh"), "gelu_tanh", (-9, 9), 1e-6, 2e-3),
    "gelu_tanh_wide": (lambda x: ops.gelu(x, "tanh"), "gelu_tanh", (-500, 500), 1e-6, 2e-3),
    "sin": (ops.sin, "sin", (-12, 12), 2e-6, 3e-3),
    "sin_far": (ops.sin, "sin", (-900, 900), 1e-4, None),
    "cos": (ops.cos, "cos", (-12, 12), 2e-6, 3e-3),
    "tan": (ops.tan, "tan", (-1.5, 1.5), 1e-5, 1e-2),
    "tan_far": (ops.tan, "tan", (-7.7, 7.7), 1e-4, None),
    "sinh": (ops.sinh, "sinh", (-9, 9), 2e-6, 5e-3),
    "sinh_small": (ops.sinh, "sinh", (-0.1, 0.1), 1e-5, 3e-3),
    "cosh": (ops.cosh, "cosh", (-9, 9), 2e-6, 5e-3),
    "asin": (ops.asin, "asin", (-1, 1), 1e-5, 3e-3),
    "asin_small": (ops.asin, "asin", (-0.02, 0.02), 1e-5, 3e-3),
    "acos": (ops.acos, "acos", (-1, 1), 1e-5, 3e-3),
    "acos_near_one": (ops.acos, "acos", (0.95, 1), 1e-5, 5e-3),
    "atan": (ops.atan, "atan", (-20, 20), 1e-5, 3e-3),
    "atan_far": (ops.atan, "atan", (-60000, 60000), 1e-5, 3e-3),
    "asinh": (ops.asinh, "asinh", (-5, 5), 1e-5, 3e-3),
    "asinh_far": (ops.asinh, "asinh", (-60000, 60000), 1e-5, 3e-3),
    "acosh": (ops.acosh, "acosh", (1, 10), 1e-5, 3e-3),
    "acosh_near_one": (ops.acosh, "acosh", (1, 1.05), 1e-5, 5e-3),
    "acosh_far": (ops.acosh, "acosh", (1, 60000), 1e-5, 3e-3),
    "atanh": (ops.atanh, "atanh", (-0.99, 0.99), 1e-5, 5e-3),
    "atanh_small": (ops.atanh, "atanh", (-0.02, 0.02), 1e-5, 3e-3),
}


@pytest.mark.parametrize("case", CASES)
def test_function_of_one_value(case: str) -> None:
    function, rule, (low, high), tolerance, tolerance_fp16 = CASES[case]
    x = line(low, high)
    legal = check(one(function), [x], f"activations.{rule}", tolerance=tolerance)
    if tolerance_fp16 is not None:
        halved = x.astype(np.float16).astype(np.float32)
        wanted = ov.Core().compile_model(one(function), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        got = in_fp16(legal.model, {"x": halved})
        assert difference(np.array(wanted([halved])[0]), got) < tolerance_fp16


def test_sign_of_zero_and_of_tiny_values() -> None:
    x = np.zeros((1, 4, 8, 8), np.float32)
    x[0, 0, 0, :6] = [1e-8, -1e-8, 0, -0.0, 6e-8, np.inf]
    check(one(ops.sign), [x], "activations.sign", tolerance=0)


def test_inverse_hyperbolic_tangent_at_its_poles() -> None:
    x = np.zeros((1, 4, 8, 8), np.float32)
    x[0, 0, 0, :2] = [1, -1]
    check(one(ops.atanh), [x], "activations.atanh", tolerance=1e-5, compiles=False)


@pytest.mark.parametrize("function", [ops.abs, ops.sign])
def test_integers_stay_integers(function) -> None:
    x = parameter([1, 8], np.int32)
    values = np.array([[-7, -1, 0, 1, 2, 9, -2000, 2000]], np.int32)
    rule = "absolute_value" if function is ops.abs else "sign"
    check(model_of(function(x), x), [values], f"activations.{rule}")


def test_exact_gelu_is_left_to_the_engine() -> None:
    legal = legalise(one(lambda x: ops.gelu(x, "erf")))
    assert [n.get_type_name() for n in legal.model.get_ordered_ops()] == [
        "Parameter",
        "Gelu",
        "Result",
    ]


@pytest.mark.parametrize("axis", [1, -1])
def test_log_softmax_is_left_to_the_engine(axis: int) -> None:
    legal = legalise(one(lambda x: ops.log_softmax(x, axis)))
    assert not legal.applied
    compile_with_engine(legal.model)
