"""Small ONNX networks for the browser tests and the pictures of the page."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper


class _Graph:
    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: list = []

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def node(self, op, sources, name, **attributes):
        self.nodes.append(helper.make_node(op, sources, [name], name=name, **attributes))
        return name

    def model(self, shape, output, result, kind=TensorProto.FLOAT):
        graph = helper.make_graph(
            self.nodes,
            output,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, kind, result)],
            self.constants,
        )
        opset = [helper.make_opsetid("", 13)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def edges(height: int = 120, width: int = 160) -> bytes:
    """RGB values 0..1 in, edges of the picture out, drawn thick over it: branches and joins."""
    g, around = _Graph(), [1] * 4
    sobel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])[None, None]
    blur = np.outer([1, 2, 1], [1, 2, 1])[None, None] / 16
    grey = g.constant("w_grey", np.reshape([0.299, 0.587, 0.114], (1, 3, 1, 1)))
    x = g.node("Conv", ["image", grey], "grey")
    x = g.node("Conv", [x, g.constant("w_blur", blur)], "blur", pads=around)
    sides = []
    for name, kernel in (("across", sobel), ("down", sobel.transpose(0, 1, 3, 2))):
        side = g.node("Conv", [x, g.constant(f"w_{name}", kernel)], name, pads=around)
        sides.append(g.node("Abs", [side], f"{name}_strength"))
    strength = g.node("Add", sides, "strength")
    thick = g.node("MaxPool", [strength], "thick", kernel_shape=[3, 3], pads=around)
    both = g.node("Add", [thick, x], "with_picture")
    limits = [g.constant("least", 0.0), g.constant("most", 4.0)]
    g.node("Clip", [both, *limits], "edges")
    return g.model([1, 3, height, width], "edges", [1, 1, height, width])


def doubled(shape, name: str = "doubled") -> bytes:
    """The image times two, under any name of layer and output."""
    g = _Graph()
    g.node("Mul", ["image", g.constant("two", 2.0)], name)
    return g.model(shape, name, shape)


def two_inputs() -> bytes:
    """A picture and three numbers, one for each channel, added to it."""
    g = _Graph()
    g.node("Add", ["image", "offsets"], "moved")
    inputs = {"offsets": [1, 3, 1, 1], "image": [1, 3, 8, 8]}
    graph = helper.make_graph(
        g.nodes,
        "two",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info("moved", TensorProto.FLOAT, [1, 3, 8, 8])],
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def refused() -> bytes:
    """Ends in what the chip has no place for; cut at ``scaled`` it converts."""
    g = _Graph()
    g.node("Mul", ["image", g.constant("half", 0.5)], "scaled")
    g.node("NonZero", ["scaled"], "places")
    return g.model([1, 3, 8, 8], "places", [4, None], TensorProto.INT64)
