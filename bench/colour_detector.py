"""A network that finds the coloured things of the made-up scene, with an SSD's output.

No training: each kind of thing has thresholds on differences of its colour's parts; what passes is
a mask, and the mask's moments give the box (an even rectangle spreads over its deviation times
the square root of 3 each way). So detections can be held against the scene's truth, and in grey
pictures against what is dark and bright.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import openvino as ov
from openvino import opset8 as ops

BALL, BOX, SHIRT, SIGN, DARK, BRIGHT = 3, 4, 2, 5, 8, 9
# Label, and two tests each: weights of blue, green and red, the least sum, and how much more is
# full certainty. Labels 2 to 5 are classes of oakwright.device.scene.LABELS.
TESTS = (
    (BALL, ((-1, 0, 1, 80, 30), (-1, 1, 0, 22, 15))),
    (BOX, ((1, -1, 0, 25, 20), (1, 0, -1, 60, 40))),
    (SHIRT, ((-1, 1, 0, 22, 15), (0, 1, -1, 22, 15))),
    (SIGN, ((0, -1, 1, 60, 20), (1, -1, 0, -25, 20))),
    (DARK, ((-1 / 3, -1 / 3, -1 / 3, -75, 25),) * 2),
    (BRIGHT, ((1 / 3, 1 / 3, 1 / 3, 185, 25),) * 2),
)
# Half an even rectangle's side in deviations; a little more makes up for soft edges.
_REACH = 1.8
# Means of masks times this stay clear of FP16's smallest numbers.
_SCALE = 200.0
_CELL = 4


def colour_ssd(
    width: int, height: int, rows: int = 100, renamed: Mapping[int, int] = MappingProxyType({})
) -> ov.Model:
    """[1,3,height,width] of BGR 0..255 to [1,1,rows,7] as an SSD's; width, height: times of 4.

    ``renamed``: labels that stand in place of those above.
    """
    image = ops.parameter([1, 3, height, width], np.float32, name="data")
    cells = ops.avg_pool(image, [_CELL] * 2, [0, 0], [0, 0], [_CELL] * 2, False)
    mask = ops.minimum(_passes(cells, 0), _passes(cells, 1))
    down, across = cells.shape[2], cells.shape[3]
    flat = ops.reshape(mask, [len(TESTS), down * across], False)
    moments = ops.matmul(flat, _basis(across, down), False, False)
    weight = ops.add(_column(moments, 0), np.float32(0.01))
    values = [ops.clamp(ops.multiply(_column(moments, 0), np.float32(0.7)), 0.0, 0.95)]
    for first in (1, 3):
        middle = ops.divide(_column(moments, first), weight)
        square = ops.divide(_column(moments, first + 1), weight)
        spread = ops.sqrt(ops.relu(ops.subtract(square, ops.multiply(middle, middle))))
        reach = ops.multiply(spread, np.float32(_REACH))
        values.append(ops.clamp(ops.subtract(middle, reach), 0.0, 1.0))
        values.append(ops.clamp(ops.add(middle, reach), 0.0, 1.0))
    found = ops.reshape(ops.concat(values, 1), [1, len(TESTS) * 5], False)
    # Rows of 7 are image, label, confidence, left, top, right, bottom; image -1 ends the list.
    weights = np.zeros((rows, 7, len(TESTS), 5), np.float32)
    bias = np.zeros((rows, 7), np.float32)
    bias[:, 0] = -1
    for row, (label, _) in enumerate(TESTS):
        bias[row, :2] = 0, renamed.get(label, label)
        for column, value in ((2, 0), (3, 1), (4, 3), (5, 2), (6, 4)):
            weights[row, column, row, value] = 1
    table = ops.matmul(found, weights.reshape(rows * 7, -1), False, True)
    table = ops.add(table, bias.reshape(1, -1))
    out = ops.reshape(table, [1, 1, rows, 7], False)
    out.friendly_name = "detection_out"
    out.output(0).set_names({"detection_out"})
    image.output(0).set_names({"data"})
    return ov.Model([ops.result(out)], [image], "colour_ssd")


def _passes(cells: ov.Node, which: int) -> ov.Node:
    """How surely each cell passes test ``which`` of each label, 0 to 1."""
    weights = np.zeros((len(TESTS), 3, 1, 1), np.float32)
    bias = np.zeros((1, len(TESTS), 1, 1), np.float32)
    for row, (_, tests) in enumerate(TESTS):
        *parts, least, more = tests[which]
        weights[row, :, 0, 0] = np.array(parts) / more
        bias[0, row] = -least / more
    sums = ops.convolution(cells, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    return ops.clamp(ops.add(sums, bias), 0.0, 1.0)


def _basis(across: int, down: int) -> np.ndarray:
    """What a mask's moments are sums with: 1, x, x squared, y, y squared; x, y in 0..1."""
    x, y = np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(down) + 0.5) / down)
    parts = np.stack([np.ones_like(x), x, x * x, y, y * y], -1).reshape(-1, 5)
    return (parts * _SCALE / (across * down)).astype(np.float32)


def _column(table: ov.Node, number: int) -> ov.Node:
    return ops.strided_slice(table, [0, number], [0, number + 1], [1, 1], [1, 0], [1, 0])
