"""New ends for a detector: what DepthAI 2's YoloDetectionNetwork reads from each output.

| rule | output, [1,C,rows,columns] |
|---|---|
| anchors | RegionYolo: logistic of everything but width and height |
| squares | logistic of everything |
| exponents | box as it is, logistic of objectness and scores |
| distances | four distances in cells, the highest score (in place of objectness), scores |
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import Node, Output, opset8

from oakwright.decode import Rule

from .layout import Detector, Scale


def with_decodable_outputs(model: ov.Model, detector: Detector, word: str) -> ov.Model:
    """A model that ends in one output for each grid, named ``output1_<word>`` and on.

    ``word`` (``yolov5``) tells DepthAI the rule. ``model`` shares its layers with the result and
    is not to be used afterwards.
    """
    results = []
    for index, scale in enumerate(detector.scales):
        node = _head(detector, index, scale)
        name = f"output{index + 1}_{word}"
        node.set_friendly_name(name)
        node.output(0).get_tensor().set_names({name})
        results.append(opset8.result(node.output(0), name=name))
    return ov.Model(results, model.get_parameters(), model.get_friendly_name())


def _head(detector: Detector, index: int, scale: Scale) -> Node:
    tensors = scale.tensors
    if detector.rule is Rule.SQUARES:
        return opset8.sigmoid(tensors[0])
    if detector.rule is Rule.ANCHORS:
        return _region(detector, index, tensors[0])
    scores = opset8.sigmoid(tensors[-1])
    if detector.rule is Rule.EXPONENTS:
        return opset8.concat([tensors[0], opset8.sigmoid(tensors[1]), scores], 1)
    best = opset8.reduce_max(scores, np.array([1], np.int64), keep_dims=True)
    return opset8.concat([_distances(detector, scale), best, scores], 1)


def _region(detector: Detector, index: int, tensor: Output) -> Node:
    count = len(detector.anchors[index])
    node = opset8.region_yolo(
        tensor,
        coords=4,
        classes=detector.classes,
        num=len(detector.flat_anchors) // 2,
        do_softmax=False,
        mask=detector.masks[f"side{detector.scales[index].columns}"],
        axis=1,
        end_axis=3,
        anchors=detector.flat_anchors,
    )
    # OpenVINO 2021.4 may flatten what 2026 does not.
    node = opset8.reshape(node, np.array(list(tensor.shape), np.int64), False)
    b = detector.stretch
    if b == 1:
        return node
    # v4 lets a centre leave its cell by a little: b x - (b-1)/2 in place of x.
    factor = np.ones((1, count, 5 + detector.classes, 1, 1), np.float32)
    shift = np.zeros_like(factor)
    factor[:, :, :2], shift[:, :, :2] = b, -(b - 1) / 2
    stretched = opset8.multiply(node, factor.reshape(1, -1, 1, 1))
    return opset8.add(stretched, shift.reshape(1, -1, 1, 1))


def _distances(detector: Detector, scale: Scale) -> Node | Output:
    tensor, bins = scale.tensors[0], detector.bins
    if bins == 1:
        return tensor
    # [1,4 x bins,h,w] -> [1,bins,4,h w]: the mean over the bins is a 1x1 convolution.
    split = opset8.reshape(tensor, np.array([1, 4, bins, scale.cells], np.int64), False)
    turned = opset8.transpose(split, np.array([0, 2, 1, 3], np.int64))
    shares = opset8.softmax(turned, 1)
    values = np.arange(bins, dtype=np.float32).reshape(1, bins, 1, 1)
    mean = opset8.convolution(shares, values, [1, 1], [0, 0], [0, 0], [1, 1])
    shape = np.array([1, 4, scale.rows, scale.columns], np.int64)
    return opset8.reshape(mean, shape, False)
