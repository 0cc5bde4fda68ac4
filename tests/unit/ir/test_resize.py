"""Interpolate in every mode, against OpenVINO."""

import itertools

import numpy as np
import openvino as ov
import pytest

from oakwright.ir import legalise
from oakwright.ir.legalise.rewrite import op
from tests.unit.ir.rule_check import check, compile_with_engine, model_of, parameter, run

COORDINATES = [
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "align_corners",
]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"]


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).uniform(-1, 1, shape).astype(np.float32)


def resized(
    shape: list[int],
    axes: list[int],
    *,
    sizes: list[int] | None = None,
    scales: list[float] | None = None,
    version: int = 11,
    mode: str = "linear",
    coordinates: str = "half_pixel",
    nearest: str = "round_prefer_floor",
    antialias: bool = False,
    pads: tuple[list[int], list[int]] = ([], []),
) -> ov.Model:
    x = parameter(shape)
    attrs = {
        "mode": mode,
        "shape_calculation_mode": "sizes" if sizes else "scales",
        "coordinate_transformation_mode": coordinates,
        "nearest_mode": nearest,
        "antialias": antialias,
        "pads_begin": pads[0],
        "pads_end": pads[1],
        "cube_coeff": -0.5 if "pillow" in mode else -0.75,
    }
    if version == 11:
        target = np.array(sizes if sizes else scales, np.int64 if sizes else np.float32)
        return model_of(op("Interpolate", [x, target, axes], attrs, version=11), x)
    ratio = [s / shape[a] for s, a in zip(sizes or [], axes, strict=False)]
    both = [sizes or [1] * len(axes), np.array(scales or ratio, np.float32)]
    return model_of(op("Interpolate", [x, *both, axes], attrs, version=4), x)


def ask(model: ov.Model, tolerance: float = 1e-5, compiles: bool = True) -> list[str]:
    given = values(*model.input(0).shape)
    legal = check(model, [given], "resize.interpolate", tolerance=tolerance, compiles=compiles)
    return [node.get_type_name() for node in legal.model.get_ordered_ops()]


@pytest.mark.parametrize(
    ("mode", "sizes"),
    list(itertools.product(["linear", "linear_onnx", "nearest"], [[9, 14], [3, 4]])),
)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_pictures(mode: str, sizes: list[int], coordinates: str) -> None:
    model = resized([1, 2, 6, 7], [2, 3], sizes=sizes, mode=mode, coordinates=coordinates)
    assert ask(model, compiles=coordinates == "half_pixel").count("Interpolate") == 1


@pytest.mark.parametrize("nearest", NEAREST)
@pytest.mark.parametrize("sizes", [[12, 14], [3, 5]])
def test_nearest_rounding(nearest: str, sizes: list[int]) -> None:
    ask(resized([1, 2, 6, 7], [2, 3], sizes=sizes, mode="nearest", nearest=nearest))


@pytest.mark.parametrize("mode", ["linear_onnx", "nearest", "cubic"])
def test_a_scale_that_is_not_the_ratio_of_the_sizes(mode: str) -> None:
    model = resized(
        [1, 2, 7, 9], [2, 3], scales=[0.5, 1.3], mode=mode, coordinates="pytorch_half_pixel"
    )
    assert "Interpolate" not in ask(model)


def test_a_scale_that_is_the_ratio_stays_native() -> None:
    model = resized([1, 2, 6, 8], [2, 3], scales=[2.0, 2.0], mode="linear_onnx")
    assert "Interpolate" in ask(model)


@pytest.mark.parametrize("sizes", [[9, 14], [3, 4], [6, 14]])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_cubic(sizes: list[int], coordinates: str) -> None:
    model = resized([1, 2, 6, 7], [2, 3], sizes=sizes, mode="cubic", coordinates=coordinates)
    ask(model, compiles=coordinates == "half_pixel")


@pytest.mark.parametrize("mode", ["bilinear_pillow", "bicubic_pillow"])
@pytest.mark.parametrize("sizes", [[9, 14], [3, 4], [4, 14]])
def test_pillow(mode: str, sizes: list[int]) -> None:
    ask(resized([1, 2, 6, 7], [2, 3], sizes=sizes, mode=mode))


