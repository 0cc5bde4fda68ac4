"""A deploy network as a list of layers, and that list as an openvino model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset8

from oakwright.errors import UnreadableModel, UnsupportedModel, UsageError
from oakwright.ir import Finding

from .basic import BASIC, same
from .layer import Layer, LayerError
from .shapes import SHAPES
from .text import Message

_BUILDERS = {**BASIC, **SHAPES}
_NO_LAYERS = ("transform_param", "loss_param", "data_param", "image_data_param")
_DATA = ("Data", "ImageData", "HDF5Data", "AnnotatedData", "DummyData", "MemoryData", "WindowData")
# Type names of the older form, `layers { type: INNER_PRODUCT }`.
_OLD_NAMES = {
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "RELU": "ReLU",
    "TANH": "TanH",
    "ABSVAL": "AbsVal",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "HDF5_DATA": "HDF5Data",
    "IMAGE_DATA": "ImageData",
    "ARGMAX": "ArgMax",
}


@dataclass
class Network:
    """Inputs by name with their shapes, layers in order, and what was left out."""

    inputs: dict[str, list[int]] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def network_of(message: Message, blobs: Mapping[str, list[np.ndarray]]) -> Network:
    """The layers that count when the network is used. Raises LayerError."""
    net = Network()
    shapes = [_dims(shape) for shape in message.get("input_shape", [])]
    flat = [int(size) for size in message.get("input_dim", [])]
    shapes += [flat[i : i + 4] for i in range(0, len(flat), 4)]
    names = [str(name) for name in message.get("input", [])]
    if len(names) > len(shapes):
        raise LayerError(f"{len(names)} inputs, but {len(shapes)} input shapes")
    net.inputs.update(zip(names, shapes, strict=False))
    entries = [(entry, False) for entry in message.get("layer", [])]
    entries += [(entry, True) for entry in message.get("layers", [])]
    for entry, is_old in entries:
        if not isinstance(entry, dict) or not _is_used(entry):
            continue
        layer = _layer(entry, blobs, is_old)
        if layer.kind == "Input":
            dims = [_dims(shape) for shape in layer.parameters.get("shape", [])]
            if not dims:
                raise LayerError(f"input '{layer.name}' has no shape")
            net.inputs.update(
                {top: dims[min(i, len(dims) - 1)] for i, top in enumerate(layer.tops)}
            )
        elif layer.kind in _DATA:
            raise LayerError(
                f"layer '{layer.name}' reads data: this is the network for training, not the"
                " deploy one"
            )
        elif layer.kind.endswith("Loss") or layer.kind in ("Accuracy", "Silence"):
            net.left_out.append(f"{layer.name} ({layer.kind})")
        else:
            net.layers.append(layer)
    return net


def build(
    net: Network, where: str, shapes: Mapping[str, Sequence[int]]
) -> tuple[ov.Model, dict[str, str]]:
    """The model, and which layer gives each output.

    Raises UnsupportedModel for all unknown layers at once, UnreadableModel for one that makes no
    sense.
    """
    unknown = [layer for layer in net.layers if layer.kind not in _BUILDERS]
    if unknown:
        findings = tuple(
            Finding(layer.name, layer.kind, layer.name, "oakwright has no rule for it", "")
            for layer in unknown
        )
        lines = "\n".join(f"  - {finding}" for finding in findings)
        raise UnsupportedModel(
            f"{where}: Caffe layers that cannot be read\n{lines}",
            remedy="cut the .prototxt before them, or convert the network to ONNX with a tool that"
            " knows them",
            findings=findings,
        )
    tensors: dict[str, Any] = {}
    producers: dict[str, str] = {}
    parameters = []
    for index, (name, shape) in enumerate(net.inputs.items()):
        wanted = _wanted(name, index, len(net.inputs), shape, shapes)
        parameter = opset8.parameter(wanted, np.float32, name)
        parameters.append(parameter)
        tensors[name] = parameter.output(0)
        tensors[name].get_tensor().set_names({name})
    ends: dict[str, None] = {}
    for layer in net.layers:
        _build_layer(layer, tensors, where)
        for bottom in layer.bottoms:
            ends.pop(bottom, None)
        ends.update(dict.fromkeys(layer.tops))
        producers.update(dict.fromkeys(layer.tops, layer.name))
    results = []
    for name in ends:
        result = opset8.result(tensors[name])
        result.set_friendly_name(f"{name}/result")
        results.append(result)
    model = ov.Model(results, parameters, "caffe")
    model.validate_nodes_and_infer_types()
    return model, {name: producers[name] for name in ends}


def _build_layer(layer: Layer, tensors: dict[str, Any], where: str) -> None:
    try:
        missing = [name for name in layer.bottoms if name not in tensors]
        if missing or not layer.bottoms:
            raise LayerError(
                f"it reads '{missing[0]}', which no layer makes" if missing else "it has no input"
            )
        inputs = [tensors[name] for name in layer.bottoms]
        made = _BUILDERS[layer.kind](layer, inputs)
        if len(made) != len(layer.tops):
            raise LayerError(f"it gives {len(made)} tensors, {len(layer.tops)} are named")
    except (LayerError, RuntimeError, ValueError, TypeError, IndexError, OverflowError) as error:
        reason = str(error).strip().splitlines()[-1][:300] if str(error).strip() else ""
        raise UnreadableModel(
            f"{where}: layer '{layer.name}' ({layer.kind}) makes no sense: {reason}",
            remedy="check that .prototxt and .caffemodel belong together, and the input's shape",
            path=where,
            layer=layer.name,
        ) from error
    if _BUILDERS[layer.kind] is not same:
        for tensor in made:
            tensor.get_node().set_friendly_name(layer.name)
    for top, tensor in zip(layer.tops, made, strict=True):
        before = tensors.get(top)
        if before is not None and before.get_node() is not tensor.get_node():
            # In place: the name goes to the last that bears it.
            before.get_tensor().set_names(before.get_names() - {top})
        if tensor.get_node().get_type_name() != "Parameter":
            tensor.get_tensor().add_names({top})
        tensors[top] = tensor


def _wanted(
    name: str, index: int, count: int, shape: list[int], shapes: Mapping[str, Sequence[int]]
) -> list[int]:
    for key in (name, f"#{index}", ""):
        if key in shapes and (key or count == 1 or len(shape) == len(shapes[key])):
            shape = [int(size) for size in shapes[key]]
            break
    if not shape or any(size < 1 for size in shape) or len(shape) > 6:
        raise UsageError(
            f"input '{name}' has the shape {shape}",
            remedy="give --shape 1,3,224,224",
            key="shape",
        )
    return shape


def _layer(entry: Message, blobs: Mapping[str, list[np.ndarray]], is_old: bool) -> Layer:
    name = str(entry.get("name", ["?"])[-1])
    kind = str(entry.get("type", ["?"])[-1])
    if is_old:
        kind = _OLD_NAMES.get(kind, kind.replace("_", " ").title().replace(" ", ""))
    parameters: Message = {}
    for key, values in entry.items():
        if key.endswith("_param") and key not in _NO_LAYERS:
            for value in values:
                if isinstance(value, dict):
                    parameters.update(value)
    bottoms = [str(bottom) for bottom in entry.get("bottom", [])]
    tops = [str(top) for top in entry.get("top", [])]
    return Layer(name, kind, bottoms, tops, entry, blobs.get(name, []), parameters)


def _is_used(entry: Message) -> bool:
    """Whether a layer counts when testing: Caffe's include and exclude rules on the phase."""

    def phases(key: str) -> list[str]:
        rules = [rule for rule in entry.get(key, []) if isinstance(rule, dict)]
        return [str(phase) for rule in rules for phase in rule.get("phase", [])]

    include, exclude = phases("include"), phases("exclude")
    return (not include or "TEST" in include) and "TEST" not in exclude


def _dims(shape: Any) -> list[int]:
    return [int(size) for size in shape.get("dim", [])] if isinstance(shape, dict) else []
