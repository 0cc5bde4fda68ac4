"""Caffe networks as files, written without Caffe."""
# ruff: noqa: E501  (layers of a prototxt read best on one line)

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .protobuf import message, packed_floats, varint


def blob(array: np.ndarray, *, legacy: bool = False) -> bytes:
    """BlobProto: with a shape, or with the four sizes of old files."""
    data = (5, packed_floats(array.ravel()))
    if legacy:
        sizes = [1] * (4 - array.ndim) + list(array.shape)
        return message(*((i + 1, size) for i, size in enumerate(sizes)), data)
    dims = b"".join(varint(size) for size in array.shape)
    return message((7, message((1, dims))), data)


def caffemodel(weights: Mapping[str, Sequence[np.ndarray]], *, old: bool = False) -> bytes:
    """NetParameter with the arrays of each layer; ``old``: V1LayerParameter."""
    layers = []
    for name, arrays in weights.items():
        name_field, blobs_field, number = (4, 6, 2) if old else (1, 7, 100)
        blobs = ((blobs_field, blob(array, legacy=old)) for array in arrays)
        layers.append((number, message((name_field, name), *blobs)))
    return message((1, "net"), *layers)


def write(folder: Path, text: str, weights: Mapping[str, Sequence[np.ndarray]], **how) -> Path:
    """``net.prototxt`` and ``net.caffemodel``; gives the former."""
    path = folder / "net.prototxt"
    path.write_text(text)
    path.with_suffix(".caffemodel").write_bytes(caffemodel(weights, **how))
    return path


def layer(name: str, kind: str, parameters: str = "", bottoms="data", tops: str = "") -> str:
    """One layer of a prototxt."""
    lines = [f'bottom: "{one}"' for one in bottoms.split()]
    lines += [f'top: "{one}"' for one in (tops or name).split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(lines)} {parameters} }}\n'


def input_layer(*shape: int, name: str = "data") -> str:
    """An Input layer."""
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'


def random(*shape: int, seed: int = 0, positive: bool = False) -> np.ndarray:
    """Weights that keep values near one."""
    values = np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)
    values /= np.sqrt(max(np.prod(shape[1:]), 1))
    return np.abs(values) + np.float32(0.5) if positive else values


def ssd(folder: Path) -> Path:
    """A tiny detector: batch norm, two heads, priors, DetectionOutput."""
    parts = [
        input_layer(1, 3, 32, 32),
        layer(
            "conv1",
            "Convolution",
            "convolution_param { num_output: 8 kernel_size: 3 pad: 1 stride: 2 bias_term: false }",
        ),
        layer("bn1", "BatchNorm", bottoms="conv1", tops="conv1"),
        layer("scale1", "Scale", "scale_param { bias_term: true }", "conv1", "conv1"),
        layer("relu1", "ReLU", bottoms="conv1", tops="conv1"),
        layer("pool1", "Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }", "conv1"),
        layer(
            "norm",
            "Normalize",
            "norm_param { across_spatial: false channel_shared: false }",
            "pool1",
        ),
    ]
    weights = {
        "conv1": [random(8, 3, 3, 3)],
        "bn1": [random(8), random(8, positive=True), np.array([2], np.float32)],
        "scale1": [random(8, positive=True), random(8, seed=1)],
        "norm": [random(8, positive=True) * 4],
    }
    for head, count in (("loc", 16), ("conf", 12)):
        parts += [
            layer(
                head,
                "Convolution",
                f"convolution_param {{ num_output: {count} kernel_size: 3 pad: 1 }}",
                "norm",
            ),
            layer(
                f"{head}_p",
                "Permute",
                "permute_param { order: 0 order: 2 order: 3 order: 1 }",
                head,
            ),
            layer(f"{head}_f", "Flatten", "flatten_param { axis: 1 }", f"{head}_p"),
        ]
        weights[head] = [random(count, 8, 3, 3, seed=count), random(count, seed=count) * 0.3]
    parts += [
        layer("priors", "PriorBox", "prior_box_param { min_size: 8 max_size: 16 aspect_ratio: 2 flip: true"
              " clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: 4 offset: 0.5 }", "norm data"),
        layer("conf_r", "Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }", "conf_f"),
        layer("conf_s", "Softmax", "softmax_param { axis: 2 }", "conf_r"),
        layer("conf_o", "Flatten", "flatten_param { axis: 1 }", "conf_s"),
        layer("found", "DetectionOutput", "detection_output_param { num_classes: 3 share_location: true"
              " background_label_id: 0 nms_param { nms_threshold: 0.45 top_k: 40 } code_type: CENTER_SIZE"
              " keep_top_k: 20 confidence_threshold: 0.2 }", "loc_f conf_o priors"),
    ]  # fmt: skip
    return write(folder, "".join(parts), weights)