@pytest.mark.parametrize("sizes", [[3, 4], [9, 14], [3, 14], [6, 4]])
def test_linear_with_antialiasing(sizes: list[int]) -> None:
    # The CPU plugin ignores antialiasing here; the node's own evaluation is the definition.
    model = resized([1, 2, 6, 7], [2, 3], sizes=sizes, antialias=True)
    node = next(n for n in model.get_ops() if n.get_type_name() == "Interpolate")
    given = values(1, 2, 6, 7)
    wanted = ov.Tensor(ov.Type.f32, ov.Shape([1, 2, *sizes]))
    fixed = [ov.Tensor(np.array(sizes)), ov.Tensor(np.array([2, 3]))]
    assert node.evaluate([wanted], [ov.Tensor(given), *fixed])
    check(model, [given], "resize.interpolate", tolerance=1e-5, oracle=[np.array(wanted.data)])


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize(
    ("shape", "axes", "sizes"),
    [
        ([1, 6, 7, 2], [1, 2], [9, 4]),
        ([1, 3, 7], [2], [14]),
        ([1, 3, 7], [1, 2], [5, 4]),
        ([1, 2, 3, 4, 5], [2, 3, 4], [6, 3, 7]),
        ([1, 2, 3, 4, 5], [2], [6]),
        ([6, 7], [0, 1], [3, 9]),
        ([1, 2, 6, 7], [3], [9]),
        ([1, 2, 6, 7], [2, 3], [6, 9]),
        ([2, 3, 4, 5], [1, 2], [6, 2]),
    ],
)
def test_other_axes_and_ranks(
    mode: str, shape: list[int], axes: list[int], sizes: list[int]
) -> None:
    if mode == "cubic" and len(shape) == 5:
        return  # OpenVINO's CPU plugin has no cubic resize of volumes to compare with
    ask(resized(shape, axes, sizes=sizes, mode=mode))


def test_nearest_on_one_axis_that_would_shift_the_other() -> None:
    # By its formula tf_half_pixel_for_nn moves even an axis that keeps its size.
    ask(
        resized(
            [1, 3, 7],
            [2],
            sizes=[14],
            mode="nearest",
            coordinates="tf_half_pixel_for_nn",
            nearest="ceil",
        )
    )


@pytest.mark.parametrize(("mode", "nearest"), [("nearest", "ceil"), ("linear_onnx", "floor")])
def test_the_other_axis_of_a_picture_does_not_shift(mode: str, nearest: str) -> None:
    # The engine's own stage does shift it (seen by running the blob).
    model = resized(
        [1, 2, 6, 7],
        [2, 3],
        sizes=[6, 14],
        version=4,
        mode=mode,
        nearest=nearest,
        coordinates="tf_half_pixel_for_nn",
    )
    assert "Interpolate" not in ask(model)


def test_padding_comes_first() -> None:
    pads = ([0, 0, 1, 2], [0, 0, 0, 1])
    ask(resized([1, 2, 6, 7], [2, 3], sizes=[9, 14], mode="linear_onnx", pads=pads))


def test_same_size_is_no_layer() -> None:
    layers = ask(resized([1, 2, 6, 7], [2, 3], sizes=[6, 7]), compiles=False)
    assert "Interpolate" not in layers


def test_interpolate_4_of_a_picture_is_left_to_the_engine() -> None:
    model = resized([1, 2, 6, 7], [2, 3], sizes=[12, 14], mode="linear_onnx", version=4)
    legal = legalise(model)
    assert not legal.applied
    given = values(1, 2, 6, 7)
    np.testing.assert_array_equal(run(model, [given])[0], run(legal.model, [given])[0])
    compile_with_engine(legal.model)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("sizes", [[9, 14], [4, 5]])
def test_interpolate_1(mode: str, sizes: list[int], aligned: bool) -> None:
    x = parameter([1, 2, 6, 7])
    attrs = {"axes": [2, 3], "mode": mode, "align_corners": aligned, "antialias": False}
    ask(model_of(op("Interpolate", [x, sizes], {**attrs, "pads_begin": [], "pads_end": []}), x))
