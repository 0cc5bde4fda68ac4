"""Networks that stand in for those of published applications: same inputs, outputs and types.

``bench/applications.yaml`` has a line for each. None is trained. Detectors find the coloured things
of the made-up scene; the other outputs follow the picture: means of its channels (``means``), the
picture itself at another size (``maps``), grids of boxes where it is bright (``yolo``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset8 as ops
from openvino import opset11

import oakwright
from bench.colour_detector import TESTS, colour_ssd
from bench.example_stand_ins import grid_yolo
from bench.stand_in_graphs import named
from oakwright.files import write_aside

# Of a picture of 0 to 255, so that FP16 holds every sum.
_MEAN_SCALE = 1 / 256
_GOLDEN = (5**0.5 - 1) / 2


def stand_in(said: Mapping[str, Any]) -> ov.Model:
    """The network of one line: ``ssd``, ``yolo``, or ``inputs`` with ``means`` and ``maps``.

    ``ssd``: [width, height], with ``rows``, ``label`` (what all that it finds is called), ``grey``
    and ``boxes`` (the output's name). ``yolo``: [width, height], with ``sides`` ({output: [step,
    channels]}), ``anchors`` and ``classes``. ``inputs``, ``means``, ``maps``: {name: shape};
    ``mean_scale``, ``map_scale``: what a picture of 0 to 255 is multiplied by; ``spread``: how far
    apart the numbers of ``means`` are; ``integers``: names of the outputs that are I32. The first
    input of four dimensions is the picture.
    """
    if "ssd" in said:
        return _detector(said)
    if "yolo" in said:
        width, height = said["yolo"]
        sides = {name: (step, channels) for name, (step, channels) in said["sides"].items()}
        return grid_yolo(width, height, sides, not said.get("anchors"), said.get("classes", 80))
    return _plain(said)


def _detector(said: Mapping[str, Any]) -> ov.Model:
    """An SSD, of grey pictures if that is said, with more inputs and maps beside its boxes."""
    width, height = said["ssd"]
    label = said.get("label")
    renamed = {} if label is None else {number: int(label) for number, _ in TESTS}
    model = colour_ssd(width, height, said.get("rows", 100), renamed)
    picture = model.get_parameters()[0]
    found = model.get_results()[0].input_value(0).get_node()
    parameters = [picture]
    if said.get("grey"):
        grey = ops.parameter([1, 1, height, width], np.float32, name="data")
        three = ops.concat([grey, grey, grey], 1)
        for user in picture.output(0).get_target_inputs():
            user.replace_source_output(three.output(0))
        picture, parameters = grey, [grey]
    name = said.get("boxes", "detection_out")
    outputs = [(found, name)]
    for other, shape in said.get("maps", {}).items():
        outputs.append((_map(picture, list(shape), float(said.get("map_scale", 1.0))), other))
    return named(outputs, parameters)


def _plain(said: Mapping[str, Any]) -> ov.Model:
    parameters = [
        ops.parameter(list(shape), np.float32, name=name) for name, shape in said["inputs"].items()
    ]
    picture = next((p for p in parameters if len(p.shape) == 4), parameters[0])
    row = _means_of(picture)
    for other in parameters:
        if other is not picture:
            row = ops.add(row, _nothing(other))
    integers = set(said.get("integers", ()))
    outputs = []
    for name, shape in said.get("means", {}).items():
        count = int(np.prod(shape))
        weights = np.zeros((3, count), np.float32)
        weights[np.arange(count) % 3, np.arange(count)] = said.get("mean_scale", _MEAN_SCALE)
        # Points that must not coincide: spread evenly, whatever the picture.
        apart = (np.arange(count) * _GOLDEN % 1).astype(np.float32) * said.get("spread", 0.0)
        flat = ops.add(ops.matmul(row, weights, False, False), apart[None].astype(np.float32))
        outputs.append((ops.reshape(flat, list(shape), False), name))
    for name, shape in said.get("maps", {}).items():
        outputs.append((_map(picture, list(shape), float(said.get("map_scale", 1.0))), name))
    typed = [
        (ops.convert(node, np.int32) if name in integers else node, name) for node, name in outputs
    ]
    return named(typed, parameters)


def _means_of(picture: ov.Node) -> ov.Node:
    """[1,C,H,W] to [1,3], or [1,N] to [1,3]: the mean of each channel, the first where none is."""
    shape = list(picture.shape)
    if len(shape) == 4:
        pooled = ops.avg_pool(picture, shape[2:], [0, 0], [0, 0], shape[2:], False)
        flat, count = ops.reshape(pooled, [1, shape[1]], False), shape[1]
    else:
        count = int(np.prod(shape))
        flat = ops.reshape(picture, [1, count], False)
    weights = np.zeros((count, 3), np.float32)
    weights[np.arange(3) % count, np.arange(3)] = 1.0
    return ops.matmul(flat, weights, False, False)


def _nothing(parameter: ov.Node) -> ov.Node:
    """[1,1] of 0 that is computed from the input, so that it is one."""
    flat = ops.reshape(parameter, [1, int(np.prod(parameter.shape))], False)
    weights = np.zeros((int(np.prod(parameter.shape)), 1), np.float32)
    return ops.matmul(flat, weights, False, False)


def _map(picture: ov.Node, shape: list[int], scale: float) -> ov.Node:
    """The picture's channels, grey after the third, at the size of the last two dimensions."""
    height, width = shape[-2:]
    count = int(np.prod(shape[:-2]))
    channels = int(picture.shape[1])
    weights = np.zeros((count, channels, 1, 1), np.float32)
    for number in range(count):
        if channels == 3 and number >= 3:
            weights[number, :, 0, 0] = scale / 3
        else:
            weights[number, number % channels, 0, 0] = scale
    sized = opset11.interpolate(
        picture,
        np.array([height, width], np.int64),
        "nearest",
        "sizes",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=np.array([2, 3], np.int64),
    )
    made = ops.convolution(sized, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    return ops.reshape(made, shape, False)


def write_zoo(specs: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Every network as IR, where ``blobconverter.from_zoo`` looks; what is there as said stays."""
    for name, said in specs.items():
        place = folder / name / "FP16"
        line = place / "line.json"
        text = json.dumps(said)
        if not line.is_file() or line.read_text() != text:
            place.mkdir(parents=True, exist_ok=True)
            ov.save_model(stand_in(said), place / f"{name}.xml", compress_to_fp16=False)
            line.write_text(text)


def write_blob(said: Mapping[str, Any], path: Path) -> None:
    """One network as a blob, for frames of bytes if nothing else is said."""
    shaves = int(said.get("shaves", 6))
    made = oakwright.convert(
        stand_in(said), shaves=shaves, input_precision=said.get("precision", "U8")
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_aside(path, made.blobs[shaves])
