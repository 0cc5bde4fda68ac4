"""Ten networks with random weights, as IR version 10: what the compile benchmarks compile.

Built operation by operation from opset 1..7 with FP16 constants, the same on every machine
(seeded), and between them they use most kinds of stages: convolutions on the hardware unit and
on SHAVEs, pooling, FC, LSTM, resizing, data movement, integer outputs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset1, opset4, opset5, opset7
from openvino.passes import Manager, Serialize
from openvino.utils.node_factory import NodeFactory

Value = ov.Node | ov.Output


def depth_of(x: Value) -> int:
    """Channels of an NCHW value."""
    return (x if isinstance(x, ov.Output) else x.output(0)).shape[1]


class Builder:
    """Operations with constants made up as needed; shapes are NCHW."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.inputs: list[ov.Node] = []

    def input(self, name: str, *shape: int) -> ov.Node:
        node = opset1.parameter(list(shape), np.float16, name=name)
        self.inputs.append(node)
        return node

    def weight(self, *shape: int) -> ov.Node:
        scale = (2 / np.prod(shape[1:])) ** 0.5
        return opset1.constant((self.random.standard_normal(shape) * scale).astype(np.float16))

    def conv(self, x: Value, channels: int, kernel: int = 3, stride: int = 1) -> ov.Node:
        depth, pad = depth_of(x), [kernel // 2] * 2
        weights = self.weight(channels, depth, kernel, kernel)
        y = opset1.convolution(x, weights, [stride] * 2, pad, pad, [1, 1])
        return opset1.add(y, self.weight(1, channels, 1, 1))

    def depthwise(self, x: Value, stride: int = 1, kernel: int = 3) -> ov.Node:
        depth, pad = depth_of(x), [kernel // 2] * 2
        weights = self.weight(depth, 1, 1, kernel, kernel)
        y = opset1.group_convolution(x, weights, [stride] * 2, pad, pad, [1, 1])
        return opset1.add(y, self.weight(1, depth, 1, 1))

    def dense(self, x: Value, width: int) -> ov.Node:
        y = opset1.matmul(x, self.weight(width, depth_of(x)), False, True)
        return opset1.add(y, self.weight(1, width))

    def model(self, **outputs: ov.Node) -> ov.Model:
        results = []
        for name, node in outputs.items():
            node.friendly_name = name
            results.append(opset1.result(node))
        return ov.Model(results, self.inputs, "network")


def numbers(*values: int) -> ov.Node:
    return opset1.constant(np.array(values, np.int64))


def relu6(x: Value) -> ov.Node:
    return opset1.clamp(x, 0.0, 6.0)


def pooled(x: Value) -> ov.Node:
    """Mean over height and width, as a vector: [1, C, H, W] -> [1, C]."""
    y = opset1.reduce_mean(x, numbers(2, 3), keep_dims=True)
    return opset1.reshape(y, numbers(1, depth_of(x)), False)


def tiny() -> ov.Model:
    b = Builder(1)
    return b.model(y=opset1.relu(b.conv(b.input("x", 1, 3, 32, 32), 8)))


def mobilenet_v2() -> ov.Model:
    b = Builder(2)
    x = relu6(b.conv(b.input("image", 1, 3, 224, 224), 32, 3, 2))
    # expansion, channels, repeats, stride: the paper's table 2
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2))
    for expansion, channels, repeats, stride in (
        *table,
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for index in range(repeats):
            depth, step = depth_of(x), stride if index == 0 else 1
            y = relu6(b.conv(x, depth * expansion, 1)) if expansion > 1 else x
            y = b.conv(relu6(b.depthwise(y, step)), channels, 1)
            x = opset1.add(x, y) if step == 1 and depth == channels else y
    return b.model(scores=b.dense(pooled(relu6(b.conv(x, 1280, 1))), 1000))


def residual() -> ov.Model:
    b = Builder(3)
    x = opset1.relu(b.conv(b.input("image", 1, 3, 112, 112), 32, 7, 2))
    x = opset1.max_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], "floor")
    for channels, stride in ((32, 1), (64, 2), (128, 2)):
        short = b.conv(x, channels, 1, stride)
        y = b.conv(opset1.relu(b.conv(x, channels, 3, stride)), channels)
        x = opset1.relu(opset1.add(short, y))
    return b.model(scores=opset1.softmax(b.dense(pooled(x), 100), 1))


def unet() -> ov.Model:
    b = Builder(4)
    a = opset1.relu(b.conv(b.input("image", 1, 1, 64, 64), 16))
    down = opset1.max_pool(a, [2, 2], [0, 0], [0, 0], [2, 2], "floor")
    c = opset1.relu(b.conv(down, 32))
    up = opset1.convolution_backprop_data(
        c, b.weight(32, 16, 2, 2), strides=[2, 2], pads_begin=[0, 0], pads_end=[0, 0]
    )
    x = opset1.relu(b.conv(opset1.concat([a, up], 1), 16))
    return b.model(mask=opset1.sigmoid(b.conv(x, 1, 1)))


