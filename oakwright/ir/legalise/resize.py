"""Interpolate in all its modes.

The engine resizes the last two axes of a picture, by nearest neighbour or linearly, and works out
the scale from the two sizes. Other axes and ranks are brought into that form. Whatever computes
something else (cubic, antialiased, Pillow's, a scale that is not the ratio of the sizes) is done
axis by axis: nearest neighbour with constant indices, the rest with a constant matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from openvino import Node, Output

from .interpolation import Scheme, matrix, nearest_positions
from .matrices import along_axis
from .rewrite import (
    Refusal,
    Rule,
    const,
    constant_input,
    dtype_of,
    op,
    reshape,
    shape_of,
    transpose,
)

_NATIVE_MODES = ("nearest", "linear", "linear_onnx")


@dataclass(frozen=True)
class _Axis:
    index: int
    size_in: int
    size_out: int
    scale: float

    @property
    def ratio(self) -> float:
        """The scale as the engine has it."""
        return self.size_out / self.size_in


def interpolate(node: Node) -> Sequence[Output] | None:
    """Interpolate-1, -4 and -11.

    Interpolate-1 leaves to the plugin what it means, and the engine resizes by nearest neighbour
    where cubic was asked for; as Interpolate-4 it is what OpenVINO takes it for.
    """
    version = node.type_info.version_id
    scheme = _scheme(node)
    x = _padded(node)
    every = _axes(node, shape_of(x))
    # Antialiasing counts only where something gets smaller, but then on every axis.
    smaller = any(axis.scale < 1 for axis in every)
    scheme = replace(scheme, antialias=scheme.antialias and smaller)
    axes = [axis for axis in every if not _is_identity(scheme, axis)]
    if not axes:
        return [x]
    if version == "opset4" and _is_native(node, scheme, every) and _keeps_others(scheme, axes):
        return None
    dtype = dtype_of(x)
    if not dtype.is_real() and scheme.mode != "nearest":
        x = op("Convert", [x], {"destination_type": "f32"}).output(0)
    if all(_is_plain(scheme, axis) for axis in axes) and _keeps_others(scheme, axes):
        x = _by_stages(x, scheme, axes)
    else:
        for axis in axes:
            x = _by_hand(x, scheme, axis)
    if dtype_of(x) != dtype:
        x = op("Convert", [x], {"destination_type": dtype.get_type_name()}).output(0)
    return [x]


def _scheme(node: Node) -> Scheme:
    attrs = node.get_attributes()
    if node.type_info.version_id == "opset1":
        if str(attrs["mode"]).lower() == "area":
            raise Refusal(
                "Interpolate-1 with mode 'area'", "average instead: AvgPool, or adaptive pooling"
            )
        return Scheme(
            mode=str(attrs["mode"]).lower(),
            coordinates="align_corners" if attrs["align_corners"] else "asymmetric",
            nearest="simple",
            antialias=bool(attrs["antialias"]),
        )
    return Scheme(
        mode=str(attrs["mode"]).lower(),
        coordinates=str(attrs["coordinate_transformation_mode"]).lower(),
        nearest=str(attrs["nearest_mode"]).lower(),
        antialias=bool(attrs["antialias"]),
        cube_coefficient=float(attrs["cube_coeff"]),
    )


def _axes(node: Node, shape: list[int]) -> list[_Axis]:
    """What is resized, first axis first; ``shape`` is that of the padded input."""
    attrs = node.get_attributes()
    by_scale = str(attrs.get("shape_calculation_mode", "sizes")).lower() == "scales"
    where = 2 if node.type_info.version_id == "opset11" else 3
    if "axes" in attrs:
        indices = [int(a) for a in attrs["axes"]]
    elif len(node.inputs()) > where:
        indices = [int(a) % len(shape) for a in constant_input(node, where).ravel()]
    else:
        indices = list(range(len(shape)))
    sizes = shape_of(node.output(0))
    scales = [sizes[i] / shape[i] for i in indices]
    if by_scale:
        # Interpolate-4 has sizes and scales, -11 the one that counts.
        given = constant_input(node, 1 if where == 2 else 2).ravel()
        scales = [float(np.float32(s)) for s in given]
    axes = [_Axis(i, shape[i], sizes[i], s) for i, s in zip(indices, scales, strict=True)]
    return sorted(axes, key=lambda axis: axis.index)


def _padded(node: Node) -> Output:
    x = node.input_value(0)
    attrs = node.get_attributes()
    rank = len(shape_of(x))
    pads = []
    for side in ("pads_begin", "pads_end"):
        given = [int(p) for p in attrs.get(side, [])][:rank]
        pads.append(given + [0] * (rank - len(given)))
    if not any(pads[0] + pads[1]):
        return x
    zero = const(0, dtype_of(x))
    return op("Pad", [x, pads[0], pads[1], zero], {"pad_mode": "constant"}).output(0)


def _is_identity(scheme: Scheme, axis: _Axis) -> bool:
    if axis.size_in != axis.size_out:
        return False
    weights = matrix(scheme, axis.size_in, axis.size_out, axis.scale)
    return bool(np.allclose(weights, np.eye(axis.size_in), atol=1e-6))


def _is_plain(scheme: Scheme, axis: _Axis) -> bool:
    """Whether the engine's way gives the same weights: its two modes, the scale from the sizes."""
    if scheme.mode not in _NATIVE_MODES:
        return False
    wanted = matrix(scheme, axis.size_in, axis.size_out, axis.scale)
    native = matrix(_native_scheme(scheme), axis.size_in, axis.size_out, axis.ratio)
    return bool(np.allclose(wanted, native, atol=1e-5))


