"""The networks of the two-stage demos, compiled by oakwright's own converter.

``mask_classifier`` is real: PaddleHub's face-mask classifier in the clothes the demo expects.
The others only have the signature of a network that cannot be had here; what they answer is
computed from the picture they are given, so that a result can be checked to belong to its crop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset8 as ops
from openvino.preprocess import ColorFormat, PrePostProcessor, ResizeAlgorithm

import oakwright
from bench.stand_in_graphs import named

# What PaddleHub's own code does to a BGR crop of 128x128.
MEAN, SCALE = (104.0, 117.0, 123.0), 1 / 0.007843
BORDER = 16
# The first numbers of a stand-in's output: means of the picture's channels, scaled by this.
CHANNEL_SCALE = 1 / 256


def mask_classifier(onnx: Path, *, border: int = BORDER) -> ov.Model:
    """[1,3,224,224] RGB bytes to scores [1,2]: no mask, mask.

    The classifier was trained on wider crops than the detector's boxes: the crop is put in the
    middle of the picture, with its edge repeated ``border`` pixels of 128 wide around it.
    """
    model = ov.Core().read_model(onnx)
    model.reshape([1, 3, 128, 128])
    size = 128 - 2 * border
    if border:
        crop = ops.parameter([1, 3, size, size], np.float32, name="crop")
        around = np.array([0, 0, border, border], np.int64)
        wide = ops.pad(crop, around, around, "edge")
        for user in model.get_parameters()[0].output(0).get_target_inputs():
            user.replace_source_output(wide.output(0))
        # The scores are [no mask, mask]: on the labelled faces of masks.mp4 the second is high
        # where a mask is worn. The landmarks, the first output, are left out.
        model = ov.Model([model.get_results()[1]], [crop], "mask")
    processor = PrePostProcessor(model)
    entry = processor.input()
    entry.tensor().set_element_type(ov.Type.f32).set_layout(ov.Layout("NCHW")).set_shape(
        [1, 3, 224, 224]
    ).set_color_format(ColorFormat.RGB)
    entry.model().set_layout(ov.Layout("NCHW"))
    entry.preprocess().resize(ResizeAlgorithm.RESIZE_LINEAR).convert_color(ColorFormat.BGR).mean(
        list(MEAN)
    ).scale(SCALE)
    wrapped = processor.build()
    scores = wrapped.get_results()[-1].input_value(0).get_node()
    return named([(scores, "scores")], wrapped.get_parameters(), "two_stage")


def channel_means(
    inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]
) -> ov.Model:
    """A stand-in: every output begins with the mean of each channel, divided by 256.

    ``inputs``: one picture [1,3,H,W]; further inputs are added to the mean with weight 0, so that
    they are read. ``outputs``: shapes of at least three numbers (of less: the first channels).
    """
    parameters = [ops.parameter(list(s), np.float32, name=n) for n, s in inputs.items()]
    means = [_mean_row(p) for p in parameters]
    row = means[0]
    for other in means[1:]:
        zero = ops.multiply(ops.reduce_mean(other, np.array([1]), True), np.float32(0))
        row = ops.add(row, zero)
    results = []
    for name, shape in outputs.items():
        count = int(np.prod(shape))
        weights = np.zeros((3, count), np.float32)
        for channel in range(min(3, count)):
            weights[channel, channel] = CHANNEL_SCALE
        flat = ops.matmul(row, weights, False, False)
        results.append((ops.reshape(flat, list(shape), False), name))
    return named(results, parameters, "two_stage")


def _mean_row(picture: ov.Node) -> ov.Node:
    """[1,3,H,W] to [1,3] (or another count of channels), in two steps that FP16 can hold."""
    shape = list(picture.shape)
    if len(shape) != 4:
        return ops.reshape(picture, [1, int(np.prod(shape))], False)
    pooled = ops.avg_pool(picture, shape[2:], [0, 0], [0, 0], shape[2:], False)
    return ops.reshape(pooled, [1, shape[1]], False)


def write_blob(model: ov.Model, path: Path, shaves: int = 6, precision: str = "U8") -> Path:
    """Compile for frames (U8 inputs) and write."""
    made = oakwright.convert(model, shaves=shaves, input_precision=precision)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.blobs[shaves])
    return path
