"""Matrix products as convolutions, einsum, attention."""

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import Legalised, legalise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from tests.unit.ir.rule_check import check, compile_with_engine, model_of, parameter

RNG = np.random.default_rng(11)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def kinds(legal: Legalised) -> list[str]:
    return [node.get_type_name() for node in legal.model.get_ordered_ops()]


ROWS = {
    "a matrix": ([20, 8], False),
    "three dimensions": ([1, 20, 8], False),
    "batches": ([3, 20, 8], False),
    "a picture in NHWC": ([1, 5, 6, 8], False),
    "columns first": ([8, 20], True),
    "columns first, batches": ([2, 8, 20], True),
    "a prime number of rows": ([1, 13, 8], False),
}


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_rows_by_constant(name: str, transpose_b: bool) -> None:
    shape, transpose_a = ROWS[name]
    weights = numbers(5, 8) if transpose_b else numbers(8, 5)
    x = parameter(shape)
    layer = ov.opset1.matmul(x, const(weights, np.float32), transpose_a, transpose_b)
    legal = check(model_of(layer, x), [numbers(*shape)], "matmul.rows_by_constant", tolerance=1e-5)
    assert "MatMul" not in kinds(legal)


@pytest.mark.parametrize("bias", [[5], [1, 1, 5], [1]], ids=str)
def test_bias_becomes_the_convolutions(bias: list[int]) -> None:
    x = parameter([1, 20, 8])
    product = ov.opset1.matmul(x, const(numbers(8, 5), np.float32), False, False)
    layer = op("Add", [product, const(numbers(*bias), np.float32)])
    legal = check(
        model_of(layer, x),
        [numbers(1, 20, 8)],
        "matmul.rows_by_constant_with_bias",
        tolerance=1e-5,
    )
    after = kinds(legal)
    assert after.index("Add") < len(after) - after[::-1].index("Transpose")


def test_one_row_stays_a_matmul() -> None:
    x = parameter([1, 8])
    layer = ov.opset1.matmul(x, const(numbers(8, 5), np.float32), False, False)
    legal = legalise(model_of(layer, x))
    assert legal.applied == ()
    assert "MatMul" in kinds(legal)


def test_two_linear_layers_share_no_transposes() -> None:
    """Between them the channels stay where the convolutions want them."""
    x = parameter([1, 16, 8])
    y = op("Add", [op("MatMul", [x, numbers(8, 12)], FLAT), numbers(12)])
    y = op("Add", [op("MatMul", [op("Relu", [y]), numbers(12, 4)], FLAT), numbers(4)])
    legal = check(
        model_of(y, x),
        [numbers(1, 16, 8)],
        "matmul.rows_by_constant_with_bias",
        tolerance=1e-5,
    )
    assert kinds(legal).count("Transpose") == 2


FLAT = {"transpose_a": False, "transpose_b": False}


def test_transformers_compile_in_little_time() -> None:
    """As FullyConnected stages 1024 rows take minutes."""
    x = parameter([1, 1024, 64])
    y = op(
        "MatMul", [op("Relu", [op("MatMul", [x, numbers(64, 256)], FLAT)]), numbers(256, 64)], FLAT
    )
    compile_with_engine(legalise(model_of(y, x)).model)


def test_products_of_five_dimensions() -> None:
    a, b = parameter([1, 2, 3, 4, 5], name="a"), parameter([2, 1, 5, 6], name="b")
    layer = ov.opset1.matmul(a, b, False, False)
    check(
        model_of(layer, a, b),
        [numbers(1, 2, 3, 4, 5), numbers(2, 1, 5, 6)],
        "matmul.merge_batches",
        tolerance=1e-5,
    )


EINSUMS = {
    "ij,jk->ik": [[4, 5], [5, 6]],
    "bij,bkj->bik": [[2, 4, 5], [2, 6, 5]],
    "bhid,bhjd->bhij": [[1, 2, 4, 5], [1, 2, 6, 5]],
    "i,j->ij": [[4], [5]],
    "bchw->bc": [[1, 3, 4, 5]],
    "ij->ji": [[4, 5]],
    "...ij,...jk->...ik": [[2, 3, 4, 5], [2, 3, 5, 6]],
    "ab,bc,cd->ad": [[2, 3], [3, 4], [4, 5]],
    "bij,bij->b": [[2, 3, 4], [2, 3, 4]],
}


@pytest.mark.parametrize("equation", EINSUMS)
def test_einsum(equation: str) -> None:
    shapes = EINSUMS[equation]
    inputs = [parameter(shape, name=f"x{i}") for i, shape in enumerate(shapes)]
    values = [
        numbers(
            *shape,
        )
        for shape in shapes
    ]
    layer = ov.opset7.einsum(inputs, equation)
    check(
        model_of(layer, *inputs),
        values,
        "matmul.einsum",
        tolerance=1e-5,
        oracle=[np.einsum(equation, *values)],
    )


def test_diagonals_are_refused() -> None:
    x = parameter([4, 4])
    legal = legalise(model_of(ov.opset7.einsum([x], "ii->i"), x))
    assert "diagonal" in legal.refused[0].reason


@pytest.mark.parametrize("mask", ["none", "added", "boolean", "causal"])
@pytest.mark.parametrize("scaled", [False, True])
def test_attention(mask: str, scaled: bool) -> None:
    shape = [1, 2, 6, 8]
    inputs = [parameter(shape, name=name) for name in "qkv"]
    attend = list(inputs)
    hidden = np.triu(np.ones((6, 6), bool), 2)
    if mask == "boolean":
        attend.append(const(~hidden, np.bool_))
    elif mask == "added":
        attend.append(const(np.where(hidden, -np.inf, 0), np.float32))
    elif scaled:
        attend.append(const(0, np.float32))
    if scaled:
        attend.append(const(0.25, np.float32))
    layer = op("ScaledDotProductAttention", attend, {"causal": mask == "causal"}, version=13)
    rng = np.random.default_rng(5)
    q, k, v = (rng.normal(size=shape).astype(np.float32) for _ in range(3))
    products = q @ k.swapaxes(-1, -2) * (0.25 if scaled else 1 / np.sqrt(8))
    if mask != "none":
        products = np.where(
            hidden if mask != "causal" else np.triu(np.ones((6, 6)), 1), -np.inf, products
        )
    weights = np.exp(products - products.max(-1, keepdims=True))
    oracle = weights / weights.sum(-1, keepdims=True) @ v
    check(
        model_of(layer, *inputs),
        [q, k, v],
        "attention.scaled_dot_product",
        tolerance=1e-5,
        oracle=[oracle],
    )
