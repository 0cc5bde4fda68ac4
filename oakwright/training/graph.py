"""A checkpoint's network as OpenVINO graphs: the plain one, and those that end in boxes."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from .anchors import VARIANCES, priors
from .template import Model

if TYPE_CHECKING:
    import openvino as ov
    import torch

INPUT = "image"
OFFSETS, SCORES, ROWS = "offsets", "scores", "detection_out"
COLORS = ("BGR", "RGB")


def exported_module(network: torch.nn.Module, color: str) -> torch.nn.Module:
    """The network for planes in the order ``color``, its logits turned into probabilities.

    Float [1, 3, h, w], normalised, to offsets [1, A, 4] and probabilities [1, A, classes + 1].
    """
    import torch
    from torch import nn

    class Exported(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            offsets, logits = self.inner(image)
            return offsets, logits.softmax(2)

    inner: Any = copy.deepcopy(network)
    if color != inner.model.color:
        # Turning the first filters round costs nothing, turning every picture would.
        first = next(m for m in inner.modules() if isinstance(m, nn.Conv2d))
        with torch.no_grad():
            first.weight.copy_(first.weight.flip(1).clone())
    return Exported(inner).eval()


def plain_graph(network: Any, color: str) -> ov.Model:
    """Normalised planes to ``offsets`` and ``scores``, named so; static, float32."""
    import openvino as ov
    import torch

    model: Model = network.model
    example = torch.zeros(1, 3, model.height, model.width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = ov.convert_model(exported_module(network, color), example_input=example)
    graph.reshape([1, 3, model.height, model.width])
    graph.inputs[0].get_tensor().set_names({INPUT})
    graph.inputs[0].get_node().set_friendly_name(INPUT)
    for output, name in zip(graph.outputs, (OFFSETS, SCORES), strict=True):
        output.get_tensor().set_names({name})
        output.get_node().input_value(0).get_node().set_friendly_name(name)
    graph.validate_nodes_and_infer_types()
    return graph


def rows_graph(graph: ov.Model, model: Model) -> ov.Model:
    """The plain graph, ended by DetectionOutput: [1, 1, most, 7] called ``detection_out``.

    Rows hold image, label (classes count from 1, 0 is the background), score, left, top, right,
    bottom in 0..1; after the last one stands a -1. The definition is OpenVINO's DetectionOutput-1,
    which DepthAI's MobileNetDetectionNetwork reads.
    """
    import openvino as ov
    from openvino import opset8 as ops

    graph = graph.clone()
    offsets, scores = (graph.output(n).get_node().input_value(0) for n in (OFFSETS, SCORES))
    anchors = priors(model)
    flat = [ops.reshape(value, np.array([1, -1], np.int64), False) for value in (offsets, scores)]
    table = np.stack([anchors.reshape(-1), np.tile(VARIANCES, len(anchors))])[None]
    rows = ops.detection_output(*flat, ops.constant(table.astype(np.float32)), {
        "background_label_id": 0, "top_k": model.most, "keep_top_k": [model.most],
        "code_type": "caffe.PriorBoxParameter.CENTER_SIZE", "share_location": True,
        "variance_encoded_in_target": False, "normalized": True, "decrease_label_id": False,
        "nms_threshold": model.iou, "confidence_threshold": model.score,
        "clip_before_nms": True, "clip_after_nms": False,
    })  # fmt: skip
    rows.set_friendly_name(ROWS)
    rows.output(0).get_tensor().set_names({ROWS})
    return ov.Model([rows], graph.get_parameters(), "detector")


def for_frames(graph: ov.Model, model: Model, color: str) -> ov.Model:
    """The graph for bytes in the order ``color``: mean and scale are inside."""
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    mean, scale = in_order(model, color)
    steps = PrePostProcessor(graph.clone())
    image = steps.input()
    image.tensor().set_element_type(Type.u8).set_layout(Layout("NCHW"))
    image.model().set_layout(Layout("NCHW"))
    image.preprocess().convert_element_type(Type.f32).mean(mean).scale(scale)
    return steps.build()


def in_order(model: Model, color: str) -> tuple[list[float], list[float]]:
    """The model's mean and scale in the channel order ``color``."""
    step = 1 if color == model.color else -1
    return list(model.mean[::step]), list(model.scale[::step])