def _keeps_others(scheme: Scheme, axes: list[_Axis]) -> bool:
    """Whether the engine's stage leaves alone the axis of a picture that keeps its size."""
    # The formula of tf_half_pixel_for_nn moves it by a half; OpenVINO excepts it, the chip may not.
    both = len(axes) == 2 and axes[1].index == axes[0].index + 1
    return both or scheme.coordinates != "tf_half_pixel_for_nn"


def _native_scheme(scheme: Scheme) -> Scheme:
    mode = "nearest" if scheme.mode == "nearest" else "linear_onnx"
    return replace(scheme, mode=mode, antialias=False)


def _is_native(node: Node, scheme: Scheme, axes: list[_Axis]) -> bool:
    attrs = node.get_attributes()
    padded = any(int(p) for side in ("pads_begin", "pads_end") for p in attrs.get(side, []))
    return (
        scheme.mode in ("nearest", "linear_onnx")
        and not scheme.antialias
        and not padded
        and len(shape_of(node.output(0))) == 4
        and [axis.index for axis in axes] == [2, 3]
        and all(_is_plain(scheme, axis) for axis in axes)
    )


def _by_stages(x: Output, scheme: Scheme, axes: list[_Axis]) -> Output:
    """Resize with the engine's own stage, the tensor shaped so that it can."""
    shape = shape_of(x)
    rank = len(shape)
    indices = [axis.index for axis in axes]
    if rank == 4 and indices == [1, 2]:
        # Interleaved pictures; the neighbours often are transposes too, and cancel.
        moved = [replace(axis, index=axis.index + 1) for axis in axes]
        return transpose(_native(transpose(x, [0, 3, 1, 2]), scheme, moved), [0, 2, 3, 1])
    if rank == 4 and set(indices) <= {2, 3}:
        return _native(x, scheme, axes)
    if rank > 2 and indices[-2:] == [rank - 2, rank - 1]:
        picture = [1, math.prod(shape[:-2]), *shape[-2:]]
        last = [replace(axis, index=axis.index + 4 - rank) for axis in axes[-2:]]
        y = _native(reshape(x, picture), scheme, last)
        x = reshape(y, [*shape[:-2], last[0].size_out, last[1].size_out])
        axes = axes[:-2]
    for axis in axes:
        x = _one_axis(x, scheme, axis)
    return x


def _one_axis(x: Output, scheme: Scheme, axis: _Axis) -> Output:
    """The axis becomes the height of a picture whose width stays as it is."""
    shape = shape_of(x)
    outer, inner = math.prod(shape[: axis.index]), math.prod(shape[axis.index + 1 :])
    height = replace(axis, index=2)
    y = _native(reshape(x, [1, outer, axis.size_in, inner]), scheme, [height])
    return reshape(y, [*shape[: axis.index], axis.size_out, *shape[axis.index + 1 :]])


def _native(x: Output, scheme: Scheme, axes: list[_Axis]) -> Output:
    shape = shape_of(x)
    sizes = shape[2:]
    for axis in axes:
        sizes[axis.index - 2] = axis.size_out
    native = _native_scheme(scheme)
    attrs = {
        "mode": native.mode,
        "shape_calculation_mode": "sizes",
        "coordinate_transformation_mode": native.coordinates,
        "nearest_mode": native.nearest,
        "antialias": False,
        "pads_begin": [0, 0, 0, 0],
        "pads_end": [0, 0, 0, 0],
        "cube_coeff": -0.75,
    }
    scales = np.array([out / size for out, size in zip(sizes, shape[2:], strict=True)], np.float32)
    return op("Interpolate", [x, sizes, scales, [2, 3]], attrs, version=4).output(0)


def _by_hand(x: Output, scheme: Scheme, axis: _Axis) -> Output:
    if scheme.mode == "nearest":
        positions = nearest_positions(scheme, axis.size_in, axis.size_out, axis.scale)
        return op("Gather", [x, positions.astype(np.int32), axis.index]).output(0)
    weights = matrix(scheme, axis.size_in, axis.size_out, axis.scale)
    return along_axis(x, axis.index, weights)


RULES: dict[str, Sequence[Rule]] = {"Interpolate": [interpolate]}
