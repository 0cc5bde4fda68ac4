"""A small detector and its exports, made here with OpenVINO alone: an oracle for evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oakwright.training.anchors import VARIANCES, priors
from oakwright.training.checkpoint import Checkpoint, save
from oakwright.training.description import KEY, Description, beside
from oakwright.training.template import read_template

TEMPLATE = "mobilenet_v2-1s_ssd-192x192"
CLASSES = ("disc", "square", "triangle")


def random_checkpoint(path: Path, seed: int = 0) -> Checkpoint:
    """Untrained, but it finds much: its scores are spread over 0 to 1."""
    import torch

    from oakwright.training.ssd import Ssd

    torch.manual_seed(seed)
    template = read_template(TEMPLATE)
    network = Ssd(template.model, len(CLASSES)).eval()
    with torch.no_grad():
        for head, strength in ((network.scores[0], 1.5), (network.boxes[0], 1.0)):
            head[3].bias.zero_()
            example = torch.randn(1, 3, 192, 192)
            offsets, logits = network(example)
            spread = (logits if head is network.scores[0] else offsets).std()
            head[3].weight.mul_(strength / max(float(spread), 1e-6))
    checkpoint = Checkpoint(template, CLASSES, network.state_dict())
    save(checkpoint, path)
    return checkpoint


def describe(checkpoint: Checkpoint, **changes) -> Description:
    values = {
        "input": "normalised", "color": checkpoint.template.model.color, "outputs": "logits",
        "names": ("offsets", "scores"),
    } | changes  # fmt: skip
    return Description(checkpoint.template, checkpoint.classes, **values)


def ir_of(checkpoint: Checkpoint):
    """openvino.Model with the outputs ``offsets`` and ``scores`` (logits)."""
    import openvino as ov
    import torch

    model = checkpoint.template.model
    example = torch.zeros(1, 3, model.height, model.width)
    network = ov.convert_model(checkpoint.network(), example_input=example)
    for output, name in zip(network.outputs, ("offsets", "scores"), strict=True):
        output.get_tensor().set_names({name})
    network.reshape([1, 3, model.height, model.width])
    network.validate_nodes_and_infer_types()
    return network


def with_rows(network, checkpoint: Checkpoint):
    """The same network, ended by DetectionOutput: [1, 1, most, 7] called ``rows``."""
    import openvino as ov
    from openvino import opset8 as ops

    model = checkpoint.template.model
    anchors = priors(model)
    offsets, scores = (network.output(name).get_node().input_value(0) for name in
                       ("offsets", "scores"))  # fmt: skip
    flat = [ops.constant(np.array([1, -1], np.int64)) for _ in range(2)]
    boxes = ops.reshape(offsets, flat[0], False)
    shares = ops.reshape(ops.softmax(scores, 2), flat[1], False)
    table = np.stack([anchors.reshape(-1), np.tile(VARIANCES, len(anchors))])[None]
    settings = {
        "background_label_id": 0, "top_k": model.most, "variance_encoded_in_target": False,
        "keep_top_k": [model.most], "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
        "share_location": True, "nms_threshold": model.iou, "confidence_threshold": model.score,
        "clip_after_nms": False, "clip_before_nms": True, "decrease_label_id": False,
        "normalized": True,
    }  # fmt: skip
    rows = ops.detection_output(boxes, shares, ops.constant(table.astype(np.float32)), settings)
    rows.output(0).get_tensor().set_names({"rows"})
    return ov.Model([rows], network.get_parameters(), "rows")


def with_frames(network, checkpoint: Checkpoint):
    """The same network for bytes in BGR: what a camera sends."""
    from openvino import Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    model = checkpoint.template.model
    steps = PrePostProcessor(network)
    image = steps.input()
    image.tensor().set_element_type(Type.u8).set_color_format(ColorFormat.BGR)
    image.tensor().set_layout(__import__("openvino").Layout("NCHW"))
    image.model().set_layout(__import__("openvino").Layout("NCHW"))
    image.preprocess().convert_element_type(Type.f32).convert_color(ColorFormat.RGB)
    image.preprocess().mean(list(model.mean)).scale(list(model.scale))
    return steps.build()


def save_ir(network, path: Path, description: Description, *, inside: bool = True) -> Path:
    import openvino as ov

    if inside:
        network.set_rt_info(description.to_json(), [KEY])
    else:
        beside(path).write_text(description.to_json())
    ov.save_model(network, path, compress_to_fp16=False)
    return path
