"""Networks for an application to begin with: no training, and their answers can be foretold.

A detector of red things (an SSD's rows), a recogniser of dark and bright, a measure of motion
between two pictures. They are made of plain operations and compiled by `oakwright.conversion`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import openvino as ov

DETECTOR_SIZE, RECOGNIZER_SIZE, MOTION_SIZE = 300, 64, 240
# Labels by number; an SSD's first is the background.
DETECTOR_LABELS = ("background", "red thing")
RECOGNIZER_NAMES = ("dark", "bright")
_CELL, _MOTION_CELL = 4, 16
MOTION_CELLS = MOTION_SIZE // _MOTION_CELL
_ROWS = 10
# Red is this much above the mean of blue and green, and surely red so much above that.
_LEAST_RED, _SURELY = 60.0, 30.0
# Half an even rectangle's side, in standard deviations of its points.
_REACH = float(np.sqrt(3))
# As many red cells make a thing of confidence 1.
_CELLS_OF_A_THING = 60.0
_MIDDLE_GREY = 70.0


def red_detector() -> ov.Model:
    """[1,3,300,300] BGR bytes to [1,1,10,7]: one box around all that is red."""
    from openvino import opset8 as ops

    size = DETECTOR_SIZE
    image = ops.parameter([1, 3, size, size], np.float32, name="picture")
    cells = ops.avg_pool(image, [_CELL] * 2, [0, 0], [0, 0], [_CELL] * 2, False)
    weights = np.array([-0.5, -0.5, 1], np.float32).reshape(1, 3, 1, 1) / _SURELY
    redness = ops.convolution(cells, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    mask = ops.clamp(ops.add(redness, np.float32(-_LEAST_RED / _SURELY)), 0.0, 1.0)
    count = size // _CELL
    # Places count from the middle, so that FP16 has digits left for the spread.
    y, x = np.mgrid[:count, :count].reshape(2, -1) / count + 0.5 / count - 0.5
    basis = np.stack([np.ones_like(x), x, x * x, y, y * y], 1).astype(np.float32)
    sums = ops.matmul(ops.reshape(mask, [1, count * count], False), basis, False, False)
    red = _column(sums, 0)
    weight = ops.add(red, np.float32(0.5))
    sure = ops.clamp(ops.multiply(red, np.float32(1 / _CELLS_OF_A_THING)), 0.0, 0.99)
    corners = [_ends(_column(sums, i), _column(sums, i + 1), weight) for i in (1, 3)]
    values = ops.concat([sure, *corners], 1)
    # Rows are image, label, confidence, x0, y0, x1, y1; image -1 ends the list.
    pick = np.zeros((5, _ROWS * 7), np.float32)
    for row, column in ((0, 2), (1, 3), (2, 5), (3, 4), (4, 6)):
        pick[row, column] = 1
    rest = np.zeros((1, _ROWS, 7), np.float32)
    rest[0, 0, 1], rest[0, 1:, 0] = 1, -1
    table = ops.add(ops.matmul(values, pick, False, False), rest.reshape(1, -1))
    return _model(ops.reshape(table, [1, 1, _ROWS, 7], False), [image], "detections")


def brightness() -> ov.Model:
    """[1,3,64,64] bytes to logits [1,2]: dark, bright."""
    from openvino import opset8 as ops

    size = RECOGNIZER_SIZE
    image = ops.parameter([1, 3, size, size], np.float32, name="crop")
    mean = ops.avg_pool(image, [size] * 2, [0, 0], [0, 0], [size] * 2, False)
    side = np.array([[-1, 1]] * 3, np.float32) / 3 / 10
    shift = np.array([[_MIDDLE_GREY, -_MIDDLE_GREY]], np.float32) / 10
    logits = ops.add(ops.matmul(ops.reshape(mean, [1, 3], False), side, False, False), shift)
    return _model(logits, [image], "logits")


def motion() -> ov.Model:
    """``before`` and ``now`` [1,3,240,240] to [1,1,15,15]: mean difference, 0..255, by cells."""
    from openvino import opset8 as ops

    shape = [1, 3, MOTION_SIZE, MOTION_SIZE]
    before, now = (ops.parameter(shape, np.float32, name=name) for name in ("before", "now"))
    away = ops.absolute(ops.subtract(now, before))
    cells = ops.avg_pool(away, [_MOTION_CELL] * 2, [0, 0], [0, 0], [_MOTION_CELL] * 2, False)
    mean = np.full((1, 3, 1, 1), 1 / 3, np.float32)
    grid = ops.convolution(cells, mean, [1, 1], [0, 0], [0, 0], [1, 1])
    return _model(grid, [before, now], "motion")


SAMPLES: Mapping[str, Callable[[], ov.Model]] = MappingProxyType(
    {"detector": red_detector, "recognizer": brightness, "motion": motion}
)


def sample_blob(name: str, shaves: int = 6) -> bytes:
    """The blob of a sample, for bytes. Raises what `oakwright.conversion.convert` does."""
    from oakwright.conversion import convert

    return convert(SAMPLES[name](), shaves=shaves, input_precision="U8").blobs[shaves]


def _ends(first: ov.Node, second: ov.Node, weight: ov.Node) -> ov.Node:
    """Low and high end of what has these moments, shares of the picture."""
    from openvino import opset8 as ops

    middle, square = ops.divide(first, weight), ops.divide(second, weight)
    variance = ops.relu(ops.subtract(square, ops.multiply(middle, middle)))
    reach = ops.multiply(ops.sqrt(variance), np.float32(_REACH))
    middle = ops.add(middle, np.float32(0.5))
    ends = ops.concat([ops.subtract(middle, reach), ops.add(middle, reach)], 1)
    return ops.clamp(ends, 0.0, 1.0)


def _column(table: ov.Node, number: int) -> ov.Node:
    from openvino import opset8 as ops

    return ops.strided_slice(table, [0, number], [0, number + 1], [1, 1], [1, 0], [1, 0])


def _model(output: ov.Node, inputs: list[ov.Node], name: str) -> ov.Model:
    import openvino as ov
    from openvino import opset8 as ops

    output.friendly_name = name
    output.output(0).set_names({name})
    for entry in inputs:
        entry.output(0).set_names({entry.friendly_name})
    return ov.Model([ops.result(output)], inputs, name)
