"""Writing at constant places against OpenVINO's own scatters."""

import numpy as np
import openvino as ov
import pytest
from openvino import Node

from oakwright.ir import Legalised, legalise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from tests.unit.ir.rule_check import check, model_of, parameter

SHAPE = (3, 4, 6)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def checked(layer: Node, x: Node, u: Node, rule: str) -> Legalised:
    values = [numbers(*x.shape), numbers(*u.shape)]
    return check(model_of(layer, x, u), values, f"scatter.{rule}")


@pytest.mark.parametrize("indices", [[0, 2], [1, 2], [2, 0]], ids=str)
@pytest.mark.parametrize("axis", [0, 1])
def test_scatter_update(indices: list[int], axis: int) -> None:
    updates = list(SHAPE)
    updates[axis] = 2
    x, u = parameter(SHAPE), parameter(updates, name="u")
    checked(ov.opset3.scatter_update(x, const(indices, np.int64), u, axis), x, u, "scatter_update")


@pytest.mark.parametrize("axis", [0, 2])
def test_scatter_elements(axis: int) -> None:
    indices = np.random.default_rng(0).permuted(np.tile(np.arange(2), (3, 4, 1)), axis=2)
    x, u = parameter(SHAPE), parameter(indices.shape, name="u")
    # Along axis 0 two updates may hit one place; which one wins is not defined.
    indices = (
        indices if axis == 2 else np.broadcast_to(np.array([2, 0, 1])[:, None, None], (3, 4, 2))
    )
    layer = ov.opset12.scatter_elements_update(x, const(indices, np.int64), u, axis)
    checked(layer, x, u, "scatter_elements")


@pytest.mark.parametrize(
    ("indices", "updates"),
    [
        ([[0], [2]], [2, 4, 6]),
        ([[0, 1], [2, 3]], [2, 6]),
        ([[[0, 1, 2], [1, 1, 1]]], [1, 2]),
    ],
    ids=["rows", "columns", "elements"],
)
def test_scatter_nd(indices: list, updates: list[int]) -> None:
    x, u = parameter(SHAPE), parameter(updates, name="u")
    checked(ov.opset4.scatter_nd_update(x, const(indices, np.int64), u), x, u, "scatter_nd")


def test_a_written_block_is_concatenated_not_gathered() -> None:
    """YOLOv5 writes its decoded boxes into a slice: data[.., 1:3, 2:5] = updates."""
    places = np.stack(np.meshgrid(range(3), [1, 2], [2, 3, 4], indexing="ij"), -1)
    x, u = parameter(SHAPE), parameter([3, 2, 3], name="u")
    layer = ov.opset4.scatter_nd_update(x, const(places, np.int64), u)
    legal = checked(layer, x, u, "scatter_nd")
    kinds = [node.get_type_name() for node in legal.model.get_ordered_ops()]
    assert "Gather" not in kinds


@pytest.mark.parametrize(
    ("start", "stop", "step", "axes"),
    [([1], [3], [1], [1]), ([0, 1], [3, 6], [2, 2], [1, 2]), ([-1], [-4], [-1], [2])],
    ids=["block", "steps", "backwards"],
)
def test_slice_scatter(start: list, stop: list, step: list, axes: list) -> None:
    where = [slice(None)] * 3
    for axis, a, b, by in zip(axes, start, stop, step, strict=True):
        where[axis] = slice(a, b, by)
    oracle, updates = numbers(*SHAPE), numbers(*numbers(*SHAPE)[tuple(where)].shape)
    oracle[tuple(where)] = updates
    x, u = parameter(SHAPE), parameter(updates.shape, name="u")
    layer = op("SliceScatter", [x, u, start, stop, step, axes], version=15)
    check(
        model_of(layer, x, u),
        [numbers(*SHAPE), updates],
        "scatter.slice_scatter",
        oracle=[oracle],
    )


@pytest.mark.parametrize("reduction", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize(
    ("indices", "updates"), [([[0], [2]], [2, 4, 6]), ([[0, 1], [2, 3], [0, 1], [0, 1]], [4, 6])]
)
def test_accumulating_scatter_nd(reduction: str, indices: list, updates: list[int]) -> None:
    x, u = parameter(SHAPE), parameter(updates, name="u")
    attrs = {"reduction": reduction}
    layer = op("ScatterNDUpdate", [x, const(indices, np.int64), u], attrs, version=15)
    values = [numbers(*SHAPE), numbers(*updates)]
    combine = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
    oracle = values[0].copy()
    combine[reduction].at(oracle, tuple(np.array(indices).T), values[1])
    rule = "accumulate.accumulating_scatter_nd"
    check(model_of(layer, x, u), values, rule, oracle=[oracle])


@pytest.mark.parametrize("reduction", ["sum", "prod", "max", "min"])
def test_accumulating_scatter_elements(reduction: str) -> None:
    indices = np.array([[0, 2, -1], [1, 1, 1]])
    x, u = parameter([2, 5]), parameter([2, 3], name="u")
    layer = ov.opset12.scatter_elements_update(x, const(indices, np.int64), u, 1, reduction, True)
    rule = "accumulate.accumulating_scatter_elements"
    check(model_of(layer, x, u), [numbers(2, 5), numbers(3, 2).T.copy()], rule)


def test_accumulations_nobody_can_write_out_are_refused() -> None:
    x, u = parameter([2, 5]), parameter([2, 3], name="u")
    indices = const([[0, 1, 2], [1, 2, 3]], np.int64)
    mean = ov.opset12.scatter_elements_update(x, indices, u, 1, "mean", True)
    assert "mean" in legalise(model_of(mean, x, u)).refused[0].reason
    anew = ov.opset12.scatter_elements_update(x, indices, u, 1, "sum", False)
    assert "without the values" in legalise(model_of(anew, x, u)).refused[0].reason
    wide, many = parameter([1, 4]), parameter([1, 100], name="u")
    same = const(np.zeros([1, 100]), np.int64)
    often = ov.opset12.scatter_elements_update(wide, same, many, 1, "sum", True)
    assert "100 updates" in legalise(model_of(often, wide, many)).refused[0].reason


def test_scatter_nd_at_run_time_is_refused() -> None:
    x, u, i = parameter(SHAPE), parameter([2, 4, 6], name="u"), parameter([2, 1], np.int64, "i")
    legal = legalise(model_of(ov.opset4.scatter_nd_update(x, i, u), x, u, i))
    assert "run time" in legal.refused[0].reason