def detector() -> ov.Model:
    b = Builder(5)
    x = opset1.prelu(b.conv(b.input("image", 1, 3, 96, 96), 16, 3, 2), b.weight(16))
    small = opset1.relu(b.conv(x, 32, 3, 2))
    heads = []
    for feature in (x, small):
        head = opset1.transpose(b.conv(feature, 18, 1), numbers(0, 2, 3, 1))
        heads.append(opset1.reshape(head, numbers(1, -1, 6), False))
    boxes = opset1.concat(heads, 1)
    return b.model(boxes=opset1.sigmoid(boxes))


def squeeze() -> ov.Model:
    b = Builder(6)
    x = opset4.hswish(b.conv(b.input("image", 1, 3, 64, 64), 16, 3, 2))
    gate = b.conv(opset1.reduce_mean(x, numbers(2, 3), keep_dims=True), 8, 1)
    gate = opset5.hsigmoid(b.conv(opset1.relu(gate), 16, 1))
    return b.model(y=opset4.mish(b.depthwise(opset1.multiply(x, gate))))


def dense_block() -> ov.Model:
    b = Builder(7)
    x = b.conv(b.input("image", 1, 3, 40, 40), 16)
    for _ in range(4):
        y = opset1.relu(opset1.multiply(x, b.weight(1, depth_of(x), 1, 1)))
        x = opset1.concat([x, b.conv(y, 8)], 1)
    x = opset1.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], True, "floor")
    return b.model(y=opset1.elu(b.conv(x, 10, 1), 1.0))


def recurrent() -> ov.Model:
    b = Builder(8)
    x, h, c = b.input("x", 1, 32), b.input("h", 1, 64), b.input("c", 1, 64)
    cell = opset4.lstm_cell(x, h, c, b.weight(256, 32), b.weight(256, 64), b.weight(256), 64)
    # A stage of its own behind each output gives it a name.
    hidden = opset1.multiply(cell.output(0), b.weight(1, 64))
    return b.model(scores=opset1.tanh(b.dense(hidden, 10)), state=opset1.relu(cell.output(1)))


def shuffle() -> ov.Model:
    b = Builder(9)
    x = b.input("image", 1, 8, 30, 30)
    left, right = opset1.split(x, opset1.constant(np.int64(1)), 2).outputs()
    right = opset1.pad(b.conv(right, 4, 1), numbers(0, 0, 1, 1), numbers(0, 0, 1, 1), "constant")
    # The Python function of that name makes version 1 of the operation.
    resize = NodeFactory("opset4").create
    scales = opset1.constant(np.array([32 / 30, 32 / 30], np.float32))
    attributes = {"mode": "linear_onnx", "shape_calculation_mode": "sizes"}
    attributes |= {"coordinate_transformation_mode": "half_pixel", "pads_begin": [0] * 4}
    attributes |= {"nearest_mode": "floor", "pads_end": [0] * 4, "antialias": False}
    sizes = [numbers(32, 32).output(0), scales.output(0), numbers(2, 3).output(0)]
    left = resize("Interpolate", [left, *sizes], attributes | {"cube_coeff": -0.75})
    y = opset1.concat([left, right], 1)
    y = opset1.strided_slice(
        y, numbers(0, 0, 0, 0), numbers(1, 8, 32, 32), numbers(1, 1, 2, 2), [0] * 4, [0] * 4
    )
    return b.model(y=opset7.gelu(y, "erf"))


def argmax() -> ov.Model:
    b = Builder(10)
    x = b.conv(b.input("left", 1, 3, 24, 24), 12)
    x = opset1.subtract(x, b.conv(b.input("right", 1, 3, 24, 24), 12))
    top = opset1.topk(x, opset1.constant(np.int64(1)), 1, "max", "none", "i32")
    return b.model(
        values=opset1.multiply(top.output(0), b.weight(1, 1, 1, 1)),
        energy=opset1.sqrt(opset1.reduce_sum(opset1.multiply(x, x), numbers(1), keep_dims=True)),
    )


NETWORKS: dict[str, Callable[[], ov.Model]] = {
    build.__name__: build
    for build in (
        tiny,
        mobilenet_v2,
        residual,
        unet,
        detector,
        squeeze,
        dense_block,
        recurrent,
        shuffle,
        argmax,
    )
}


def ir_bytes(model: ov.Model) -> tuple[bytes, bytes]:
    """The two files of an IR, version 10."""
    with tempfile.TemporaryDirectory() as folder:
        xml, weights = Path(folder, "m.xml"), Path(folder, "m.bin")
        manager = Manager()
        manager.register_pass(Serialize(str(xml), str(weights), version="IR_V10"))
        manager.run_passes(model)
        return xml.read_bytes(), weights.read_bytes()
