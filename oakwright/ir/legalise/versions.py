"""Newer versions that mean the same as an older one, and operations that do nothing."""

from __future__ import annotations

from collections.abc import Sequence

from openvino import Node, Output

from .rewrite import Refusal, Rule, array_of, constant_input, op, reshape, shape_of


def softmax(node: Node) -> Sequence[Output] | None:
    """Softmax-8 allows a negative axis; Softmax-1 does not."""
    if node.type_info.version_id == "opset1":
        return None
    rank = len(shape_of(node.output(0)))
    axis = int(node.get_attributes()["axis"]) % rank
    return [op("Softmax", [node.input_value(0)], {"axis": axis})]


def squeeze(node: Node) -> Sequence[Output] | None:
    """Squeeze-15, and any Squeeze without axes, is a Reshape."""
    if node.type_info.version_id == "opset1" and node.get_input_size() == 2:
        return None
    return [reshape(node.input_value(0), shape_of(node.output(0)))]


def reshape_to_scalar(node: Node) -> Sequence[Output] | None:
    """A Reshape to no dimensions is a Squeeze, which OpenVINO's CPU plugin survives."""
    if shape_of(node.output(0)) or not node.get_input_partial_shape(0).is_static:
        return None
    return [reshape(node.input_value(0), [])]


def identity(node: Node) -> Sequence[Output]:
    """Identity-16 passes its input on."""
    return [node.input_value(0)]


def convert_promote_types(node: Node) -> Sequence[Output]:
    """Two Converts to the type that was agreed on."""
    return [
        value
        if value.get_element_type() == out.get_element_type()
        else convert(value, out.get_element_type().to_string())
        for value, out in zip(node.input_values(), node.outputs(), strict=True)
    ]


def convert(value: Output, wanted: str) -> Output:
    """The tensor in another element type."""
    return op("Convert", [value], {"destination_type": wanted}).output(0)


def broadcast(node: Node) -> Sequence[Output]:
    """Broadcast-1/3 of static shape repeats what has length 1: Reshape and Tile."""
    shape, wanted = shape_of(node.input_value(0)), shape_of(node.output(0))
    mode = node.get_attributes()["mode"]
    if mode == "explicit":
        axes = constant_input(node, 2).ravel().tolist()
        lifted = [1] * len(wanted)
        for axis, size in zip(axes, shape, strict=True):
            lifted[axis] = size
    elif mode == "pdpd":
        start = int(node.get_attributes().get("axis", -1))
        start = len(wanted) - len(shape) if start < 0 else start
        lifted = [1] * start + shape + [1] * (len(wanted) - len(shape) - start)
    else:
        lifted = [1] * (len(wanted) - len(shape)) + shape
    source = reshape(node.input_value(0), lifted)
    return [tile(source, [b // a for a, b in zip(lifted, wanted, strict=True)])]


def tile(source: Output, repeats: Sequence[int]) -> Output:
    """The tensor, repeated along its axes; itself where nothing is repeated."""
    if all(count == 1 for count in repeats):
        return source
    return op("Tile", [source, list(repeats)]).output(0)


def detection_output(node: Node) -> Sequence[Output] | None:
    """DetectionOutput-8 finds the number of classes itself; DetectionOutput-1 is told."""
    if node.type_info.version_id == "opset1":
        return None
    attrs = dict(node.get_attributes())
    boxes, scores = shape_of(node.input_value(0))[1], shape_of(node.input_value(1))[1]
    priors = shape_of(node.input_value(2))[2] // (4 if attrs["normalized"] else 5)
    if not priors or scores % priors or boxes % priors:
        raise Refusal(
            f"{scores} scores and {boxes} box coordinates do not share {priors} priors",
            "check the inputs of DetectionOutput in the source model",
        )
    attrs["num_classes"] = scores // priors
    return [op("DetectionOutput", node.input_values(), attrs)]


def roi_align(node: Node) -> Sequence[Output] | None:
    """ROIAlign-9 with aligned_mode 'asymmetric' is ROIAlign-3."""
    if node.type_info.version_id == "opset3":
        return None
    attrs = dict(node.get_attributes())
    if str(attrs["mode"]).lower() == "max":
        raise Refusal(
            "ROIAlign by maximum: ONNX takes the maximum before it weighs, OpenVINO after it",
            "use the average, as every detection network does",
        )
    mode = attrs.pop("aligned_mode", "asymmetric")
    if mode != "asymmetric":
        raise Refusal(
            f"ROIAlign with aligned_mode '{mode}' (torchvision's aligned=True)",
            "export with aligned=False, or subtract half a pixel from the boxes before",
        )
    return [op("ROIAlign", node.input_values(), attrs, version=3)]


def gelu(node: Node) -> Sequence[Output] | None:
    """Gelu-7 of the exact kind is Gelu-2."""
    if node.type_info.version_id == "opset2":
        return None
    if str(node.get_attributes().get("approximation_mode", "ERF")).upper() != "ERF":
        return None
    return [op("Gelu", [node.input_value(0)], version=2)]


def prelu(node: Node) -> Sequence[Node] | None:
    """PRelu with slopes of run time, or one per element: max(x, 0) + slope * min(x, 0)."""
    x, slope = node.input_values()
    shape, slopes = shape_of(x), array_of(slope)
    channels = shape[1] if len(shape) > 1 else 1
    if slopes is not None and slopes.size in (1, channels):
        return None
    negative = op("Minimum", [x, 0.0])
    return [op("Add", [op("Relu", [x]), op("Multiply", [negative, slope])])]


def drop_unread(node: Node) -> Sequence[Output] | None:
    """One-output split of a tensor into itself."""
    if len(node.outputs()) != 1:
        return None
    return [node.input_value(0)]


def random_numbers(node: Node) -> Sequence[Output]:
    """The chip has no source of random numbers."""
    raise Refusal(
        "random numbers are drawn while the network runs",
        "make them an input of the model, or a constant (dropout belongs to training: export "
        "with model.eval())",
    )


RULES: dict[str, Sequence[Rule]] = {
    "Softmax": [softmax],
    "Squeeze": [squeeze],
    "Reshape": [reshape_to_scalar],
    "Identity": [identity],
    "ConvertPromoteTypes": [convert_promote_types],
    "Broadcast": [broadcast],
    "DetectionOutput": [detection_output],
    "ROIAlign": [roi_align],
    "Gelu": [gelu],
    "PRelu": [prelu],
    "Split": [drop_unread],
    "VariadicSplit": [drop_unread],
    "RandomUniform": [random_numbers],
    "RandomPoisson": [random_numbers],
    "Multinomial": [random_numbers],
}
