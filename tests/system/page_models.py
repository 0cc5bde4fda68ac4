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


def detector(boxes) -> tuple[bytes, bytes]:
    """IR of an SSD's end: finds these boxes (left, top, right, bottom, 0..1), of class 1.

    The first with confidence near 0.9; the others, too, unless they overlap an earlier one.
    """
    import tempfile
    from pathlib import Path

    import openvino as ov
    from openvino import opset1

    count = len(boxes)
    image = opset1.parameter([1, 3, 32, 32], np.float32, name="image")
    image.output(0).set_names({"image"})
    axes = opset1.constant(np.array([1, 2, 3], np.int64))
    little = opset1.multiply(opset1.reduce_mean(image, axes, True), np.float32(2.0**-14))
    flat = opset1.reshape(little, opset1.constant(np.array([1, 1], np.int64)), False)
    # A class "nothing" and a class 1 for each box; softmax of 0 and 2.2 is 0.1 and 0.9.
    scores = opset1.constant(np.tile(np.array([[0.0, 2.2]], np.float32), (1, count)))
    confidence = opset1.reshape(
        opset1.softmax(
            opset1.reshape(
                opset1.add(scores, flat), opset1.constant(np.array([count, 2], np.int64)), False
            ),
            1,
        ),
        opset1.constant(np.array([1, 2 * count], np.int64)),
        False,
    )
    places = opset1.add(opset1.constant(np.zeros((1, 4 * count), np.float32)), flat)
    spread = np.tile(np.array([0.1, 0.1, 0.2, 0.2], np.float32), count)
    priors = np.stack([np.asarray(boxes, np.float32).ravel(), spread])[None]
    found = opset1.detection_output(
        places,
        confidence,
        opset1.constant(priors),
        {
            "num_classes": 2,
            "background_label_id": 0,
            "top_k": 10,
            "keep_top_k": [10],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "nms_threshold": 0.45,
            "confidence_threshold": 0.3,
            "share_location": True,
            "variance_encoded_in_target": False,
            "normalized": True,
        },
    )
    found.output(0).set_names({"detections"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detector.xml"
        ov.save_model(ov.Model([found], [image], "detector"), path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def refused() -> bytes:
    """Ends in what the chip has no place for; cut at ``scaled`` it converts."""
    g = _Graph()
    g.node("Mul", ["image", g.constant("half", 0.5)], "scaled")
    g.node("NonZero", ["scaled"], "places")
    return g.model([1, 3, 8, 8], "places", [4, None], TensorProto.INT64)
